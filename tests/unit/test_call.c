/* SPDX-License-Identifier: MIT */
/*
 * Every rule that a request has to keep, read from lines as clients send them.
 */
#include "daemon/call.h"

#include "fixture_loop.h"

static struct envelope envelope;
static struct buffer source;
static struct call call;

static void setup(void)
{
        loop_begin();
        buffer_init(&source, &buffers);
        envelope_init(&envelope, &call_names, 8);
}

static void teardown(void)
{
        buffer_clear(&source);
        envelope_clear(&envelope);
        loop_end();
}

/* NULL, or what is wrong with the line. */
static const char *read_line(const char *line)
{
        size_t used;

        buffer_clear(&source);
        envelope_reset(&envelope);
        ck_assert_int_eq(buffer_append(&source, line, strlen(line)), 0);
        envelope_feed(&envelope, line, strlen(line), &used);
        envelope_finish(&envelope);
        ck_assert_int_eq(envelope.error, ENVELOPE_OK);
        return call_read(&call, &envelope.message, &source);
}

/* The line of a valid request, with `rest` behind its version and method. */
static const char *request_with(const char *rest)
{
        static char line[16384];

        snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"method\":\"calc.add\"%s}", rest);
        return line;
}

static void check_id(const char *expected)
{
        ck_assert_uint_eq(call.id_length, strlen(expected));
        ck_assert_int_eq(memcmp(call.id, expected, call.id_length), 0);
}

static void check_wrong(const char *line, const char *about, const char *id)
{
        const char *wrong = read_line(line);

        ck_assert_msg(wrong && strstr(wrong, about), "%s: %s", line, wrong ? wrong : "accepted");
        check_id(id);
        ck_assert(!call.is_notification);
}

START_TEST(a_whole_request_is_read)
{
        ck_assert_ptr_null(
                read_line(request_with(",\"params\":{\"a\":1},\"id\":\"x\",\"timeout\":1.5")));
        ck_assert_str_eq(call.method, "calc.add");
        ck_assert_uint_eq(call.method_length, 8);
        check_id("\"x\"");
        ck_assert(!call.is_notification);
        ck_assert_int_eq(call.params.type, ENVELOPE_OBJECT);
        ck_assert_uint_eq(call.params.length, strlen("{\"a\":1}"));
        ck_assert_uint_eq(call.timeout, 1500000);
}
END_TEST

START_TEST(without_an_id_it_is_a_notification)
{
        ck_assert_ptr_null(read_line(request_with("")));
        ck_assert(call.is_notification);
        ck_assert_int_eq(call.params.type, ENVELOPE_ABSENT);
        ck_assert_uint_eq(call.timeout, 0);
}
END_TEST

START_TEST(ids_are_kept_as_they_stand)
{
        static const char *const ids[] = {
                "0", "-1", "1e5", "1.0", "12345678901234567890123", "\"\"", "\"\\u0041\"", "null",
        };

        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
                char rest[64];
                snprintf(rest, sizeof(rest), ",\"id\": %s ", ids[i]);
                ck_assert_ptr_null(read_line(request_with(rest)));
                check_id(ids[i]);
                ck_assert(!call.is_notification);
        }
}
END_TEST

START_TEST(an_id_has_256_bytes_at_most)
{
        char rest[512] = ",\"id\":\"", id[REQUEST_ID_MAX + 1];

        memset(id, 'i', sizeof(id));
        id[0] = id[REQUEST_ID_MAX - 1] = '"';
        id[REQUEST_ID_MAX] = '\0';
        snprintf(rest, sizeof(rest), ",\"id\":%s", id);
        ck_assert_ptr_null(read_line(request_with(rest)));
        check_id(id);
        snprintf(rest, sizeof(rest), ",\"id\":\"i%s", id + 1);
        check_wrong(request_with(rest), "256", "null");
}
END_TEST

START_TEST(other_ids_are_refused)
{
        static const char *const ids[] = {"[1]", "{}", "true", "false"};

        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
                char rest[64];
                snprintf(rest, sizeof(rest), ",\"id\":%s", ids[i]);
                check_wrong(request_with(rest), "an id is", "null");
        }
}
END_TEST

START_TEST(the_version_must_be_right)
{
        check_wrong("{\"method\":\"a.b\",\"id\":1}", "jsonrpc", "1");
        check_wrong("{\"jsonrpc\":2.0,\"method\":\"a.b\",\"id\":1}", "jsonrpc", "1");
        check_wrong("{\"jsonrpc\":\"1.0\",\"method\":\"a.b\",\"id\":1}", "jsonrpc", "1");
        check_wrong("{\"jsonrpc\":\"2.00\",\"method\":\"a.b\",\"id\":1}", "jsonrpc", "1");
        check_wrong("{\"jsonrpc\":\"2.0\",\"method\":1,\"id\":1}", "method", "1");
        check_wrong("{\"jsonrpc\":\"2.0\",\"id\":1}", "method", "1");
}
END_TEST

START_TEST(a_method_is_decoded)
{
        ck_assert_ptr_null(read_line(
                "{\"jsonrpc\":\"2.0\",\"method\":\"c\\u00e9\\u0000\\n.\\ud83d\\ude00\"}"));
        ck_assert_uint_eq(call.method_length, 10);
        ck_assert_int_eq(memcmp(call.method, "c\xc3\xa9\0\n.\xf0\x9f\x98\x80", 11), 0);
}
END_TEST

static const char *with_method(size_t length, const char *unit)
{
        static char line[8 * CALL_METHOD_MAX];
        char *p = stpcpy(line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"");

        for (size_t i = 0; i < length; i++)
                p = stpcpy(p, unit);
        strcpy(p, "\"}");
        return line;
}

START_TEST(a_method_has_its_longest_length)
{
        ck_assert_ptr_null(read_line(with_method(CALL_METHOD_MAX, "m")));
        ck_assert_uint_eq(call.method_length, CALL_METHOD_MAX);
        ck_assert_ptr_null(read_line(with_method(CALL_METHOD_MAX, "\\u006d")));
        ck_assert_uint_eq(call.method_length, CALL_METHOD_MAX);
        ck_assert(!call.is_unnamed);
        ck_assert_ptr_null(read_line(with_method(CALL_METHOD_MAX + 1, "m")));
        ck_assert(call.is_unnamed);
        ck_assert_ptr_null(read_line(with_method(CALL_METHOD_MAX + 1, "\\u006d")));
        ck_assert(call.is_unnamed);
        ck_assert_ptr_null(read_line(with_method(0, "")));
        ck_assert_uint_eq(call.method_length, 0);
}
END_TEST

START_TEST(params_are_an_object_or_an_array)
{
        ck_assert_ptr_null(read_line(request_with(",\"params\":[]")));
        ck_assert_int_eq(call.params.type, ENVELOPE_ARRAY);
        check_wrong(request_with(",\"id\":1,\"params\":null"), "params", "1");
        check_wrong(request_with(",\"id\":1,\"params\":\"x\""), "params", "1");
        check_wrong(request_with(",\"params\":1"), "params", "null");
}
END_TEST

START_TEST(a_timeout_is_a_number_over_0)
{
        static const struct {
                const char *text;
                uint64_t usec;
        } rows[] = {
                {"1", 1000000},      {"0.25", 250000},
                {"1e-9", 1},         {"1e400", 31536000000000},
                {"2E3", 2000000000}, {"31536001", 31536000000000},
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char rest[64];
                snprintf(rest, sizeof(rest), ",\"timeout\":%s", rows[i].text);
                ck_assert_ptr_null(read_line(request_with(rest)));
                ck_assert_uint_eq(call.timeout, rows[i].usec);
        }
        check_wrong(request_with(",\"id\":1,\"timeout\":0"), "timeout", "1");
        check_wrong(request_with(",\"id\":1,\"timeout\":-1"), "timeout", "1");
        check_wrong(request_with(",\"id\":1,\"timeout\":\"1\""), "timeout", "1");
        check_wrong(request_with(",\"id\":1,\"timeout\":null"), "timeout", "1");
        check_wrong(request_with(",\"id\":1,\"timeout\":1e-400"), "timeout", "1");
}
END_TEST

START_TEST(a_member_stands_once)
{
        check_wrong(request_with(",\"id\":1,\"id\":2"), "twice", "1");
        check_wrong(request_with(",\"id\":1,\"x\":1,\"\\u0078\":2"), "twice", "1");
        check_wrong(request_with(",\"method\":\"calc.sub\",\"id\":1"), "twice", "1");
}
END_TEST

START_TEST(members_are_not_without_number)
{
        char rest[1024] = ",\"id\":1";

        for (char name = 0; name < 29; name++)
                strcat(rest, (char[]){',', '"', (char)('0' + name), '"', ':', '0', '\0'});
        ck_assert_ptr_null(read_line(request_with(rest)));
        strcat(rest, ",\"last\":0");
        check_wrong(request_with(rest), "32 members", "1");
}
END_TEST

START_TEST(unknown_members_do_not_matter)
{
        ck_assert_ptr_null(read_line(request_with(",\"id\":1,\"trace\":{\"id\":[2],\"id\":3}")));
        check_id("1");
}
END_TEST

START_TEST(what_is_no_object_is_no_request)
{
        static const char *const lines[] = {"1", "\"x\"", "null", "true"};

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
                check_wrong(lines[i], "object", "null");
}
END_TEST

START_TEST(elements_of_a_batch_are_read_alike)
{
        size_t used;
        static const char line[] =
                "[1, {\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"a.b\",\"params\":[9]}]\n";

        ck_assert_int_eq(buffer_append(&source, line, strlen(line)), 0);
        envelope_feed(&envelope, line, strlen(line), &used);
        ck_assert_uint_eq(envelope.n_elements, 2);
        ck_assert_ptr_nonnull(call_read(&call, &envelope.elements[0], &source));
        ck_assert_ptr_null(call_read(&call, &envelope.elements[1], &source));
        check_id("7");
        ck_assert_int_eq(memcmp(line + call.params.offset, "[9]", 3), 0);
}
END_TEST

START_TEST(the_id_of_a_line_that_is_still_coming_is_found)
{
        static const char line[] = "{\"id\":\"abc\",\"params\":\"xxxxxxxx";
        size_t used;

        ck_assert_int_eq(buffer_append(&source, line, strlen(line)), 0);
        envelope_feed(&envelope, line, strlen(line), &used);
        call_read_id(&call, &envelope.message, &source);
        check_id("\"abc\"");
        buffer_clear(&source);
        call_read_id(&call, &envelope.message, &source);
        check_id("null");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("call");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, a_whole_request_is_read);
        tcase_add_test(tcase, without_an_id_it_is_a_notification);
        tcase_add_test(tcase, ids_are_kept_as_they_stand);
        tcase_add_test(tcase, an_id_has_256_bytes_at_most);
        tcase_add_test(tcase, other_ids_are_refused);
        tcase_add_test(tcase, the_version_must_be_right);
        tcase_add_test(tcase, a_method_is_decoded);
        tcase_add_test(tcase, a_method_has_its_longest_length);
        tcase_add_test(tcase, params_are_an_object_or_an_array);
        tcase_add_test(tcase, a_timeout_is_a_number_over_0);
        tcase_add_test(tcase, a_member_stands_once);
        tcase_add_test(tcase, members_are_not_without_number);
        tcase_add_test(tcase, unknown_members_do_not_matter);
        tcase_add_test(tcase, what_is_no_object_is_no_request);
        tcase_add_test(tcase, elements_of_a_batch_are_read_alike);
        tcase_add_test(tcase, the_id_of_a_line_that_is_still_coming_is_found);
        return run_suite(suite);
}
