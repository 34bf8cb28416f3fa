/* SPDX-License-Identifier: MIT */
/*
 * Texts that are cut to the columns of a terminal, and names that may have been meant.
 */
#include "client/ctl_near.h"
#include "client/ctl_screen.h"

#include "suite.h"

#include <check.h>
#include <locale.h>

static const struct {
        const char *text;
        size_t columns;
        const char *shown;
} cuts[] = {
        {"", 5, ""},
        {"exact", 5, "exact"},
        {"too long", 5, "too \u2026"},
        {"too long", 1, "\u2026"},
        {"too long", 0, "too long"},
        {"gr\u00fc\u00dfe", 5, "gr\u00fc\u00dfe"},
        {"gr\u00fc\u00dfe!", 5, "gr\u00fc\u00df\u2026"},
        /* These take two columns each. */
        {"\u6f22\u5b57\u6f22\u5b57", 8, "\u6f22\u5b57\u6f22\u5b57"},
        {"\u6f22\u5b57\u6f22\u5b57", 7, "\u6f22\u5b57\u6f22\u2026"},
        {"\u6f22\u5b57\u6f22\u5b57", 6, "\u6f22\u5b57\u2026"},
        /* A control character is shown as an escape of four columns. */
        {"a\033b", 6, "a\033b"},
        {"a\033b", 5, "a\u2026"},
        {"not \xff UTF-8", 7, "not \xff \u2026"},
};

START_TEST(test_cuts)
{
        char *shown;

        ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
        shown = ctl_shorten(cuts[_i].text, cuts[_i].columns);
        ck_assert_str_eq(shown, cuts[_i].shown);
        free(shown);
}
END_TEST

START_TEST(test_cut_without_utf8)
{
        char *shown;

        setlocale(LC_CTYPE, "C");
        shown = ctl_shorten("too long", 6);
        ck_assert_str_eq(shown, "too...");
        free(shown);
}
END_TEST

START_TEST(test_times)
{
        char text[CTL_UNIT_MAX];

        ck_assert_str_eq(ctl_format_time(text, 0), "0.0 s");
        ck_assert_str_eq(ctl_format_time(text, 0.000012), "12 us");
        ck_assert_str_eq(ctl_format_time(text, 0.0009994), "999 us");
        ck_assert_str_eq(ctl_format_time(text, 0.0009999), "1.0 ms");
        ck_assert_str_eq(ctl_format_time(text, 0.00994), "9.9 ms");
        ck_assert_str_eq(ctl_format_time(text, 0.00999), "10 ms");
        ck_assert_str_eq(ctl_format_time(text, 0.25), "250 ms");
        ck_assert_str_eq(ctl_format_time(text, 0.9999), "1.0 s");
        ck_assert_str_eq(ctl_format_time(text, 12.34), "12.3 s");
        ck_assert_str_eq(ctl_format_time(text, 303), "5 min 3 s");
        ck_assert_str_eq(ctl_format_time(text, 7500), "2 h 5 min");
        ck_assert_str_eq(ctl_format_time(text, 273600), "3 d 4 h");
}
END_TEST

START_TEST(test_near_names)
{
        static const char *const names[] = {"status", "stats", "call", "a"};
        static const char *const wanted[][2] = {
                {"sttaus", "status"}, {"stat", "stats"}, {"cal", "call"},
                {"clal", "call"},     {"xx", NULL},      {"programs", NULL},
        };

        for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
                struct ctl_near near = {.wanted = wanted[i][0]};

                for (size_t j = 0; j < ARRAY_SIZE(names); j++)
                        ctl_near_try(&near, names[j]);
                ck_assert_pstr_eq(near.name, wanted[i][1]);
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("ctl_screen");
        TCase *tcase = tcase_create("screen");

        tcase_add_loop_test(tcase, test_cuts, 0, ARRAY_SIZE(cuts));
        tcase_add_test(tcase, test_cut_without_utf8);
        tcase_add_test(tcase, test_times);
        tcase_add_test(tcase, test_near_names);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
