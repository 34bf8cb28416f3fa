/* SPDX-License-Identifier: MIT */
/*
 * What the words of a command line become: params, or an error that says what would be right.
 */
#include "client/ctl_params.h"

#include "suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 4

static size_t count(const char *const *words)
{
        size_t n = 0;

        while (n < WORDS_MAX && words[n])
                n++;
        return n;
}

static int params_of(const char *const *words, const char *input, char **ret, char *error)
{
        FILE *file = input ? fmemopen((void *)(uintptr_t)input, strlen(input), "r") : NULL;
        int r = ctl_params((char *const *)(uintptr_t)words, count(words), file, ret, error);

        if (file)
                fclose(file);
        return r;
}

static const struct {
        const char *words[WORDS_MAX];
        const char *params; /* NULL: none */
} good[] = {
        {{NULL}, NULL},
        {{"a=1"}, "{\"a\":\"1\"}"},
        {{"a:=1"}, "{\"a\":1}"},
        {{"a:=1", "b=x y", "c:=[1, {}]"}, "{\"a\":1,\"b\":\"x y\",\"c\":[1, {}]}"},
        {{"a="}, "{\"a\":\"\"}"},
        {{"a==b=c"}, "{\"a\":\"=b=c\"}"},
        {{"a:b=c"}, "{\"a:b\":\"c\"}"},
        {{"a=:=1"}, "{\"a\":\":=1\"}"},
        {{"a= 1 "}, "{\"a\":\" 1 \"}"},
        {{"a:= true "}, "{\"a\": true }"},
        {{"a:=null"}, "{\"a\":null}"},
        {{"a:=\"x\""}, "{\"a\":\"x\"}"},
        {{"a:=-0.5e+300"}, "{\"a\":-0.5e+300}"},
        {{"a:=123456789012345678901234567890"}, "{\"a\":123456789012345678901234567890}"},
        {{"a=\"\\\n\001"}, "{\"a\":\"\\\"\\\\\\n\\u0001\"}"},
        {{"gr\u00fc\u00df=\U0001f600"}, "{\"gr\u00fc\u00df\":\"\U0001f600\"}"},
        {{"a=-"}, "{\"a\":\"-\"}"},
        {{"{}"}, "{}"},
        {{"[]"}, "[]"},
        {{" {\"a\": 1}\n"}, " {\"a\": 1}\n"},
        {{"[1,\n2]"}, "[1,\n2]"},
        {{"{\"a\":\"b=c\"}"}, "{\"a\":\"b=c\"}"},
};

START_TEST(test_good_words)
{
        char error[CTL_PARAMS_ERROR_MAX] = "";
        char *params;

        ck_assert_int_eq(params_of(good[_i].words, NULL, &params, error), 0);
        ck_assert_pstr_eq(params, good[_i].params);
        ck_assert_str_eq(error, "");
        free(params);
}
END_TEST

#define FORMS "NAME=TEXT for a text, NAME:=JSON for anything else, or one JSON object or array"

static const struct {
        const char *words[WORDS_MAX];
        const char *error; /* its beginning */
} bad[] = {
        {{"a"}, "\"a\" is no argument: it must be " FORMS},
        {{"17"}, "\"17\" is no argument: it must be " FORMS},
        {{"\"text\""}, "\"\"text\"\" is no argument: it must be " FORMS},
        {{""}, "\"\" is no argument: "},
        {{"a=1", "b"}, "\"b\" is no argument: "},
        {{"a=1", "-"}, "\"-\" is no argument: "},
        {{"{}", "a=1"}, "\"{}\" is no argument: "},
        {{"=1"}, "\"=1\" has no name: "},
        {{":=1"}, "\":=1\" has no name: "},
        {{"a=1", "b=2", "a=3"}, "\"a\" is given twice"},
        {{"a=1", "a:=1"}, "\"a\" is given twice"},
        {{"a:="},
         "the value of \"a\" is no JSON: line 1, column 1: there is nothing; a text is "
         "written a=TEXT"},
        {{"a:=hello"}, "the value of \"a\" is no JSON: line 1, column 1: "},
        {{"a:=[1,\n 2,]"}, "the value of \"a\" is no JSON: line 2, column 4: "},
        {{"a:=1 2"}, "the value of \"a\" is no JSON: line 1, column 3: "},
        {{"a:=1,\"b\":2"}, "the value of \"a\" is no JSON: line 1, column 2: "},
        {{"a:=NaN"}, "the value of \"a\" is no JSON: "},
        {{"a:=\"x\ny\""}, "the value of \"a\" is no JSON: "},
        {{"a=\xff"}, "an argument is not UTF-8"},
        {{"\xff"}, "an argument is not UTF-8"},
        {{"{\"a\":1"}, "the params: line 1, column 7: "},
        {{"{\"a\":\n1,}"}, "the params: line 2, column 3: "},
        {{"[1] [2]"}, "the params: line 1, column 5: "},
        {{"{x}=3"}, "the params: line 1, column 2: "},
};

START_TEST(test_bad_words)
{
        char error[CTL_PARAMS_ERROR_MAX] = "";
        char *params;

        ck_assert_int_eq(params_of(bad[_i].words, NULL, &params, error), -EINVAL);
        ck_assert_ptr_null(params);
        ck_assert_msg(strncmp(error, bad[_i].error, strlen(bad[_i].error)) == 0,
                      "\"%s\" should begin with \"%s\"", error, bad[_i].error);
}
END_TEST

START_TEST(test_params_from_input)
{
        const char *const words[WORDS_MAX] = {"-"};
        char error[CTL_PARAMS_ERROR_MAX] = "";
        char *params;

        ck_assert_int_eq(params_of(words, "{\n \"a\": 1\n}\n", &params, error), 0);
        ck_assert_str_eq(params, "{\n \"a\": 1\n}\n");
        free(params);
}
END_TEST

START_TEST(test_bad_input)
{
        static const char *const cases[][2] = {
                {"\n", "standard input: line 2, column 1: there is nothing"},
                {"3", "standard input: line 1, column 1: expected '{' or '['"},
                {"{\n \"a\": 1\n", "standard input: line 3, column 1: "},
                {"{\n \"a\" 1\n}", "standard input: line 2, column 6: "},
        };
        const char *const words[WORDS_MAX] = {"-"};
        char error[CTL_PARAMS_ERROR_MAX] = "";
        char *params;

        ck_assert_int_eq(params_of(words, cases[_i][0], &params, error), -EINVAL);
        ck_assert_ptr_null(params);
        ck_assert_msg(strncmp(error, cases[_i][1], strlen(cases[_i][1])) == 0,
                      "\"%s\" should begin with \"%s\"", error, cases[_i][1]);
}
END_TEST

/* A NUL would end a C string, and what follows would be lost in silence. */
START_TEST(test_input_with_nul)
{
        static char input[] = "[1]\0garbage";
        FILE *file = fmemopen(input, sizeof(input) - 1, "r");
        char error[CTL_PARAMS_ERROR_MAX] = "";
        char word[] = "-";
        char *params;

        ck_assert_int_eq(ctl_params(&(char *){word}, 1, file, &params, error), -EINVAL);
        fclose(file);
}
END_TEST

START_TEST(test_large_input)
{
        size_t length = 1 << 20;
        char *input = malloc(length + 1);
        const char *const words[WORDS_MAX] = {"-"};
        char error[CTL_PARAMS_ERROR_MAX] = "";
        char *params;

        memset(input, ' ', length);
        input[0] = '[';
        input[length - 1] = ']';
        input[length] = '\0';
        ck_assert_int_eq(params_of(words, input, &params, error), 0);
        ck_assert_str_eq(params, input);
        free(params);
        free(input);
}
END_TEST

START_TEST(test_input_that_cannot_be_read)
{
        FILE *folder = fopen("/", "r");
        char error[CTL_PARAMS_ERROR_MAX] = "";
        char word[] = "-";
        char *params;

        ck_assert_int_eq(ctl_params(&(char *){word}, 1, folder, &params, error), -EIO);
        ck_assert_ptr_nonnull(strstr(error, "cannot read the params from standard input: "));
        fclose(folder);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("ctl_params");
        TCase *tcase = tcase_create("params");

        tcase_add_loop_test(tcase, test_good_words, 0, sizeof(good) / sizeof(good[0]));
        tcase_add_loop_test(tcase, test_bad_words, 0, sizeof(bad) / sizeof(bad[0]));
        tcase_add_test(tcase, test_params_from_input);
        tcase_add_loop_test(tcase, test_bad_input, 0, 4);
        tcase_add_test(tcase, test_input_with_nul);
        tcase_add_test(tcase, test_large_input);
        tcase_add_test(tcase, test_input_that_cannot_be_read);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
