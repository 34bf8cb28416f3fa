/* SPDX-License-Identifier: MIT */
/*
 * Files that are, or are not, what a Python looks like. None of them is run.
 */
#include "daemon/interpreter.h"

#include <check.h>
#include <unistd.h>

#include "folder.h"
#include "suite.h"

static char fault[INTERPRETER_FAULT_MAX];
static struct python_version version;

static enum interpreter_verdict judge(const char *name)
{
        return interpreter_judge(folder_at(name), &version, fault);
}

static void make_program(const char *name, const char *content)
{
        folder_write(name, content);
        ck_assert_int_eq(chmod(folder_at(name), 0755), 0);
}

static void check_bad(const char *name, enum interpreter_verdict verdict, const char *expected)
{
        ck_assert_int_eq(judge(name), verdict);
        ck_assert_str_eq(fault, expected);
}

START_TEST(the_hosts_python_is_one)
{
        ck_assert_int_eq(interpreter_judge("/usr/bin/python3", &version, fault), INTERPRETER_GOOD);
        ck_assert_int_eq(version.major, 3);
        ck_assert_int_ge(version.minor, INTERPRETER_OLDEST);
}
END_TEST

START_TEST(a_script_may_stand_in_front)
{
        make_program("python3", "#!/bin/sh\n");
        ck_assert_int_eq(judge("python3"), INTERPRETER_GOOD);
        ck_assert(!python_version_is_known(version));
}
END_TEST

START_TEST(another_program_is_none)
{
        check_bad("gone", INTERPRETER_MISSING, "No such file or directory");
        ck_assert_int_eq(symlink("/bin/true", folder_at("python3")), 0);
        check_bad("python3", INTERPRETER_BROKEN, "it is no Python");
        make_program("empty", "");
        check_bad("empty", INTERPRETER_BROKEN, "it is no program");
        make_program("text", "print(1)\n");
        check_bad("text", INTERPRETER_BROKEN, "it is no program");
        folder_write("plain", "#!/bin/sh\n");
        check_bad("plain", INTERPRETER_BROKEN, "Permission denied");
        ck_assert_int_eq(mkdir(folder_at("folder"), 0755), 0);
        check_bad("folder", INTERPRETER_BROKEN, "Is a directory");
        ck_assert_int_eq(mkfifo(folder_at("pipe"), 0755), 0);
        check_bad("pipe", INTERPRETER_BROKEN, "Permission denied");
}
END_TEST

START_TEST(a_program_with_the_words_of_python_is_one)
{
        make_program("python3", "\177ELF and so on, and libpython3.11.so.1.0");
        ck_assert_int_eq(judge("python3"), INTERPRETER_GOOD);
}
END_TEST

START_TEST(a_link_that_leads_nowhere_is_told_with_its_end)
{
        char expected[INTERPRETER_FAULT_MAX];

        ck_assert_int_eq(symlink("python", folder_at("python3")), 0);
        ck_assert_int_eq(symlink("lib/../python3.11", folder_at("python")), 0);
        snprintf(expected, sizeof(expected), "it leads to %s, which is not there",
                 folder_at("python3.11"));
        check_bad("python3", INTERPRETER_BROKEN, expected);
        ck_assert_int_eq(symlink("round", folder_at("round")), 0);
        check_bad("round", INTERPRETER_BROKEN, "Too many levels of symbolic links");
}
END_TEST

START_TEST(the_name_tells_the_version)
{
        make_program("python3.8", "#!/bin/sh\n");
        ck_assert_int_eq(symlink("python3.8", folder_at("python3")), 0);
        check_bad("python3", INTERPRETER_OLD, "it is Python 3.8, 3.9 or newer is needed");
        make_program("python3.10", "#!/bin/sh\n");
        ck_assert_int_eq(judge("python3.10"), INTERPRETER_GOOD);
        ck_assert_int_eq(version.minor, 10);
        make_program("python2.7", "#!/bin/sh\n");
        check_bad("python2.7", INTERPRETER_OLD, "it is Python 2.7, 3.9 or newer is needed");
}
END_TEST

START_TEST(a_version_is_two_numbers)
{
        ck_assert(python_version_read("3.11.2", &version));
        ck_assert_int_eq(version.major, 3);
        ck_assert_int_eq(version.minor, 11);
        ck_assert(python_version_read("3.9", &version));
        ck_assert(!python_version_is_old(version));
        ck_assert(!python_version_read("", &version));
        ck_assert(!python_version_read("3", &version));
        ck_assert(!python_version_read("x.y", &version));
        ck_assert(!python_version_is_old((struct python_version){0}));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("interpreter");
        TCase *tests = tcase_create("interpreter");

        tcase_add_checked_fixture(tests, folder_make, folder_remove);
        tcase_add_test(tests, the_hosts_python_is_one);
        tcase_add_test(tests, a_script_may_stand_in_front);
        tcase_add_test(tests, another_program_is_none);
        tcase_add_test(tests, a_program_with_the_words_of_python_is_one);
        tcase_add_test(tests, a_link_that_leads_nowhere_is_told_with_its_end);
        tcase_add_test(tests, the_name_tells_the_version);
        tcase_add_test(tests, a_version_is_two_numbers);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
