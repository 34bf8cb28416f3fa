/* SPDX-License-Identifier: MIT */
/*
 * Answers of workers, as clients get them.
 */
#include "daemon/reply.h"

#include "fixture_loop.h"

static struct buffer source;

static void setup(void)
{
        loop_begin();
        buffer_init(&source, &buffers);
}

static void teardown(void)
{
        buffer_clear(&source);
        loop_end();
}

static struct rpc_part part(const char *json)
{
        struct rpc_part result = {json ? &source : NULL, source.length, json ? strlen(json) : 0};

        if (json)
                ck_assert_int_eq(buffer_append(&source, json, strlen(json)), 0);
        return result;
}

/* What the client reads, from "result" or "error" on. */
static const char *translated(const char *result, const char *error, const char *kind,
                              const char *data, const char *traceback)
{
        const struct channel_answer from = {
                .serial = 1,
                .result = part(result),
                .error = part(error),
                .kind = part(kind),
                .data = part(data),
                .traceback = part(traceback),
        };
        struct rpc_answer answer;
        struct buffer out;

        buffer_init(&out, &buffers);
        rpc_answer_init(&answer, &buffers);
        reply_translate(&from, &answer);
        ck_assert_int_eq(rpc_answer_write(&answer, "1", 1, &out), 0);
        const char *text = buffer_text(&out);
        buffer_clear(&out);
        rpc_answer_clear(&answer);
        return text + strlen("{\"jsonrpc\":\"2.0\",\"id\":1,");
}

START_TEST(a_result_is_a_result)
{
        ck_assert_str_eq(translated("{\"a\": 1}", NULL, NULL, NULL, NULL),
                         "\"result\":{\"a\": 1}}");
        ck_assert_str_eq(translated("null", NULL, "\"exception\"", NULL, NULL), "\"result\":null}");
}
END_TEST

START_TEST(an_error_of_our_own_loop_is_passed_on)
{
        ck_assert_str_eq(translated(NULL, "\"ValueError: x\"", "\"exception\"",
                                    "{\"kind\":\"exception\",\"args\":[]}", NULL),
                         "\"error\":{\"code\":-32000,\"message\":\"ValueError: x\",\"data\":"
                         "{\"kind\":\"exception\",\"args\":[]}}}");
}
END_TEST

START_TEST(the_kind_picks_the_code)
{
        static const struct {
                const char *kind, *code;
        } rows[] = {
                {"\"invalid_params\"", "-32602,"},
                {"\"method_not_found\"", "-32601,"},
                {"\"too_large\"", "-32008,"},
                {"\"exception\"", "-32000,"},
                {"\"timeout\"", "-32000,"},
                {"\"ok\"", "-32000,"},
                {"\"worker_died\"", "-32000,"},
                {"\"\"", "-32000,"},
                {"7", "-32000,"},
                {NULL, "-32000,"},
                {"\"a kind that is far longer than any kind could be\"", "-32000,"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *text = translated(NULL, "\"m\"", rows[i].kind, "{}", NULL);
                ck_assert_int_eq(strncmp(text, "\"error\":{\"code\":", 16), 0);
                ck_assert_int_eq(strncmp(text + 16, rows[i].code, strlen(rows[i].code)), 0);
        }
}
END_TEST

START_TEST(a_missing_method_has_the_words_of_the_specification)
{
        ck_assert_ptr_nonnull(strstr(translated(NULL, "\"no function f\"", "\"method_not_found\"",
                                                "{\"detail\":1}", NULL),
                                     "\"message\":\"Method not found\",\"data\":{\"detail\":1}"));
}
END_TEST

START_TEST(a_plain_error_becomes_an_exception)
{
        ck_assert_str_eq(translated(NULL, "\"boom\"", NULL, NULL, "\"Traceback\""),
                         "\"error\":{\"code\":-32000,\"message\":\"boom\",\"data\":{\"kind\":"
                         "\"exception\",\"error\":\"boom\",\"traceback\":\"Traceback\"}}}");
        ck_assert_str_eq(translated(NULL, "{\"why\":1}", NULL, NULL, NULL),
                         "\"error\":{\"code\":-32000,\"message\":\"Python exception\",\"data\":"
                         "{\"kind\":\"exception\",\"error\":{\"why\":1}}}}");
}
END_TEST

START_TEST(other_kinds_have_their_kind_as_data)
{
        ck_assert_str_eq(translated(NULL, "\"m\"", "\"invalid_params\"", NULL, NULL),
                         "\"error\":{\"code\":-32602,\"message\":\"m\",\"data\":{\"kind\":"
                         "\"invalid_params\"}}}");
}
END_TEST

/* An error's data is always an object with its kind, whatever a program's own loop sends. */
START_TEST(data_that_is_no_object_is_left_out)
{
        ck_assert_str_eq(translated(NULL, "\"m\"", NULL, "[1]", NULL),
                         "\"error\":{\"code\":-32000,\"message\":\"m\",\"data\":{\"kind\":"
                         "\"exception\",\"error\":\"m\"}}}");
}
END_TEST

START_TEST(what_is_no_answer_says_what_is_wrong)
{
        struct rpc_answer answer;
        struct buffer out;

        buffer_init(&out, &buffers);
        rpc_answer_init(&answer, &buffers);
        reply_refuse(&answer, "it is wrong");
        ck_assert_int_eq(rpc_answer_write(&answer, "1", 1, &out), 0);
        ck_assert_str_eq(buffer_text(&out),
                         "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":"
                         "\"it is wrong\",\"data\":{\"kind\":\"exception\",\"detail\":"
                         "\"it is wrong\"}}}");
        buffer_clear(&out);
        rpc_answer_clear(&answer);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("reply");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, a_result_is_a_result);
        tcase_add_test(tcase, an_error_of_our_own_loop_is_passed_on);
        tcase_add_test(tcase, the_kind_picks_the_code);
        tcase_add_test(tcase, a_missing_method_has_the_words_of_the_specification);
        tcase_add_test(tcase, a_plain_error_becomes_an_exception);
        tcase_add_test(tcase, other_kinds_have_their_kind_as_data);
        tcase_add_test(tcase, data_that_is_no_object_is_left_out);
        tcase_add_test(tcase, what_is_no_answer_says_what_is_wrong);
        return run_suite(suite);
}
