/* SPDX-License-Identifier: MIT */
#include "client/ctl_child.h"

#include "common/cleanup.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "suite.h"

static char *text;
static size_t length;
static int status;

static void forget(void)
{
        free(steal(text));
}

static int run(const char *script)
{
        const char *argv[] = {"sh", "-c", script, NULL};

        forget();
        return ctl_child_capture(argv, &text, &length, &status);
}

START_TEST(what_it_prints_is_taken)
{
        ck_assert_int_eq(run("echo one; echo two"), 0);
        ck_assert_str_eq(text, "one\ntwo\n");
        ck_assert_uint_eq(length, 8);
        ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(nothing_is_an_empty_text)
{
        ck_assert_int_eq(run("exit 7"), 0);
        ck_assert_str_eq(text, "");
        ck_assert_uint_eq(length, 0);
        ck_assert_int_eq(status, 7);
}
END_TEST

START_TEST(more_than_a_pipe_holds)
{
        ck_assert_int_eq(run("head -c 300000 /dev/zero | tr '\\0' x"), 0);
        ck_assert_uint_eq(length, 300000);
        ck_assert_uint_eq(strlen(text), 300000);
}
END_TEST

START_TEST(the_end_by_a_signal_is_a_failure)
{
        ck_assert_int_eq(run("echo half; kill -9 $$"), -ECHILD);
        ck_assert_ptr_null(text);
}
END_TEST

/* Where the child cannot share memory with its parent, as under valgrind, it says so by 127. */
START_TEST(a_program_that_is_not_there)
{
        const char *argv[] = {"/nowhere/program", NULL};
        int r = ctl_child_capture(argv, &text, &length, &status);

        ck_assert(r == -ENOENT || (r == 0 && status == 127));
        if (r < 0)
                ck_assert_ptr_null(text);
}
END_TEST

START_TEST(a_file_is_read_by_its_number)
{
        _cleanup_close_ int fd = ctl_child_file("some text\n", 10);
        char script[64];

        ck_assert_int_ge(fd, 0);
        snprintf(script, sizeof(script), "cat <&%d", fd);
        ck_assert_int_eq(run(script), 0);
        ck_assert_str_eq(text, "some text\n");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("ctl_child");
        TCase *tests = tcase_create("ctl_child");

        tcase_add_checked_fixture(tests, NULL, forget);
        tcase_add_test(tests, what_it_prints_is_taken);
        tcase_add_test(tests, nothing_is_an_empty_text);
        tcase_add_test(tests, more_than_a_pipe_holds);
        tcase_add_test(tests, the_end_by_a_signal_is_a_failure);
        tcase_add_test(tests, a_program_that_is_not_there);
        tcase_add_test(tests, a_file_is_read_by_its_number);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
