/* SPDX-License-Identifier: MIT */
/*
 * JSON as jumpbootctl prints it: the same text in another layout.
 */
#include "client/ctl_json.h"

#include "suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
        const char *text, *line, *indented;
} cases[] = {
        {"3", "3\n", "3\n"},
        {"null", "null\n", "null\n"},
        {"\"a, b: {}\"", "\"a, b: {}\"\n", "\"a, b: {}\"\n"},
        {"\"\\\"\\\\\"", "\"\\\"\\\\\"\n", "\"\\\"\\\\\"\n"},
        {" [ ] ", "[]\n", "[]\n"},
        {"{ }", "{}\n", "{}\n"},
        {"[[],{}]", "[[],{}]\n", "[\n  [],\n  {}\n]\n"},
        {"{\"a\":1,\"b\":[true, false]}", "{\"a\":1,\"b\":[true,false]}\n",
         "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    false\n  ]\n}\n"},
        /* No number is touched: these are beyond 64 bits and beyond a double. */
        {"[123456789012345678901234567890,0.10,1E400]",
         "[123456789012345678901234567890,0.10,1E400]\n",
         "[\n  123456789012345678901234567890,\n  0.10,\n  1E400\n]\n"},
        {"\"\\u00e9 \u00e9\"", "\"\\u00e9 \u00e9\"\n", "\"\\u00e9 \u00e9\"\n"},
};

static char *written(const char *text, bool indented)
{
        char *out = NULL;
        size_t size;
        FILE *file = open_memstream(&out, &size);

        ctl_json_write(file, text, strlen(text), indented);
        fclose(file);
        return out;
}

START_TEST(test_layouts)
{
        char *line = written(cases[_i].text, false);
        char *indented = written(cases[_i].text, true);

        ck_assert_str_eq(line, cases[_i].line);
        ck_assert_str_eq(indented, cases[_i].indented);
        free(line);
        free(indented);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("ctl_json");
        TCase *tcase = tcase_create("layouts");

        tcase_add_loop_test(tcase, test_layouts, 0, sizeof(cases) / sizeof(cases[0]));
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
