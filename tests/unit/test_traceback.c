/* SPDX-License-Identifier: MIT */
/*
 * What Python writes when something goes wrong, line by line: where each such text ends.
 */
#include "daemon/traceback.h"

#include "common/cleanup.h"
#include "suite.h"

#include <check.h>
#include <string.h>

#define TRACE  "Traceback (most recent call last):\n"
#define FRAME  "  File \"x.py\", line 1, in f\n    1 / 0\n    ~~^~~\n"
#define DURING "During handling of the above exception, another exception occurred:\n"
#define CAUSE  "The above exception was the direct cause of the following exception:\n"

/* Texts that belong together as a whole. */
static const char *const wholes[] = {
        TRACE FRAME FRAME "ZeroDivisionError: division by zero\n",
        TRACE "  File \"<string>\", line 1\n    1 +\n       ^\nSyntaxError: invalid syntax\n",
        TRACE FRAME "KeyError: 1\n\n" DURING "\n" TRACE FRAME "ValueError\n\n" CAUSE
                    "\n" TRACE FRAME "json.decoder.JSONDecodeError: no\n",
        TRACE FRAME "ValueError: a message\n  that goes on, indented\n",
        TRACE FRAME "  [Previous line repeated 995 more times]\nRecursionError: too deep\n",
        "  + Exception Group Traceback (most recent call last):\n  |   File \"x.py\", line 1\n"
        "  | ExceptionGroup: many (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n"
        "    | ValueError: 1\n    +---------------- 2 ----------------\n    | ValueError: 2\n"
        "    +------------------------------------\n",
        "Exception in thread Thread-1 (run):\n" TRACE FRAME "OSError: x\n",
        "Exception ignored in: <function A.__del__ at 0x7f>\n" TRACE FRAME "OSError: x\n",
        "Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f (most recent call "
        "first):\n  File \"x.py\", line 1 in f\n\nThread 0x00007e (most recent call first):\n  "
        "File "
        "\"y.py\", line 1 in g\n\nExtension modules: _x (total: 1)\n",
        "Current thread 0x00007f (most recent call first):\n  <no Python frame>\n",
};

/* Texts of which only the beginning up to "|" belongs together. */
static const char *const beginnings[] = {
        "hello\n|world\n",
        "  indented\n|  the same\n",
        TRACE FRAME "ValueError: x\n|next\n",
        TRACE FRAME "ValueError: x\n|" TRACE,
        TRACE FRAME "ValueError: x\n\n|next\n",
        TRACE FRAME "ValueError: x\n\n|\n",
        TRACE FRAME "ValueError: x\n\n" DURING "|next\n",
        TRACE FRAME "|\nnext\n",
        "Exception in thread Thread-1 (run):\n|next\n",
        "Fatal Python error: Aborted\n\n|next\n",
        "Traceback (most recent\n|  x\n",
};

/* How many bytes of a text, in whole lines, belong together. */
static size_t extent(const char *text)
{
        const char *p = text, *newline = strchr(p, '\n');
        enum traceback state = traceback_begin(p, (size_t)(newline - p));

        for (p = newline + 1; (newline = strchr(p, '\n')); p = newline + 1)
                if (!traceback_continue(&state, p, (size_t)(newline - p)))
                        break;
        return (size_t)(p - text);
}

START_TEST(what_belongs_together_does)
{
        ck_assert_uint_eq(extent(wholes[_i]), strlen(wholes[_i]));
}
END_TEST

START_TEST(what_does_not_does_not)
{
        char text[2048];
        size_t expected = strcspn(beginnings[_i], "|");

        strcpy(text, beginnings[_i]);
        memmove(text + expected, text + expected + 1, strlen(text + expected));
        ck_assert_uint_eq(extent(text), expected);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("traceback");
        TCase *tcase = tcase_create("tests");

        tcase_add_loop_test(tcase, what_belongs_together_does, 0, ARRAY_SIZE(wholes));
        tcase_add_loop_test(tcase, what_does_not_does_not, 0, ARRAY_SIZE(beginnings));
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
