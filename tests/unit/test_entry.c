/* SPDX-License-Identifier: MIT */
/*
 * Which lines become one entry, and how long they are held, by a made-up clock.
 */
#include "daemon/entry.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"
#include "suite.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct entry entry;
static char told[400000]; /* "17 6 1:text|": serial, level, lines */
static unsigned n_told;
static uint64_t now;

static void on_entry(void *userdata, const struct entry_text *text)
{
        size_t length = strlen(told);

        ck_assert_ptr_eq(userdata, &told);
        ck_assert_uint_le(text->length, LOG_TEXT_MAX);
        n_told++;
        snprintf(told + length, sizeof(told) - length, "%" PRIu64 " %d %u:%.*s|", text->serial,
                 text->level, text->n_lines, (int)text->length, text->text);
}

static void setup(void)
{
        entry_init(&entry, LOG_INFO, on_entry, &told);
        told[0] = '\0';
        n_told = 0;
        now = 1000 * USEC_PER_SEC;
}

static void teardown(void)
{
        entry_clear(&entry);
        entry_clear(&entry);
}

static void add_line(const char *text, uint64_t serial, int level, bool has_more, bool is_rest)
{
        const struct entry_line line = {
                .text = text,
                .length = strlen(text),
                .serial = serial,
                .level = level,
                .has_more = has_more,
                .is_rest = is_rest,
        };

        entry_add(&entry, &line, now);
}

static void add(const char *text)
{
        add_line(text, 0, -1, false, false);
}

START_TEST(a_plain_line_is_not_held)
{
        add("one");
        ck_assert_str_eq(told, "0 6 1:one|");
        add_line("two", 17, LOG_ERR, false, false);
        add("");
        ck_assert_str_eq(told, "0 6 1:one|17 3 1:two|0 6 1:|");
        ck_assert_uint_eq(entry.due, 0);
}
END_TEST

START_TEST(what_was_written_together_is_one)
{
        add_line("a", 17, LOG_ERR, true, false);
        add_line("b", 17, -1, true, false);
        ck_assert_str_eq(told, "");
        add_line("c", 17, -1, false, false);
        ck_assert_str_eq(told, "17 3 3:a\nb\nc|");
        add("d");
        ck_assert_str_eq(told, "17 3 3:a\nb\nc|0 6 1:d|");
}
END_TEST

START_TEST(another_request_or_a_level_begins_another_entry)
{
        add_line("a", 17, -1, true, false);
        add_line("b", 18, -1, true, false);
        add_line("c", 18, LOG_ERR, true, false);
        add_line("d", 18, -1, false, false);
        ck_assert_str_eq(told, "17 6 1:a|18 6 1:b|18 3 2:c\nd|");
}
END_TEST

START_TEST(a_traceback_is_held_for_its_next_line)
{
        add("Traceback (most recent call last):");
        ck_assert_uint_ge(entry.due, now + USEC_PER_SEC / 2); /* much may be to do */
        add("  File");
        add("ValueError: x");
        ck_assert_uint_gt(entry.due, now);
        ck_assert_uint_lt(entry.due, now + USEC_PER_SEC / 2); /* it may be over */
        ck_assert_uint_eq(n_told, 0);
        add("next");
        ck_assert_str_eq(told, "0 6 3:Traceback (most recent call last):\n  File\nValueError: x|"
                               "0 6 1:next|");
        ck_assert_uint_eq(entry.due, 0);
}
END_TEST

/* logging.exception(): a message and its traceback in one piece, of which a cause may follow. */
START_TEST(a_traceback_within_what_was_written_together)
{
        add_line("message", 17, LOG_ERR, true, false);
        add_line("Traceback (most recent call last):", 17, -1, true, false);
        add_line("  File", 17, -1, true, false);
        add_line("ValueError", 17, -1, false, false);
        entry_flush(&entry);
        ck_assert_str_eq(told, "17 3 4:message\nTraceback (most recent call last):\n  File\n"
                               "ValueError|");
}
END_TEST

START_TEST(a_long_line_comes_in_pieces)
{
        add_line("a", 17, LOG_ERR, false, false);
        add_line("b", 17, LOG_ERR, false, true);
        ck_assert_str_eq(told, "17 3 1:a|17 3 1:b|");
        add_line("Traceback (most recent call last):", 17, LOG_ERR, false, false);
        add_line(" x", 17, LOG_ERR, false, true);
        entry_flush(&entry);
        ck_assert_ptr_nonnull(strstr(told, "|17 3 1:Traceback (most recent call last): x|"));
}
END_TEST

START_TEST(an_endless_entry_is_told_in_parts)
{
        char line[1001];
        size_t letters = 0;

        memset(line, 'x', sizeof(line) - 1);
        line[sizeof(line) - 1] = '\0';
        for (int i = 0; i < 200; i++)
                add_line(line, 17, i == 0 ? LOG_ERR : -1, true, false);
        entry_flush(&entry);
        ck_assert_uint_ge(n_told, 3);
        ck_assert_uint_le(n_told, 4);
        for (const char *p = told; *p; p++)
                letters += *p == 'x';
        ck_assert_uint_eq(letters, 200 * 1000);
        const char *second = strchr(told, '|') + 1;
        ck_assert_int_eq(strncmp(second, "17 3 ", 5), 0);
}
END_TEST

START_TEST(a_flush_of_nothing_tells_nothing)
{
        entry_flush(&entry);
        add_line("a", 0, -1, true, false);
        entry_flush(&entry);
        entry_flush(&entry);
        ck_assert_str_eq(told, "0 6 1:a|");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("entry");
        TCase *tcase = tcase_create("tests");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, a_plain_line_is_not_held);
        tcase_add_test(tcase, what_was_written_together_is_one);
        tcase_add_test(tcase, another_request_or_a_level_begins_another_entry);
        tcase_add_test(tcase, a_traceback_is_held_for_its_next_line);
        tcase_add_test(tcase, a_traceback_within_what_was_written_together);
        tcase_add_test(tcase, a_long_line_comes_in_pieces);
        tcase_add_test(tcase, an_endless_entry_is_told_in_parts);
        tcase_add_test(tcase, a_flush_of_nothing_tells_nothing);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
