/* SPDX-License-Identifier: MIT */
/* What is noted of a line that is JSON: members, batches, where the line ends. */
#include "envelope_scan.h"
#include "suite.h"

#include <stdio.h>

#define MAX_ELEMENTS 5

enum { JSONRPC, ID, METHOD, PARAMS };

static void scan_text(struct envelope *envelope, const char *text, size_t max_elements)
{
        scan(envelope, text, strlen(text), max_elements);
}

static void check_absent(const struct envelope_message *message, unsigned member)
{
        ck_assert_int_eq(message->member[member].type, ENVELOPE_ABSENT);
}

START_TEST(test_members)
{
        const char text[] = " {\"jsonrpc\" : \"2.0\",\"id\":-17 ,\"method\":\"a.\\u0062\", "
                            "\"params\":{\"id\":2,\"method\":[null]},\"other\":true} \r";
        struct envelope envelope;
        const struct envelope_message *m = &envelope.message;

        scan_text(&envelope, text, 0);
        ck_assert_int_eq(envelope.error, ENVELOPE_OK);
        ck_assert(!envelope.is_batch);
        ck_assert_int_eq(m->fault, ENVELOPE_FAULT_NONE);
        check_span(text, &m->member[JSONRPC], ENVELOPE_STRING, "\"2.0\"");
        check_span(text, &m->member[ID], ENVELOPE_NUMBER, "-17");
        check_span(text, &m->member[METHOD], ENVELOPE_STRING, "\"a.\\u0062\"");
        check_span(text, &m->member[PARAMS], ENVELOPE_OBJECT, "{\"id\":2,\"method\":[null]}");
        ck_assert_uint_eq(m->value.offset, 1);
        ck_assert_uint_eq(m->value.length, strlen(text) - 3);
        envelope_clear(&envelope);
}
END_TEST

/* Every type, with and without white space around it. */
START_TEST(test_member_types)
{
        static const struct {
                const char *value;
                enum envelope_type type;
        } values[] = {
                {"null", ENVELOPE_NULL},         {"true", ENVELOPE_TRUE},
                {"false", ENVELOPE_FALSE},       {"0", ENVELOPE_NUMBER},
                {"-1.5e+10", ENVELOPE_NUMBER},   {"\"\"", ENVELOPE_STRING},
                {"\"}\\\"\"", ENVELOPE_STRING},  {"{}", ENVELOPE_OBJECT},
                {"{\"a\":[]}", ENVELOPE_OBJECT}, {"[]", ENVELOPE_ARRAY},
                {"[[1],{}]", ENVELOPE_ARRAY},
        };
        static const struct {
                const char *before, *after;
        } forms[] = {
                {"{\"id\":", "}"},
                {"{ \"id\" : ", " }"},
                {"{\"x\":1,\"id\":", ",\"y\":2}"},
        };
        struct envelope envelope;
        char text[100];

        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
                for (size_t j = 0; j < sizeof(forms) / sizeof(forms[0]); j++) {
                        snprintf(text, sizeof(text), "%s%s%s", forms[j].before, values[i].value,
                                 forms[j].after);
                        scan_text(&envelope, text, 0);
                        check_span(text, &envelope.message.member[ID], values[i].type,
                                   values[i].value);
                        check_absent(&envelope.message, METHOD);
                        envelope_clear(&envelope);
                }
}
END_TEST

/* Only a message's own members count: not those below, not those of something else. */
START_TEST(test_no_members)
{
        static const char *const texts[] = {
                "{}",
                "{\"params2\":1,\"i\":2,\"idd\":3,\"ID\":4,\"\":5}",
                "{\"x\":{\"id\":1,\"params\":2,\"method\":3,\"jsonrpc\":4}}",
                "{\"x\":[{\"id\":1}]}",
                "[{\"id\":1}]",
                "[\"id\",1]",
                "\"id\"",
                "{\"id\\u0000\":1,\"\\u0000id\":1,\"i\\u0000d\":1}",
                "{\"method\\u0000\":1,\"a method whose name is longer than any that is known\":1}",
                "{\"id \":1,\" id\":2,\"\\\"id\\\"\":3,\"\\ud800id\":4,\"id\\udc00\":5}",
        };
        struct envelope envelope;

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                scan_text(&envelope, texts[i], 0);
                ck_assert_int_eq(envelope.error, ENVELOPE_OK);
                ck_assert_int_eq(envelope.message.fault, ENVELOPE_FAULT_NONE);
                for (unsigned j = 0; j < names.count; j++)
                        check_absent(&envelope.message, j);
                envelope_clear(&envelope);
        }
}
END_TEST

START_TEST(test_escaped_names)
{
        static const char *const texts[] = {
                "{\"met\\u0068od\":1}",
                "{\"\\u006d\\u0065\\u0074\\u0068\\u006F\\u0064\":1}",
                "{\"\\u006dethod\":1}",
                "{\"metho\\u0064\":1}",
        };
        struct envelope envelope;

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                scan_text(&envelope, texts[i], 0);
                check_span(texts[i], &envelope.message.member[METHOD], ENVELOPE_NUMBER, "1");
                envelope_clear(&envelope);
        }
}
END_TEST

/* Names of any characters and of the greatest length can be looked for. */
START_TEST(test_strange_names)
{
        static const struct envelope_names strange = {
                5,
                {"\xF0\x9F\x98\x80", "a/\"\\\b\f\n\r\t", "0123456789012345678901234567890", "",
                 "\xED\x9F\xBF\xC3\xA9"},
        };
        const char text[] = "{\"\\uD83D\\uDE00\":0,\"a\\/\\\"\\\\\\b\\f\\n\\r\\t\":1,"
                            "\"0123456789012345678901234567890\":2,\"\":3,"
                            "\"\\ud7ff\xC3\xA9\":4,\"01234567890123456789012345678901\":5}";
        struct envelope envelope;

        for (size_t split = 0; split < sizeof(text); split++) {
                envelope_init(&envelope, &strange, 0);
                feed_part(&envelope, text, split);
                feed_part(&envelope, text + split, sizeof(text) - 1 - split);
                envelope_finish(&envelope);
                ck_assert_int_eq(envelope.error, ENVELOPE_OK);
                ck_assert_int_eq(envelope.message.fault, ENVELOPE_FAULT_NONE);
                for (unsigned i = 0; i < strange.count; i++) {
                        const char digit[] = {(char)('0' + i), '\0'};
                        check_span(text, &envelope.message.member[i], ENVELOPE_NUMBER, digit);
                }
                envelope_clear(&envelope);
                if (split == sizeof(text) - 1)
                        break;
        }
}
END_TEST

START_TEST(test_twice)
{
        static const char *const texts[] = {
                "{\"id\":1,\"id\":1}",
                "{\"id\":1,\"x\":2,\"id\":3}",
                "{\"id\":1,\"\\u0069d\":2}",
                "{\"i\\u0064\":1,\"id\":2}",
                "{\"x\":1,\"x\":1}",
                "{\"x\":1,\"\\u0078\":1}",
                "{\"\":1,\"\":1}",
                "{\"a\":1,\"b\":2,\"c\":3,\"b\":4}",
                "{\"\xC3\xA9\":1,\"\\u00E9\":1}",
                "{\"\xF0\x9F\x98\x80\":1,\"\\ud83d\\ude00\":1}",
                "{\"\\ud83d\":1,\"\\ud83D\":1}",
                "{\"\\n\":1,\"\\u000a\":1}",
                "{\"\\/\":1,\"/\":1}",
                ("{\"a name that is longer than thirty-one bytes\":1,"
                 "\"a name that is longer than thirty-one byte\\u0073\":1}"),
        };
        struct envelope envelope;

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                scan_text(&envelope, texts[i], 0);
                ck_assert_int_eq(envelope.error, ENVELOPE_OK);
                ck_assert_msg(envelope.message.fault == ENVELOPE_FAULT_TWICE, "%s", texts[i]);
                envelope_clear(&envelope);
        }
}
END_TEST

START_TEST(test_not_twice)
{
        static const char *const texts[] = {
                "{\"id\":{\"id\":{\"id\":1}},\"x\":{\"x\":1}}",
                "{\"x\":{\"a\":1,\"a\":1}}",
                "{\"x\":[{\"a\":1},{\"a\":1}]}",
                "{\"id\":1,\"Id\":1,\"\\\\u0069d\":1}",
                "{\"\\ud83d\":1,\"\\ude00\":1,\"\\ud83d\\ude00\":1,\"\\ude00\\ud83d\":1}",
                "{\"\\ud800\":1,\"\\ud801\":1,\"\\ufffd\":1}",
                "{\"\\ud83dx\":1,\"x\\ud83d\":1,\"\\ud83dx\\ude00\":1,\"x\\ud83d\\ude00\":1}",
                "{\"\\ud83d\\n\":1,\"\\n\\ud83d\":1}",
                "{\"a\":1,\"a\\u0000\":1,\"\\u0000a\":1,\"\\u0000\":1,\"\":1}",
                ("{\"a name that is longer than thirty-one bytes\":1,"
                 "\"a name that is longer than thirty-one bytes!\":1}"),
        };
        struct envelope envelope;

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                scan_text(&envelope, texts[i], 0);
                ck_assert_int_eq(envelope.error, ENVELOPE_OK);
                ck_assert_msg(envelope.message.fault == ENVELOPE_FAULT_NONE, "%s", texts[i]);
                envelope_clear(&envelope);
        }
}
END_TEST

/* Which of two is meant nobody can say; what is noted is the first. */
START_TEST(test_twice_keeps_first)
{
        const char text[] = "{\"id\":1,\"id\":\"2\",\"method\":\"m\"}";
        struct envelope envelope;

        scan_text(&envelope, text, 0);
        check_span(text, &envelope.message.member[ID], ENVELOPE_NUMBER, "1");
        check_span(text, &envelope.message.member[METHOD], ENVELOPE_STRING, "\"m\"");
        envelope_clear(&envelope);
}
END_TEST

/* An object of n members named m0, m1, ...; then one more text. */
static void write_members(char *text, unsigned n, const char *more)
{
        char *p = text;

        *p++ = '{';
        for (unsigned i = 0; i < n; i++)
                p += sprintf(p, "%s\"m%u\":%u", i ? "," : "", i, i);
        sprintf(p, "%s}", more);
}

START_TEST(test_many_members)
{
        char text[1024];
        struct envelope envelope;

        write_members(text, ENVELOPE_MEMBERS_MAX, "");
        scan_text(&envelope, text, 0);
        ck_assert_int_eq(envelope.message.fault, ENVELOPE_FAULT_NONE);
        envelope_clear(&envelope);

        write_members(text, ENVELOPE_MEMBERS_MAX - 1, ",\"id\":7");
        scan_text(&envelope, text, 0);
        ck_assert_int_eq(envelope.message.fault, ENVELOPE_FAULT_NONE);
        check_span(text, &envelope.message.member[ID], ENVELOPE_NUMBER, "7");
        envelope_clear(&envelope);

        write_members(text, ENVELOPE_MEMBERS_MAX, ",\"id\":7");
        scan_text(&envelope, text, 0);
        ck_assert_int_eq(envelope.message.fault, ENVELOPE_FAULT_MANY);
        check_span(text, &envelope.message.member[ID], ENVELOPE_NUMBER, "7");
        envelope_clear(&envelope);

        write_members(text, ENVELOPE_MEMBERS_MAX, ",\"m31\":7");
        scan_text(&envelope, text, 0);
        ck_assert_int_eq(envelope.message.fault, ENVELOPE_FAULT_TWICE);
        envelope_clear(&envelope);

        write_members(text, 50, "");
        scan_text(&envelope, text, 0);
        ck_assert_int_eq(envelope.error, ENVELOPE_OK);
        ck_assert_int_eq(envelope.message.fault, ENVELOPE_FAULT_MANY);
        envelope_clear(&envelope);
}
END_TEST

/* Members can be read while the rest of the line is still to come, once they are whole. */
START_TEST(test_early_members)
{
        const char text[] = "{\"id\":42,\"params\":\"xyz";
        struct envelope envelope;

        envelope_init(&envelope, &names, 0);
        feed_part(&envelope, text, 8);
        check_absent(&envelope.message, ID);
        feed_part(&envelope, text + 8, sizeof(text) - 1 - 8);
        check_span(text, &envelope.message.member[ID], ENVELOPE_NUMBER, "42");
        check_absent(&envelope.message, PARAMS);
        ck_assert_int_eq(envelope.message.value.type, ENVELOPE_ABSENT);
        feed_part(&envelope, "\x01 and so on", 11);
        ck_assert_int_eq(envelope.error, ENVELOPE_SYNTAX);
        ck_assert_uint_eq(envelope.error_offset, sizeof(text) - 1);
        check_span(text, &envelope.message.member[ID], ENVELOPE_NUMBER, "42");
        check_absent(&envelope.message, PARAMS);
        envelope_clear(&envelope);
}
END_TEST

START_TEST(test_batch)
{
        const char text[] = " [ {\"id\":1,\"method\":\"a\"}, 7 ,[{\"id\":2},[]],{ },"
                            "{\"x\":1,\"x\":2,\"id\":null} ] ";
        struct envelope envelope;
        const struct envelope_message *e;

        scan_text(&envelope, text, MAX_ELEMENTS);
        ck_assert_int_eq(envelope.error, ENVELOPE_OK);
        ck_assert(envelope.is_batch && !envelope.batch_overflow);
        ck_assert_uint_eq(envelope.n_elements, 5);
        e = envelope.elements;
        check_span(text, &e[0].value, ENVELOPE_OBJECT, "{\"id\":1,\"method\":\"a\"}");
        check_span(text, &e[0].member[ID], ENVELOPE_NUMBER, "1");
        check_span(text, &e[0].member[METHOD], ENVELOPE_STRING, "\"a\"");
        check_absent(&e[0], PARAMS);
        check_span(text, &e[1].value, ENVELOPE_NUMBER, "7");
        check_absent(&e[1], ID);
        check_span(text, &e[2].value, ENVELOPE_ARRAY, "[{\"id\":2},[]]");
        check_absent(&e[2], ID);
        check_span(text, &e[3].value, ENVELOPE_OBJECT, "{ }");
        check_span(text, &e[4].member[ID], ENVELOPE_NULL, "null");
        for (unsigned i = 0; i < 4; i++)
                ck_assert_int_eq(e[i].fault, ENVELOPE_FAULT_NONE);
        ck_assert_int_eq(e[4].fault, ENVELOPE_FAULT_TWICE);
        ck_assert_int_eq(envelope.message.value.type, ENVELOPE_ARRAY);
        envelope_clear(&envelope);
}
END_TEST

START_TEST(test_empty_batch)
{
        struct envelope envelope;

        scan_text(&envelope, "[ ]", MAX_ELEMENTS);
        ck_assert(envelope.is_batch && !envelope.batch_overflow);
        ck_assert_uint_eq(envelope.n_elements, 0);
        ck_assert_ptr_null(envelope.elements);
        envelope_clear(&envelope);
}
END_TEST

/* Elements that are no objects have no members, whatever is in them. */
START_TEST(test_batch_of_arrays)
{
        struct envelope envelope;

        scan_text(&envelope, "[[1,\"id\"],[{\"id\":2}],\"id\"]", MAX_ELEMENTS);
        ck_assert_uint_eq(envelope.n_elements, 3);
        for (unsigned i = 0; i < 3; i++)
                for (unsigned j = 0; j < names.count; j++)
                        check_absent(&envelope.elements[i], j);
        envelope_clear(&envelope);
}
END_TEST

/* Whether a member stands twice is asked of each element by itself. */
START_TEST(test_batch_members_are_apart)
{
        const char text[] = "[{\"id\":1,\"x\":1},{\"id\":2,\"x\":2},{\"id\":3,\"x\":3}]";
        struct envelope envelope;

        scan_text(&envelope, text, MAX_ELEMENTS);
        ck_assert_uint_eq(envelope.n_elements, 3);
        for (unsigned i = 0; i < 3; i++)
                ck_assert_int_eq(envelope.elements[i].fault, ENVELOPE_FAULT_NONE);
        check_span(text, &envelope.elements[2].member[ID], ENVELOPE_NUMBER, "3");
        envelope_clear(&envelope);
}
END_TEST

START_TEST(test_batch_overflow)
{
        const char text[] = "[1,{\"id\":2},3,4,5,{\"id\":6},7]", full[] = "[1,2,3,4,5]";
        struct envelope envelope;

        scan_text(&envelope, full, MAX_ELEMENTS);
        ck_assert(!envelope.batch_overflow);
        ck_assert_uint_eq(envelope.n_elements, MAX_ELEMENTS);
        envelope_clear(&envelope);

        scan_text(&envelope, text, MAX_ELEMENTS);
        ck_assert_int_eq(envelope.error, ENVELOPE_OK);
        ck_assert(envelope.is_batch && envelope.batch_overflow);
        ck_assert_uint_eq(envelope.n_elements, MAX_ELEMENTS);
        check_span(text, &envelope.elements[1].member[ID], ENVELOPE_NUMBER, "2");
        check_span(text, &envelope.elements[4].value, ENVELOPE_NUMBER, "5");
        check_span(text, &envelope.message.value, ENVELOPE_ARRAY, text);
        envelope_clear(&envelope);

        scan_text(&envelope, "[1,2,3,4,5,6,7,nil]", MAX_ELEMENTS);
        ck_assert_int_eq(envelope.error, ENVELOPE_SYNTAX);
        ck_assert_uint_eq(envelope.error_offset, 16);
        envelope_clear(&envelope);
}
END_TEST

/* Growing goes past several allocations; what was noted stays. */
START_TEST(test_large_batch)
{
        enum { COUNT = 1000 };
        char text[COUNT * 16], *p = text;
        struct envelope envelope;
        size_t used;

        for (unsigned i = 0; i < COUNT; i++)
                p += sprintf(p, "%c{\"id\":%u}", i ? ',' : '[', 1000 + i);
        *p++ = ']';
        envelope_init(&envelope, &names, COUNT);
        for (const char *q = text; q < p; q++)
                feed(&envelope, q, 1, &used);
        envelope_finish(&envelope);
        ck_assert(!envelope.batch_overflow);
        ck_assert_uint_eq(envelope.n_elements, COUNT);
        for (unsigned i = 0; i < COUNT; i++) {
                ck_assert_int_eq(envelope.elements[i].member[ID].type, ENVELOPE_NUMBER);
                ck_assert_uint_eq(strtoul(text + envelope.elements[i].member[ID].offset, NULL, 10),
                                  1000 + i);
        }
        envelope_reset(&envelope);
        ck_assert_ptr_null(envelope.elements);
        envelope_clear(&envelope);
}
END_TEST

/* After an array came a message, and the other way round: nothing is left of the line before. */
START_TEST(test_lines_are_apart)
{
        const char text[] = "[{\"id\":1}]\n{\"id\":2,\"x\":1}\r\n\n\n[1]\n{\"x\":1}\nnil\n\"a\"";
        static const size_t lengths[] = {10, 15, 0, 0, 3, 7, 3, 3};
        struct envelope envelope;
        size_t used, offset = 0;

        envelope_init(&envelope, &names, MAX_ELEMENTS);
        for (unsigned line = 0; line < 8; line++) {
                const char *start = text + offset;

                if (feed(&envelope, start, sizeof(text) - 1 - offset, &used) == ENVELOPE_MORE)
                        envelope_finish(&envelope);
                offset += used;
                ck_assert_uint_eq(envelope.length, lengths[line]);
                ck_assert_int_eq(envelope.error, line == 6 ? ENVELOPE_SYNTAX : ENVELOPE_OK);
                ck_assert_int_eq(envelope.is_blank, line == 2 || line == 3);
                ck_assert_int_eq(envelope.is_batch, line == 0 || line == 4);
                ck_assert_uint_eq(envelope.n_elements, line == 0 || line == 4);
                ck_assert_int_eq(envelope.message.fault, ENVELOPE_FAULT_NONE);
                if (line == 1)
                        check_span(start, &envelope.message.member[ID], ENVELOPE_NUMBER, "2");
                else
                        check_absent(&envelope.message, ID);
                envelope_reset(&envelope);
        }
        ck_assert_uint_eq(offset, sizeof(text) - 1);
        envelope_clear(&envelope);
}
END_TEST

/* A line that has ended takes nothing more before the reset. */
START_TEST(test_ended_line_takes_nothing)
{
        struct envelope envelope;
        size_t used;

        envelope_init(&envelope, &names, 0);
        ck_assert_int_eq(feed(&envelope, "{}\n[]\n", 6, &used), ENVELOPE_LINE);
        ck_assert_uint_eq(used, 3);
        ck_assert_int_eq(feed(&envelope, "[]\n", 3, &used), ENVELOPE_LINE);
        ck_assert_uint_eq(used, 0);
        envelope_finish(&envelope);
        ck_assert_uint_eq(envelope.length, 2);
        ck_assert_int_eq(envelope.message.value.type, ENVELOPE_OBJECT);
        envelope_clear(&envelope);
}
END_TEST

START_TEST(test_no_bytes)
{
        struct envelope envelope;
        size_t used = 1;

        envelope_init(&envelope, NULL, 0);
        ck_assert_int_eq(envelope_feed(&envelope, NULL, 0, &used), ENVELOPE_MORE);
        ck_assert_uint_eq(used, 0);
        feed_part(&envelope, "{\"a\":1}", 7);
        ck_assert_int_eq(envelope_feed(&envelope, NULL, 0, &used), ENVELOPE_MORE);
        envelope_finish(&envelope);
        ck_assert_int_eq(envelope.error, ENVELOPE_OK);
        ck_assert_int_eq(envelope.message.value.type, ENVELOPE_OBJECT);
        envelope_clear(&envelope);
}
END_TEST

/* A client has one of these, and thousands of clients are idle. */
START_TEST(test_size)
{
        ck_assert_uint_lt(sizeof(struct envelope), 768);
}
END_TEST

static Suite *envelope_notes_suite(void)
{
        Suite *suite = suite_create("envelope_notes");
        TCase *tcase = tcase_create("envelope_notes");

        tcase_add_test(tcase, test_members);
        tcase_add_test(tcase, test_member_types);
        tcase_add_test(tcase, test_no_members);
        tcase_add_test(tcase, test_escaped_names);
        tcase_add_test(tcase, test_strange_names);
        tcase_add_test(tcase, test_twice);
        tcase_add_test(tcase, test_not_twice);
        tcase_add_test(tcase, test_twice_keeps_first);
        tcase_add_test(tcase, test_many_members);
        tcase_add_test(tcase, test_early_members);
        tcase_add_test(tcase, test_batch);
        tcase_add_test(tcase, test_empty_batch);
        tcase_add_test(tcase, test_batch_of_arrays);
        tcase_add_test(tcase, test_batch_members_are_apart);
        tcase_add_test(tcase, test_batch_overflow);
        tcase_add_test(tcase, test_large_batch);
        tcase_add_test(tcase, test_lines_are_apart);
        tcase_add_test(tcase, test_ended_line_takes_nothing);
        tcase_add_test(tcase, test_no_bytes);
        tcase_add_test(tcase, test_size);
        tcase_set_timeout(tcase, 60);
        suite_add_tcase(suite, tcase);
        return suite;
}

int main(void)
{
        return run_suite(envelope_notes_suite());
}
