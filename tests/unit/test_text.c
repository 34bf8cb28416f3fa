/* SPDX-License-Identifier: MIT */
#include "common/text.h"

#include "suite.h"

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Texts with their length, so that a NUL can be among the bytes. */
#define BYTES(text) text, sizeof(text) - 1

struct pair {
        const char *from;
        size_t from_length;
        const char *to;
        size_t to_length;
};

/* A heap copy of exact size: a sanitizer sees what goes past it. */
static char *copy(const char *text, size_t length)
{
        char *block = malloc(length ? length : 1);

        ck_assert_ptr_nonnull(block);
        memcpy(block, text, length);
        return block;
}

static const struct pair unescape_pairs[] = {
        {BYTES(""), BYTES("")},
        {BYTES("plain"), BYTES("plain")},
        {BYTES("\\\"\\\\\\/\\b\\f\\n\\r\\t"), BYTES("\"\\/\b\f\n\r\t")},
        {BYTES("a\\nb"), BYTES("a\nb")},
        {BYTES("\\\\n"), BYTES("\\n")},
        {BYTES("\\u0000"), BYTES("\0")},
        {BYTES("x\\u0041y"), BYTES("xAy")},
        {BYTES("\\u007f\\u0080"), BYTES("\x7F\xC2\x80")},
        {BYTES("\\u07FF\\u0800\\uffff"), BYTES("\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF")},
        {BYTES("\\u00e9\\u00E9\xC3\xA9"), BYTES("\xC3\xA9\xC3\xA9\xC3\xA9")},
        {BYTES("\\ud83d\\ude00"), BYTES("\xF0\x9F\x98\x80")},
        {BYTES("\\uD800\\uDC00\\uDBFF\\uDFFF"), BYTES("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF")},
        /* lone surrogates */
        {BYTES("\\ud800"), BYTES("\xEF\xBF\xBD")},
        {BYTES("\\udfff."), BYTES("\xEF\xBF\xBD.")},
        {BYTES("\\ud83d.\\ude00"), BYTES("\xEF\xBF\xBD.\xEF\xBF\xBD")},
        {BYTES("\\ude00\\ud83d"), BYTES("\xEF\xBF\xBD\xEF\xBF\xBD")},
        {BYTES("\\ud83d\\ud83d\\ude00"), BYTES("\xEF\xBF\xBD\xF0\x9F\x98\x80")},
        {BYTES("\\ud83d\\n"), BYTES("\xEF\xBF\xBD\n")},
        {BYTES("\\ud83d\\u0041"), BYTES("\xEF\xBF\xBD"
                                        "A")},
};

START_TEST(test_unescape)
{
        const struct pair *pair = &unescape_pairs[_i];
        char *raw = copy(pair->from, pair->from_length);
        char *out = malloc(pair->to_length + 1);

        ck_assert_ptr_nonnull(out);
        out[pair->to_length] = '#';
        ck_assert_int_eq(text_unescape(raw, pair->from_length, out, pair->to_length),
                         (ptrdiff_t)pair->to_length);
        ck_assert_mem_eq(out, pair->to, pair->to_length);
        ck_assert_int_eq(out[pair->to_length], '#');
        ck_assert_uint_le(pair->to_length, pair->from_length);
        for (size_t size = 0; size < pair->to_length; size++) {
                char *small = malloc(size ? size : 1);
                ck_assert_int_eq(text_unescape(raw, pair->from_length, small, size), -ENOBUFS);
                free(small);
        }
        free(raw);
        free(out);
}
END_TEST

/* The story: stretches without an escape were copied as if they could not overlap. */
START_TEST(test_unescape_where_it_stands)
{
        char text[] = "\\u0001 what stands behind an escape moves by less than its length \\n.";

        ptrdiff_t length = text_unescape(text, strlen(text), text, strlen(text));
        ck_assert_int_eq(length, (ptrdiff_t)strlen("\1 what stands behind an escape moves by less "
                                                   "than its length \n."));
        ck_assert_mem_eq(text, "\1 what stands behind an escape moves by less than its length \n.",
                         (size_t)length);
}
END_TEST

START_TEST(test_unescape_refuses)
{
        static const char *const texts[] = {
                "\\",      "a\\",     "\\x",     "\\u",       "\\u12",      "\\u123",
                "\\u12g4", "\\U0041", "ok\\n\\", "\\ud83d\\", "\\ud83d\\u", "\\ud83d\\ude0",
        };
        char out[64];

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                char *raw = copy(texts[i], strlen(texts[i]));
                ck_assert_int_eq(text_unescape(raw, strlen(texts[i]), out, sizeof(out)), -EINVAL);
                free(raw);
        }
}
END_TEST

static const struct pair escape_pairs[] = {
        {BYTES(""), BYTES("")},
        {BYTES("plain text, 0123456789 and more"), BYTES("plain text, 0123456789 and more")},
        {BYTES("\"\\/"), BYTES("\\\"\\\\/")},
        {BYTES("\b\f\n\r\t"), BYTES("\\b\\f\\n\\r\\t")},
        {BYTES("\0\x01\x0B\x1E\x1F\x7F"), BYTES("\\u0000\\u0001\\u000b\\u001e\\u001f\x7F")},
        {BYTES("caf\xC3\xA9 \xE2\x82\xAC\xF0\x9F\x98\x80"),
         BYTES("caf\xC3\xA9 \xE2\x82\xAC\xF0\x9F\x98\x80")},
        {BYTES("0123456789abcdef\n0123456789abcdef"), BYTES("0123456789abcdef\\n0123456789abcdef")},
        /* what is no UTF-8: one U+FFFD for each byte, or for the beginning of a sequence */
        {BYTES("\xFF"), BYTES("\xEF\xBF\xBD")},
        {BYTES("a\x80z"), BYTES("a\xEF\xBF\xBDz")},
        {BYTES("\xC3"), BYTES("\xEF\xBF\xBD")},
        {BYTES("\xC3("), BYTES("\xEF\xBF\xBD(")},
        {BYTES("\xC3\n"), BYTES("\xEF\xBF\xBD\\n")},
        {BYTES("\xE2\x82"), BYTES("\xEF\xBF\xBD")},
        {BYTES("\xE2\x82\xC3\xA9"), BYTES("\xEF\xBF\xBD\xC3\xA9")},
        {BYTES("\xF0\x9F\x98\""), BYTES("\xEF\xBF\xBD\\\"")},
        {BYTES("\xC0\x80"), BYTES("\xEF\xBF\xBD\xEF\xBF\xBD")},
        {BYTES("\xE0\x80\x80"), BYTES("\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD")},
        {BYTES("\xED\xA0\x80"), BYTES("\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD")},
        {BYTES("\xF4\x90\x80\x80"), BYTES("\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD")},
};

START_TEST(test_escape)
{
        const struct pair *pair = &escape_pairs[_i];
        char *text = copy(pair->from, pair->from_length);
        char *out = malloc(6 * pair->from_length + 1);

        ck_assert_ptr_nonnull(out);
        ck_assert_uint_eq(text_escape(text, pair->from_length, out), pair->to_length);
        ck_assert_mem_eq(out, pair->to, pair->to_length);
        ck_assert(text_is_utf8(out, pair->to_length));
        free(text);
        free(out);
}
END_TEST

static bool has_control(const char *text, size_t length)
{
        for (size_t i = 0; i < length; i++)
                if ((uint8_t)text[i] < 0x20)
                        return true;
        return false;
}

/* Every run of two bytes at every place in a block: what is UTF-8 comes back unchanged. */
START_TEST(test_round_trip)
{
        char text[40], escaped[240], back[240];

        for (unsigned bytes = 0; bytes < 0x10000; bytes++) {
                const unsigned place = bytes % (sizeof(text) - 1);
                size_t length;
                ptrdiff_t back_length;
                bool good;

                memset(text, 'x', sizeof(text));
                text[place] = (char)(bytes >> 8);
                text[place + 1] = (char)bytes;
                length = text_escape(text, sizeof(text), escaped);
                back_length = text_unescape(escaped, length, back, sizeof(back));
                good = text_is_utf8(escaped, length) && !has_control(escaped, length) &&
                       back_length >= (ptrdiff_t)sizeof(text) - 1;
                if (text_is_utf8(text, sizeof(text)))
                        good = good && back_length == sizeof(text) &&
                               memcmp(back, text, sizeof(text)) == 0;
                if (!good) /* ck_assert() is too slow for so many */
                        ck_abort_msg("bytes %04x", bytes);
        }
}
END_TEST

START_TEST(test_is_utf8)
{
        static const struct {
                const char *text;
                size_t length;
                bool good;
        } texts[] = {
                {BYTES(""), true},
                {BYTES("ASCII \x7F\x01\0 and nothing else"), true},
                {BYTES("\xC2\x80\xDF\xBF"), true},
                {BYTES("\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"), true},
                {BYTES("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"), true},
                {BYTES("0123456789abcdef\xC3\xA9 0123456789abcdef\xC3\xA9"), true},
                {BYTES("0123456789abcde\xC3\xA9"), true},
                {BYTES("\x80"), false},
                {BYTES("\xC0\x80"), false},
                {BYTES("\xC1\xBF"), false},
                {BYTES("\xC3"), false},
                {BYTES("\xC3("), false},
                {BYTES("\xE0\x9F\xBF"), false},
                {BYTES("\xE2\x82"), false},
                {BYTES("\xE2\x82z"), false},
                {BYTES("\xED\xA0\x80"), false},
                {BYTES("\xF0\x8F\xBF\xBF"), false},
                {BYTES("\xF0\x9F\x98"), false},
                {BYTES("\xF4\x90\x80\x80"), false},
                {BYTES("\xF5\x80\x80\x80"), false},
                {BYTES("\xFF"), false},
                {BYTES("0123456789abcdef0123456789abcdef\xE9"), false},
                {BYTES("\xC3\xA9\xA9"), false},
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                char *text = copy(texts[i].text, texts[i].length);
                ck_assert_msg(text_is_utf8(text, texts[i].length) == texts[i].good, "text %zu", i);
                free(text);
        }
}
END_TEST

START_TEST(test_distance)
{
        static const struct {
                const char *a, *b;
                unsigned distance;
        } pairs[] = {
                {"", "", 0},
                {"", "abc", 3},
                {"abc", "abc", 0},
                {"max_workers", "max_worker", 1},
                {"max_workers", "min_workers", 2},
                {"listen", "lisetn", 1},
                {"ab", "ba", 1},
                {"ca", "abc", 3},
                {"kitten", "sitting", 3},
                {"a", "b", 1},
                {"abcdef", "badcfe", 3},
                {"umask", "nice", 5},
                {"timeout", "queue_timeout", 6},
        };

        for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
                ck_assert_uint_eq(text_distance(pairs[i].a, pairs[i].b), pairs[i].distance);
                ck_assert_uint_eq(text_distance(pairs[i].b, pairs[i].a), pairs[i].distance);
        }
}
END_TEST

START_TEST(test_distance_of_long_names)
{
        char a[TEXT_DISTANCE_MAX + 2], b[TEXT_DISTANCE_MAX + 2];

        memset(a, 'a', sizeof(a));
        memset(b, 'a', sizeof(b));
        a[TEXT_DISTANCE_MAX] = b[TEXT_DISTANCE_MAX] = '\0';
        b[0] = 'b';
        ck_assert_uint_eq(text_distance(a, b), 1);
        a[TEXT_DISTANCE_MAX] = b[TEXT_DISTANCE_MAX] = 'a';
        a[TEXT_DISTANCE_MAX + 1] = b[TEXT_DISTANCE_MAX + 1] = '\0';
        ck_assert_uint_eq(text_distance(a, b), TEXT_DISTANCE_MAX + 1);
        ck_assert_uint_eq(text_distance(a, a), 0);
        ck_assert_uint_eq(text_distance(a, "a"), TEXT_DISTANCE_MAX + 1);
}
END_TEST

static Suite *text_suite(void)
{
        Suite *suite = suite_create("text");
        TCase *tcase = tcase_create("text");

        tcase_add_loop_test(tcase, test_unescape, 0,
                            sizeof(unescape_pairs) / sizeof(unescape_pairs[0]));
        tcase_add_test(tcase, test_unescape_where_it_stands);
        tcase_add_test(tcase, test_unescape_refuses);
        tcase_add_loop_test(tcase, test_escape, 0, sizeof(escape_pairs) / sizeof(escape_pairs[0]));
        tcase_add_test(tcase, test_round_trip);
        tcase_add_test(tcase, test_is_utf8);
        tcase_add_test(tcase, test_distance);
        tcase_add_test(tcase, test_distance_of_long_names);
        suite_add_tcase(suite, tcase);
        return suite;
}

int main(void)
{
        return run_suite(text_suite());
}
