/* SPDX-License-Identifier: MIT */
/* What is JSON and what is not, and what is said of it. */
#include "envelope_scan.h"

#include "envelope_cases.h"
#include "suite.h"

static const struct envelope_names no_names = {0};

/* The error that a text ends with. */
static enum envelope_error verdict(const char *text, size_t length)
{
        struct envelope envelope;
        enum envelope_error error;
        size_t used;

        envelope_init(&envelope, &no_names, 0);
        feed(&envelope, text, length, &used);
        envelope_finish(&envelope);
        error = envelope.error;
        envelope_clear(&envelope);
        return error;
}

/* For tests of a million texts, where ck_assert() is too slow. */
static void check_verdict(const char *text, size_t length, bool good)
{
        if ((verdict(text, length) == ENVELOPE_OK) != good)
                ck_abort_msg("%s: %.*s", good ? "refused" : "accepted", (int)length, text);
}

static void check_error(const struct envelope_case *c, const struct envelope *envelope,
                        enum envelope_error error, size_t offset)
{
        ck_assert_msg(envelope->error == error, "error %d (%s), not %d: %s", envelope->error,
                      envelope_error_text(envelope), error, c->text);
        ck_assert_msg(envelope->error_offset == offset, "offset %zu, not %zu: %s",
                      envelope->error_offset, offset, c->text);
}

static void check_case(const struct envelope_case *c, const struct envelope *envelope)
{
        size_t begin = strspn(c->text, " \t\r"), end = c->length;

        check_error(c, envelope, c->error, c->error_offset);
        ck_assert_uint_eq(envelope->length, c->length);
        ck_assert_int_eq(envelope->is_blank, c->is_blank);
        ck_assert_int_ne(envelope_error_text(envelope)[0], '\0');
        if (c->error != ENVELOPE_OK)
                return;
        ck_assert_int_eq(envelope->message.value.type, c->type);
        if (c->is_blank)
                return;
        while (strchr(" \t\r", c->text[end - 1]))
                end--;
        ck_assert_uint_eq(envelope->message.value.offset, begin);
        ck_assert_uint_eq(envelope->message.value.length, end - begin);
}

#define FOREACH_CASE(c)                                                                            \
        for (const struct envelope_case *c = envelope_cases;                                       \
             c < envelope_cases + sizeof(envelope_cases) / sizeof(envelope_cases[0]); c++)

START_TEST(test_table)
{
        struct envelope envelope;

        FOREACH_CASE(c)
        {
                scan(&envelope, c->text, c->length, 0);
                check_case(c, &envelope);
                envelope_clear(&envelope);
        }
}
END_TEST

/* An array's elements are scanned by the same rules whether they are noted or not. */
START_TEST(test_table_with_batches)
{
        struct envelope envelope;

        FOREACH_CASE(c)
        {
                scan(&envelope, c->text, c->length, 2);
                check_error(c, &envelope, c->error, c->error_offset);
                if (c->error == ENVELOPE_OK)
                        ck_assert_int_eq(envelope.is_batch, c->type == ENVELOPE_ARRAY);
                envelope_clear(&envelope);
        }
}
END_TEST

/* The same text deep inside a message, where nothing is noted. */
START_TEST(test_table_nested)
{
        static const char before[] = "{\"id\":1,\"params\":{\"a\":[";
        const size_t shift = sizeof(before) - 1;
        struct envelope envelope;
        char text[256];

        memcpy(text, before, shift);
        FOREACH_CASE(c)
        {
                memcpy(text + shift, c->text, c->length);
                scan(&envelope, text, shift + c->length, 0);
                if (c->error == ENVELOPE_UTF8)
                        check_error(c, &envelope, c->error, shift + c->error_offset);
                else if (c->error != ENVELOPE_SYNTAX) /* else: trailing text may be right here */
                        check_error(c, &envelope, ENVELOPE_TRUNCATED, shift + c->length);
                envelope_clear(&envelope);
        }
}
END_TEST

/* What follows an error is not looked at, whatever it is, and the next line is as good as any. */
START_TEST(test_recovery)
{
        static const char next[] = "\n \n[7]\n";
        struct envelope envelope;
        char text[256];
        size_t used;

        envelope_init(&envelope, &names, 0);
        FOREACH_CASE(c)
        {
                const size_t length = c->length + sizeof(next) - 1;

                memcpy(text, c->text, c->length);
                memcpy(text + c->length, next, sizeof(next) - 1);
                ck_assert_int_eq(feed(&envelope, text, length, &used), ENVELOPE_LINE);
                ck_assert_uint_eq(used, c->length + 1);
                check_case(c, &envelope);
                envelope_reset(&envelope);

                ck_assert_int_eq(feed(&envelope, next + 1, 6, &used), ENVELOPE_LINE);
                ck_assert_uint_eq(used, 2);
                ck_assert(envelope.is_blank);
                ck_assert_uint_eq(envelope.length, 1);
                envelope_reset(&envelope);

                ck_assert_int_eq(feed(&envelope, next + 3, 4, &used), ENVELOPE_LINE);
                ck_assert_uint_eq(used, 4);
                ck_assert_int_eq(envelope.error, ENVELOPE_OK);
                ck_assert(!envelope.is_blank);
                check_span(next + 3, &envelope.message.value, ENVELOPE_ARRAY, "[7]");
                envelope_reset(&envelope);
        }
        envelope_clear(&envelope);
}
END_TEST

/* Each byte alone, in places where the rule for it is easy to tell. */
START_TEST(test_every_byte)
{
        for (int byte = 1; byte < 256; byte++) {
                const char value[] = {(char)byte}, inside[] = {'"', (char)byte, 'a', '"'};
                const char escape[] = {'"', '\\', (char)byte, '"'};
                const char hex[] = {'"', '\\', 'u', '0', (char)byte, '0', '0', '"'};
                const bool is_digit = byte >= '0' && byte <= '9';
                const bool is_space = strchr(" \t\r\n", byte) != NULL;

                if (byte == '\n')
                        continue; /* it ends the line */
                ck_assert_int_eq(verdict(value, 1) == ENVELOPE_OK, is_digit || is_space);
                /* "a" follows, so a quote ends the string too early */
                ck_assert_int_eq(verdict(inside, 4) == ENVELOPE_OK,
                                 byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\');
                ck_assert_int_eq(verdict(escape, 4) == ENVELOPE_OK,
                                 strchr("\"\\/bfnrt", byte) != NULL);
                ck_assert_int_eq(verdict(hex, 8) == ENVELOPE_OK,
                                 strchr("0123456789abcdefABCDEF", byte) != NULL);
        }
}
END_TEST

/* All pairs of bytes; with leads of three, every third byte near a border, too. */
START_TEST(test_every_sequence)
{
        static const uint8_t thirds[] = {0x00, 0x22, 0x7F, 0x80, 0xBF, 0xC0, 0xFF};

        for (int first = 0x80; first < 0x100; first++)
                for (int second = 0; second < 0x100; second++) {
                        const bool tail = second >= 0x80 && second <= 0xBF;
                        const char two[] = {'"', (char)first, (char)second, '"'};
                        const bool three_good = tail && (first != 0xE0 || second >= 0xA0) &&
                                                (first != 0xED || second <= 0x9F);

                        check_verdict(two, 4, tail && first >= 0xC2 && first <= 0xDF);
                        for (size_t i = 0; i < sizeof(thirds) && (first & 0xF0) == 0xE0; i++) {
                                const char three[] = {'"', (char)first, (char)second,
                                                      (char)thirds[i], '"'};
                                check_verdict(three, 5, three_good && (thirds[i] & 0xC0) == 0x80);
                        }
                }
}
END_TEST

/* Many code points from everywhere; the borders are in the table. */
START_TEST(test_code_points)
{
        for (uint32_t code = 0x10000; code < 0x110000; code += 61) {
                const char text[] = {'"',
                                     (char)(0xF0 | code >> 18),
                                     (char)(0x80 | (code >> 12 & 0x3F)),
                                     (char)(0x80 | (code >> 6 & 0x3F)),
                                     (char)(0x80 | (code & 0x3F)),
                                     '"'};
                check_verdict(text, 6, true);
        }
}
END_TEST

/* The text that opens `depth` times in turn as a and b do, and closes again; to be freed. */
static char *nest(const char *a, const char *b, unsigned depth)
{
        char *text = malloc(depth * (strlen(a) + strlen(b)) + depth + 2), *p = text;

        ck_assert_ptr_nonnull(text);
        for (unsigned i = 0; i < depth; i++)
                p = stpcpy(p, i % 2 ? b : a);
        *p++ = '0';
        for (unsigned i = depth; i > 0; i--)
                *p++ = (i - 1) % 2 ? b[0] + 2 : a[0] + 2; /* in ASCII, ] is [ + 2, } is { + 2 */
        *p = '\0';
        return text;
}

static void check_depth(const char *a, const char *b, unsigned depth, size_t bad_offset)
{
        char *text = nest(a, b, depth);
        struct envelope envelope, bytes;
        size_t length = strlen(text);

        envelope_init(&envelope, &names, 0);
        feed_part(&envelope, text, length);
        envelope_finish(&envelope);
        ck_assert_int_eq(envelope.error, bad_offset ? ENVELOPE_DEPTH : ENVELOPE_OK);
        ck_assert_uint_eq(envelope.error_offset, bad_offset);

        envelope_init(&bytes, &names, 0);
        for (size_t i = 0; i < length; i++)
                feed_part(&bytes, text + i, 1);
        envelope_finish(&bytes);
        ck_assert(is_same(&envelope, &bytes));
        envelope_clear(&envelope);
        envelope_clear(&bytes);
        free(text);
}

START_TEST(test_depth)
{
        check_depth("[", "[", 255, 0);
        check_depth("[", "[", 256, 0);
        check_depth("[", "[", 257, 256);
        check_depth("[", "[", 100000, 256);
        check_depth("{\"a\":", "{\"a\":", 256, 0);
        check_depth("{\"a\":", "{\"a\":", 257, 256 * 5);
        check_depth("[", "{\"a\":", 256, 0);
        check_depth("[", "{\"a\":", 257, 128 + 128 * 5);
        check_depth("{\"a\":", "[", 256, 0);
        check_depth("{\"a\":", "[", 1000, 128 + 128 * 5);
}
END_TEST

/* One bracket of the wrong kind, at each depth. */
START_TEST(test_wrong_bracket)
{
        for (unsigned i = 0; i < 256; i++) {
                char *text = nest("[", "{\"a\":", 256);
                char *bracket = text + strlen(text) - 1 - i;

                *bracket = *bracket == ']' ? '}' : ']';
                ck_assert_int_eq(verdict(text, strlen(text)), ENVELOPE_SYNTAX);
                free(text);
        }
}
END_TEST

START_TEST(test_error_texts)
{
        static const struct {
                const char *line, *text;
        } errors[] = {
                {"{\"a\" 1}", "expected ':' after a member's name"},
                {"{\"a\":1 \"b\":2}", "expected ',' or '}' after a member"},
                {"[1 2]", "expected ',' or ']' after an element"},
                {"[1,]", "a comma cannot stand before a closing bracket"},
                {"{\"a\":1,}", "a comma cannot stand before a closing bracket"},
                {"{a:1}", "expected a member's name in double quotes or '}' after '{'"},
                {"['a']", "a string must stand in double quotes"},
                {"{'a':1}", "a string must stand in double quotes"},
                {"\"a\tb\"", "a control character in a string must be escaped"},
                {"\"\\x\"", "expected one of \"\\/bfnrtu after a backslash"},
                {"\"\\u12\"", "expected four hexadecimal digits after \\u"},
                {"\"\xFF\"", "expected valid UTF-8"},
                {"012", "a number cannot have a leading zero"},
                {"+1", "a number cannot begin with '+'"},
                {".5", "expected a digit before the decimal point"},
                {"1.x", "expected a digit after the decimal point"},
                {"1ex", "expected a digit in the exponent"},
                {"1e+x", "expected a digit in the exponent"},
                {"-x", "expected a digit after '-'"},
                {"NaN", "NaN and Infinity are no JSON numbers"},
                {"nil", "expected one of the words true, false and null"},
                {"{} {}", "trailing text after the value"},
                {"1 // one", "comments are not allowed"},
                {"\xEF\xBB\xBF{}", "a byte order mark is not allowed"},
                {"hello", "expected a value"},
                {"{\"a\":", "the line ended: expected a value after ':'"},
                {"{\"a\":1", "the line ended: expected ',' or '}' after a member"},
                {"\"abc", "the line ended inside a string"},
                {"tru", "the line ended: expected one of the words true, false and null"},
                {"1.5", "no error"},
        };
        struct envelope envelope;

        for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
                scan(&envelope, errors[i].line, strlen(errors[i].line), 0);
                ck_assert_str_eq(envelope_error_text(&envelope), errors[i].text);
                envelope_clear(&envelope);
        }
}
END_TEST

static Suite *envelope_suite(void)
{
        Suite *suite = suite_create("envelope");
        TCase *tcase = tcase_create("envelope");

        tcase_add_test(tcase, test_table);
        tcase_add_test(tcase, test_table_with_batches);
        tcase_add_test(tcase, test_table_nested);
        tcase_add_test(tcase, test_recovery);
        tcase_add_test(tcase, test_every_byte);
        tcase_add_test(tcase, test_every_sequence);
        tcase_add_test(tcase, test_code_points);
        tcase_add_test(tcase, test_depth);
        tcase_add_test(tcase, test_wrong_bracket);
        tcase_add_test(tcase, test_error_texts);
        tcase_set_timeout(tcase, 60);
        suite_add_tcase(suite, tcase);
        return suite;
}

int main(void)
{
        return run_suite(envelope_suite());
}
