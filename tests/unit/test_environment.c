/* SPDX-License-Identifier: MIT */
/*
 * Interpreters are scripts without a line here: they are looked at, not run.
 */
#include "daemon/environment.h"
#include "daemon/environment_block.h"

#include "common/env_store.h"

#include <check.h>
#include <unistd.h>

#include "folder.h"
#include "suite.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static struct environment environment;
static char error[ENVIRONMENT_ERROR_MAX];
static char **block;

static void setup(void)
{
        folder_make();
}

static void teardown(void)
{
        block = environment_block_free(block);
        environment_clear(&environment);
        folder_remove();
}

static void make_python(const char *name)
{
        folder_write(name, "#!/bin/sh\n");
        ck_assert_int_eq(chmod(folder_at(name), 0755), 0);
}

static int find(enum environment_kind kind, const char *name)
{
        return environment_find(kind, folder_at(name), &environment, error);
}

/* The error behind what is the same in all: "WHAT FOLDER/". */
static void check_error(const char *before, const char *after)
{
        char expected[ENVIRONMENT_ERROR_MAX];

        snprintf(expected, sizeof(expected), "%s%s/%s", before, folder_root, after);
        ck_assert_str_eq(error, expected);
        ck_assert_ptr_null(environment.python);
}

START_TEST(test_system)
{
        ck_assert_int_eq(environment_find(ENVIRONMENT_SYSTEM, NULL, &environment, error), 0);
        ck_assert_str_eq(environment.python, "/usr/bin/python3");
        ck_assert_ptr_null(environment.folder);
}
END_TEST

START_TEST(test_python)
{
        make_python("bin/python3.9");
        ck_assert_int_eq(find(ENVIRONMENT_PYTHON, "bin/python3.9"), 0);
        ck_assert_str_eq(environment.python, folder_at("bin/python3.9"));
        ck_assert_ptr_null(environment.variable);
}
END_TEST

START_TEST(test_python_that_is_none)
{
        ck_assert_int_eq(find(ENVIRONMENT_PYTHON, "gone"), 1);
        check_error("cannot use the Python ", "gone: No such file or directory");
        folder_write("plain", "");
        ck_assert_int_eq(find(ENVIRONMENT_PYTHON, "plain"), 1);
        check_error("cannot use the Python ", "plain: Permission denied");
        ck_assert_int_eq(mkdir(folder_at("folder"), 0755), 0);
        ck_assert_int_eq(find(ENVIRONMENT_PYTHON, "folder"), 1);
        check_error("cannot use the Python ", "folder: Is a directory");
}
END_TEST

/* The link must not be followed: by its name Python finds the venv. */
START_TEST(test_venv)
{
        folder_write("venv/pyvenv.cfg", "");
        folder_write("venv/bin/activate", "");
        ck_assert_int_eq(symlink("/usr/bin/python3", folder_at("venv/bin/python3")), 0);
        ck_assert_int_eq(find(ENVIRONMENT_VENV, "venv"), 0);
        ck_assert_str_eq(environment.python, folder_at("venv/bin/python3"));
        ck_assert_str_eq(environment.folder, folder_at("venv"));
        ck_assert_str_eq(environment.variable, "VIRTUAL_ENV");
}
END_TEST

START_TEST(test_venv_that_is_none)
{
        ck_assert_int_eq(find(ENVIRONMENT_VENV, "gone"), 1);
        check_error("cannot use the venv ", "gone: No such file or directory");
        folder_write("file", "");
        ck_assert_int_eq(find(ENVIRONMENT_VENV, "file"), 1);
        check_error("cannot use the venv ", "file: Not a directory");
        make_python("conda/bin/python3");
        ck_assert_int_eq(find(ENVIRONMENT_VENV, "conda"), 1);
        check_error("", "conda is no venv: its pyvenv.cfg: No such file or directory; python3 -m "
                        "venv makes one, and a conda environment is a \"prefix\"");
        folder_write("venv/pyvenv.cfg", "");
        ck_assert_int_eq(find(ENVIRONMENT_VENV, "venv"), 1);
        check_error("the venv has no Python that works: ",
                    "venv/bin/python3: No such file or directory");
        folder_write("venv/bin/python3", "");
        ck_assert_int_eq(find(ENVIRONMENT_VENV, "venv"), 1);
        check_error("the venv has no Python that works: ", "venv/bin/python3: Permission denied");
}
END_TEST

START_TEST(test_prefix)
{
        make_python("conda/bin/python");
        ck_assert_int_eq(find(ENVIRONMENT_PREFIX, "conda"), 0);
        ck_assert_str_eq(environment.python, folder_at("conda/bin/python"));
        ck_assert_str_eq(environment.variable, "CONDA_PREFIX");
        environment_clear(&environment);
        make_python("conda/bin/python3");
        ck_assert_int_eq(find(ENVIRONMENT_PREFIX, "conda"), 0);
        ck_assert_str_eq(environment.python, folder_at("conda/bin/python3"));
        environment_clear(&environment);
        ck_assert_int_eq(find(ENVIRONMENT_PREFIX, "gone"), 1);
        check_error("cannot use the prefix ", "gone: No such file or directory");
}
END_TEST

/* A venv that was made with the Python in that folder, of that version. */
static void make_venv(const char *name, const char *home, const char *version)
{
        char text[PATH_MAX + 100], path[256];

        snprintf(path, sizeof(path), "%s/pyvenv.cfg", name);
        snprintf(text, sizeof(text),
                 "home = %s\ninclude-system-site-packages = false\nversion = %s\n", home, version);
        folder_write(path, text);
        snprintf(path, sizeof(path), "%s/bin/activate", name);
        folder_write(path, "");
}

static void link_python(const char *name, const char *target)
{
        ck_assert_int_eq(symlink(target, folder_at(name)), 0);
}

START_TEST(test_venv_packages)
{
        make_python("usr/python3.11");
        make_venv("venv", folder_at("usr"), "3.11.2");
        link_python("venv/bin/python3", folder_at("usr/python3.11"));
        ck_assert_int_eq(find(ENVIRONMENT_VENV, "venv"), 0);
        ck_assert_str_eq(environment.packages, folder_at("venv/lib/python3.11/site-packages"));
}
END_TEST

/* The host's Python was updated: the venv's link leads to another version than its packages. */
START_TEST(test_venv_of_another_version)
{
        make_python("usr/python3.12");
        make_venv("venv", folder_at("usr"), "3.11.2");
        link_python("venv/bin/python3", folder_at("usr/python3.12"));
        ck_assert_int_eq(find(ENVIRONMENT_VENV, "venv"), 1);
        check_error("", "venv was made with Python 3.11, but its python3 is Python 3.12 now, and "
                        "finds none of its packages; the venv must be made anew");
}
END_TEST

START_TEST(test_venv_without_home)
{
        char expected[ENVIRONMENT_ERROR_MAX];

        make_venv("venv", folder_at("gone"), "3.11.2");
        link_python("venv/bin/python3", folder_at("gone/python3.11"));
        ck_assert_int_eq(find(ENVIRONMENT_VENV, "venv"), 1);
        snprintf(expected, sizeof(expected),
                 "the venv has lost its Python: %s/pyvenv.cfg:1: its home, %s, is not there; the "
                 "venv must be made anew",
                 folder_at("venv"), folder_at("gone"));
        ck_assert_str_eq(error, expected);
}
END_TEST

START_TEST(test_venv_with_a_dangling_link)
{
        char expected[ENVIRONMENT_ERROR_MAX];

        make_venv("venv", folder_root, "3.11.2");
        make_python("venv/bin/python");
        link_python("venv/bin/python3", folder_at("python3.11"));
        ck_assert_int_eq(find(ENVIRONMENT_VENV, "venv"), 1);
        snprintf(expected, sizeof(expected),
                 "the venv has no Python that works: %s: it leads to %s, which is not there",
                 folder_at("venv/bin/python3"), folder_at("python3.11"));
        ck_assert_str_eq(error, expected);
}
END_TEST

START_TEST(test_old_venv)
{
        make_venv("venv", folder_root, "3.8.18");
        make_python("venv/bin/python3");
        ck_assert_int_eq(find(ENVIRONMENT_VENV, "venv"), 1);
        check_error("", "venv is a venv of Python 3.8, 3.9 or newer is needed");
        make_python("conda/bin/python3.8");
        link_python("conda/bin/python3", "python3.8");
        ck_assert_int_eq(find(ENVIRONMENT_PREFIX, "conda"), 1);
        check_error("the prefix has no Python that works: ",
                    "conda/bin/python3: it is Python 3.8, 3.9 or newer is needed");
}
END_TEST

static void finish_named(const char *name)
{
        char path[256];

        snprintf(path, sizeof(path), "envs/%s/" ENV_STORE_MARKER, name);
        folder_write(path, "{}");
}

START_TEST(test_named)
{
        make_venv("envs/web", folder_root, "3.11.2");
        make_python("envs/web/bin/python3");
        finish_named("web");
        ck_assert_int_eq(find(ENVIRONMENT_NAMED, "envs/web"), 0);
        ck_assert_str_eq(environment.variable, "VIRTUAL_ENV");
        environment_clear(&environment);
        make_python("envs/conda/bin/python3");
        finish_named("conda");
        ck_assert_int_eq(find(ENVIRONMENT_NAMED, "envs/conda"), 0);
        ck_assert_str_eq(environment.variable, "CONDA_PREFIX");
        ck_assert_str_eq(environment.folder, folder_at("envs/conda"));
}
END_TEST

START_TEST(test_named_that_is_none)
{
        make_venv("envs/half", folder_root, "3.11.2");
        make_python("envs/half/bin/python3");
        finish_named("web");
        ck_assert_int_eq(find(ENVIRONMENT_NAMED, "envs/wen"), 1);
        check_error("there is no environment \"wen\" in ", "envs: did you mean \"web\"?");
        ck_assert_int_eq(find(ENVIRONMENT_NAMED, "envs/sound"), 1);
        check_error("there is no environment \"sound\" in ",
                    "envs: \"jumpbootctl env create sound\" makes it");
        ck_assert_int_eq(find(ENVIRONMENT_NAMED, "envs/half"), 1);
        check_error("there is but a half-made environment \"half\" in ",
                    "envs: \"jumpbootctl env create half\" makes it");
}
END_TEST

static void make_block(bool is_clear, const char *const *own,
                       const struct environment_setting *settings, size_t n_settings)
{
        ck_assert_int_eq(environment_block(&environment, is_clear, (char *const *)own, settings,
                                           n_settings, &block),
                         0);
}

/* NULL: the block has no such variable. */
static const char *value_of(const char *name)
{
        const char *found = NULL;

        for (char **at = block; *at; at++)
                if (strncmp(*at, name, strlen(name)) == 0 && (*at)[strlen(name)] == '=') {
                        ck_assert_msg(!found, "%s is there twice", name);
                        found = *at + strlen(name) + 1;
                }
        return found;
}

static size_t block_length(void)
{
        size_t n = 0;

        while (block[n])
                n++;
        return n;
}

START_TEST(test_clear)
{
        static const char *const own[] = {"PATH=/opt/bin", "HOME=/home/x",    "USER=x",
                                          "LOGNAME=x",     "SECRET=y",        "HOMES=z",
                                          "PYTHONPATH=/p", "NOTIFY_SOCKET=s", NULL};

        make_block(true, own, NULL, 0);
        ck_assert_uint_eq(block_length(), 5);
        ck_assert_str_eq(value_of("PATH"), DEFAULT_PATH);
        ck_assert_str_eq(value_of("LANG"), "C.UTF-8");
        ck_assert_str_eq(value_of("HOME"), "/home/x");
        ck_assert_str_eq(value_of("USER"), "x");
        ck_assert_str_eq(value_of("LOGNAME"), "x");
}
END_TEST

START_TEST(test_clear_takes_the_language)
{
        static const char *const own[] = {"LANG=de_DE.UTF-8", NULL};

        make_block(true, own, NULL, 0);
        ck_assert_uint_eq(block_length(), 2);
        ck_assert_str_eq(value_of("LANG"), "de_DE.UTF-8");
}
END_TEST

START_TEST(test_inherit)
{
        static const char *const own[] = {
                "PATH=/opt/bin",     "SECRET=y=z",         "NOTIFY_SOCKET=/run/x",
                "LISTEN_FDS=1",      "LISTEN_PID=1",       "LISTEN_FDNAMES=x",
                "WATCHDOG_USEC=1",   "WATCHDOG_PID=1",     "JOURNAL_STREAM=8:1",
                "INVOCATION_ID=abc", "LISTENER=stays",     "NOTIFY_SOCKETS=stay",
                "PYTHONHOME=/p",     "no variable at all", NULL};

        make_block(false, own, NULL, 0);
        ck_assert_str_eq(value_of("PATH"), "/opt/bin");
        ck_assert_str_eq(value_of("SECRET"), "y=z");
        ck_assert_str_eq(value_of("LISTENER"), "stays");
        ck_assert_str_eq(value_of("NOTIFY_SOCKETS"), "stay");
        ck_assert_str_eq(value_of("PYTHONHOME"), "/p");
        ck_assert_uint_eq(block_length(), 6); /* and LANG */
}
END_TEST

/* Another environment that the daemon happens to be in must not show. */
START_TEST(test_venv_first_on_path)
{
        static const char *const own[] = {"PATH=/opt/bin",
                                          "PYTHONHOME=/p",
                                          "CONDA_PREFIX=/c",
                                          "CONDA_SHLVL=1",
                                          "VIRTUAL_ENV=/v",
                                          "SECRET=y",
                                          NULL};
        char expected[256];

        folder_write("venv/pyvenv.cfg", "");
        make_python("venv/bin/python3");
        ck_assert_int_eq(find(ENVIRONMENT_VENV, "venv"), 0);
        make_block(false, own, NULL, 0);
        snprintf(expected, sizeof(expected), "%s/venv/bin:/opt/bin", folder_root);
        ck_assert_str_eq(value_of("PATH"), expected);
        ck_assert_str_eq(value_of("VIRTUAL_ENV"), folder_at("venv"));
        ck_assert_ptr_null(value_of("PYTHONHOME"));
        ck_assert_ptr_null(value_of("CONDA_PREFIX"));
        ck_assert_ptr_null(value_of("CONDA_SHLVL"));
        ck_assert_str_eq(value_of("SECRET"), "y");
        block = environment_block_free(block);

        make_block(true, own, NULL, 0);
        snprintf(expected, sizeof(expected), "%s/venv/bin:%s", folder_root, DEFAULT_PATH);
        ck_assert_str_eq(value_of("PATH"), expected);
}
END_TEST

START_TEST(test_settings_win)
{
        static const char *const own[] = {"HOME=/home/x", "A=1", NULL};
        static const struct environment_setting settings[] = {
                {"HOME", "/srv"}, {"PATH", "/only"}, {"EMPTY", ""}, {"A", "2=3"}};

        make_python("conda/bin/python3");
        ck_assert_int_eq(find(ENVIRONMENT_PREFIX, "conda"), 0);
        make_block(false, own, settings, ARRAY_SIZE(settings));
        ck_assert_str_eq(value_of("HOME"), "/srv");
        ck_assert_str_eq(value_of("PATH"), "/only");
        ck_assert_str_eq(value_of("EMPTY"), "");
        ck_assert_str_eq(value_of("A"), "2=3");
        ck_assert_str_eq(value_of("CONDA_PREFIX"), folder_at("conda"));
}
END_TEST

START_TEST(test_names)
{
        ck_assert_ptr_null(environment_name_fault("A"));
        ck_assert_ptr_null(environment_name_fault("a.b-c"));
        ck_assert_ptr_nonnull(environment_name_fault(""));
        ck_assert_ptr_nonnull(environment_name_fault("A=B"));
        ck_assert_ptr_nonnull(environment_name_fault("JUMPBOOT_WORKER"));
        ck_assert_ptr_null(environment_name_fault("JUMPBOOT_WORKERS"));
}
END_TEST

START_TEST(test_remove)
{
        static const char *const own[] = {NULL};
        static const struct environment_setting settings[] = {
                {"AB", "1"}, {"A", "2"}, {"ABC", "3"}};

        ck_assert_int_eq(environment_find(ENVIRONMENT_SYSTEM, NULL, &environment, error), 0);
        make_block(true, own, settings, ARRAY_SIZE(settings));
        environment_block_remove(block, "A");
        ck_assert_ptr_null(value_of("A"));
        ck_assert_str_eq(value_of("AB"), "1");
        ck_assert_str_eq(value_of("ABC"), "3");
        environment_block_remove(block, "A");
        environment_block_remove(block, "A*");
        environment_block_remove(block, "ABC");
        ck_assert_str_eq(value_of("AB"), "1");
        ck_assert_ptr_null(value_of("ABC"));
        ck_assert_str_eq(value_of("PATH"), DEFAULT_PATH);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("environment");
        TCase *tests = tcase_create("environment");

        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, test_system);
        tcase_add_test(tests, test_python);
        tcase_add_test(tests, test_python_that_is_none);
        tcase_add_test(tests, test_venv);
        tcase_add_test(tests, test_venv_that_is_none);
        tcase_add_test(tests, test_prefix);
        tcase_add_test(tests, test_venv_packages);
        tcase_add_test(tests, test_venv_of_another_version);
        tcase_add_test(tests, test_venv_without_home);
        tcase_add_test(tests, test_venv_with_a_dangling_link);
        tcase_add_test(tests, test_old_venv);
        tcase_add_test(tests, test_named);
        tcase_add_test(tests, test_named_that_is_none);
        tcase_add_test(tests, test_clear);
        tcase_add_test(tests, test_clear_takes_the_language);
        tcase_add_test(tests, test_inherit);
        tcase_add_test(tests, test_venv_first_on_path);
        tcase_add_test(tests, test_settings_win);
        tcase_add_test(tests, test_names);
        tcase_add_test(tests, test_remove);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
