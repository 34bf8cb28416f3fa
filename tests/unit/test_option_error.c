/* SPDX-License-Identifier: MIT */
/*
 * Each way to write an option wrongly has words of its own, and names the option that is meant.
 */
#include "common/option_error.h"

#include "common/cleanup.h"

#include "suite.h"

#include <check.h>
#include <stdint.h>

static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"socket", required_argument, NULL, 's'},
        {"check", no_argument, NULL, 256},
        {0},
};

static const struct {
        const char *words[4]; /* behind the program's name */
        const char *error;
} cases[] = {
        {{"--frob"}, "--frob: there is no such option"},
        {{"-x"}, "-x: there is no such option"},
        {{"-jx"}, "-x: there is no such option"},
        {{"--json", "-jx"}, "-x: there is no such option"},
        {{"--socket=a", "-xj"}, "-x: there is no such option"},
        {{"--json=1"}, "--json takes no value"},
        {{"--check=1"}, "--check takes no value"},
        {{"--che=1"}, "--check takes no value"},
        {{"--socket"}, "--socket needs a value"},
        {{"-s"}, "-s needs a value"},
        {{"-js"}, "-s needs a value"},
        {{"--json", "-s"}, "-s needs a value"},
};

START_TEST(test_words)
{
        char *argv[ARRAY_SIZE(cases[0].words) + 2] = {(char *)(uintptr_t) "program"};
        char error[OPTION_ERROR_MAX];
        int argc = 1, result;

        for (size_t i = 0; cases[_i].words[i]; i++)
                argv[argc++] = (char *)(uintptr_t)cases[_i].words[i];
        opterr = 0;
        optind = 0;
        do
                result = getopt_long(argc, argv, ":js:", options, NULL);
        while (result != ':' && result != '?' && result != -1);
        ck_assert_int_ne(result, -1);
        ck_assert_str_eq(option_error(error, result, argv, options), cases[_i].error);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("option_error");
        TCase *tcase = tcase_create("words");

        tcase_add_loop_test(tcase, test_words, 0, ARRAY_SIZE(cases));
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
