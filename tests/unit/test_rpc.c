/* SPDX-License-Identifier: MIT */
/*
 * The table of outcomes, and answers as they stand on the wire.
 */
#include "common/rpc.h"

#include "fixture_loop.h"

#include <json-c/json.h>

static struct rpc_answer answer;
static struct buffer out, source;

static void setup(void)
{
        loop_begin();
        rpc_answer_init(&answer, &buffers);
        buffer_init(&out, &buffers);
        buffer_init(&source, &buffers);
}

static void teardown(void)
{
        rpc_answer_clear(&answer);
        buffer_clear(&out);
        buffer_clear(&source);
        loop_end();
}

static const char *written(const char *id)
{
        buffer_clear(&out);
        ck_assert_int_eq(rpc_answer_write(&answer, id, strlen(id), &out), 0);
        return buffer_text(&out);
}

/* Puts raw JSON into the source. */
static struct rpc_part part(const char *json)
{
        struct rpc_part result = {&source, source.length, strlen(json)};

        ck_assert_int_eq(buffer_append(&source, json, strlen(json)), 0);
        return result;
}

START_TEST(the_table_is_that_of_the_protocol)
{
        static const struct {
                enum rpc_status status;
                int code;
                const char *kind;
        } rows[] = {
                {RPC_PARSE_ERROR, -32700, "parse_error"},
                {RPC_INVALID_REQUEST, -32600, "invalid_request"},
                {RPC_METHOD_NOT_FOUND, -32601, "method_not_found"},
                {RPC_INVALID_PARAMS, -32602, "invalid_params"},
                {RPC_INTERNAL_ERROR, -32603, "internal_error"},
                {RPC_EXCEPTION, -32000, "exception"},
                {RPC_OVERLOADED, -32001, "overloaded"},
                {RPC_TIMEOUT, -32002, "timeout"},
                {RPC_WORKER_DIED, -32003, "worker_died"},
                {RPC_SHUTTING_DOWN, -32004, "shutting_down"},
                {RPC_UNAVAILABLE, -32005, "unavailable"},
                {RPC_CANCELLED, -32006, "cancelled"},
                {RPC_FORBIDDEN, -32007, "forbidden"},
                {RPC_TOO_LARGE, -32008, "too_large"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                ck_assert_int_eq(rpc_status_code(rows[i].status), rows[i].code);
                ck_assert_str_eq(rpc_status_kind(rows[i].status), rows[i].kind);
                ck_assert_int_eq(rpc_status_from_kind(rows[i].kind, strlen(rows[i].kind)),
                                 rows[i].status);
                ck_assert_str_ne(rpc_status_message(rows[i].status), "");
        }
}
END_TEST

START_TEST(a_kind_that_is_none_has_no_status)
{
        static const char *const kinds[] = {"", "time", "timeouts", "Timeout"};

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                ck_assert_int_eq(rpc_status_from_kind(kinds[i], strlen(kinds[i])),
                                 RPC_STATUS_COUNT);
        ck_assert_int_eq(rpc_status_from_kind("timeouts", 7), RPC_TIMEOUT);
}
END_TEST

START_TEST(a_result_is_passed_on_as_it_lies)
{
        part("[0,");
        answer.result = part("{ \"a\": 1.50 }");
        part("]");
        ck_assert_str_eq(written("\"x\""),
                         "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{ \"a\": 1.50 }}");
}
END_TEST

START_TEST(no_result_is_null)
{
        ck_assert_str_eq(written("1"), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}");
}
END_TEST

START_TEST(a_large_result_is_not_copied)
{
        _cleanup_free_ char *large = malloc(1000001);

        memset(large, '7', 1000000);
        large[1000000] = '\0';
        answer.result = part(large);
        size_t memory = buffers.memory;
        const char *text = written("1");
        ck_assert_uint_le(buffers.memory, memory + 1024);
        ck_assert_uint_eq(strlen(text),
                          1000000 + strlen("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":}"));
}
END_TEST

START_TEST(an_error_has_code_message_and_data)
{
        answer.status = RPC_TIMEOUT;
        ck_assert_str_eq(written("1"),
                         "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32002,"
                         "\"message\":\"Timed out\",\"data\":{\"kind\":\"timeout\"}}}");
        answer.message = part("\"too slow\"");
        answer.data = part("{\"kind\":\"timeout\",\"stage\":\"run\"}");
        ck_assert_str_eq(written("null"),
                         "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32002,\"message\":"
                         "\"too slow\",\"data\":{\"kind\":\"timeout\",\"stage\":\"run\"}}}");
}
END_TEST

START_TEST(a_failure_tells_kind_detail_and_more)
{
        struct json_object *data = json_object_new_object();

        json_object_object_add(data, "retry_after", json_object_new_int(2));
        rpc_answer_fail(&answer, RPC_OVERLOADED, data, "%d of %s", 3, "\"them\"");
        ck_assert_ptr_nonnull(strstr(
                written("1"), "\"data\":{\"retry_after\":2,\"kind\":\"overloaded\",\"detail\":"
                              "\"3 of \\\"them\\\"\"}"));
        rpc_answer_fail(&answer, RPC_CANCELLED, NULL, NULL);
        ck_assert_ptr_nonnull(strstr(written("1"), "\"data\":{\"kind\":\"cancelled\"}"));
}
END_TEST

START_TEST(a_path_is_not_cluttered_with_backslashes)
{
        rpc_answer_fail(&answer, RPC_CANCELLED, NULL, "/srv/x");
        ck_assert_ptr_nonnull(strstr(written("1"), "\"/srv/x\""));
}
END_TEST

START_TEST(a_detail_that_is_too_long_is_cut)
{
        char text[5000];

        memset(text, 'x', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        rpc_answer_fail(&answer, RPC_CANCELLED, NULL, "%s", text);
        struct json_object *tree = json_tokener_parse(written("1")), *error, *data, *detail;
        ck_assert(json_object_object_get_ex(tree, "error", &error));
        ck_assert(json_object_object_get_ex(error, "data", &data));
        ck_assert(json_object_object_get_ex(data, "detail", &detail));
        ck_assert_int_gt(json_object_get_string_len(detail), 1000);
        ck_assert_int_lt(json_object_get_string_len(detail), 5000);
        json_object_put(tree);
}
END_TEST

START_TEST(success_is_made_of_a_tree)
{
        struct json_object *tree = json_object_new_object();

        json_object_object_add(tree, "pid", json_object_new_int(7));
        rpc_answer_fail(&answer, RPC_CANCELLED, NULL, NULL);
        rpc_answer_succeed(&answer, tree);
        ck_assert_str_eq(written("1"), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"pid\":7}}");
}
END_TEST

START_TEST(a_text_that_is_no_utf8_becomes_valid)
{
        static const struct {
                const char *from, *to;
        } rows[] = {
                {"", ""},
                {"plain", "plain"},
                {"h\xc3\xa9", "h\xc3\xa9"},
                {"a\xff"
                 "b",
                 "a\xef\xbf\xbd"
                 "b"},
                {"\x01\n\xc3", "\x01\n\xef\xbf\xbd"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct json_object *text = rpc_json_text(rows[i].from, strlen(rows[i].from));
                ck_assert_str_eq(json_object_get_string(text), rows[i].to);
                json_object_put(text);
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("rpc");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, the_table_is_that_of_the_protocol);
        tcase_add_test(tcase, a_kind_that_is_none_has_no_status);
        tcase_add_test(tcase, a_result_is_passed_on_as_it_lies);
        tcase_add_test(tcase, no_result_is_null);
        tcase_add_test(tcase, a_large_result_is_not_copied);
        tcase_add_test(tcase, an_error_has_code_message_and_data);
        tcase_add_test(tcase, a_failure_tells_kind_detail_and_more);
        tcase_add_test(tcase, a_path_is_not_cluttered_with_backslashes);
        tcase_add_test(tcase, a_detail_that_is_too_long_is_cut);
        tcase_add_test(tcase, success_is_made_of_a_tree);
        tcase_add_test(tcase, a_text_that_is_no_utf8_becomes_valid);
        return run_suite(suite);
}
