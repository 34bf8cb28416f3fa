/* SPDX-License-Identifier: MIT */
/*
 * Whole configs whose files are given to others. Only root can give a file away.
 */
#include "daemon/config.h"

#include <check.h>
#include <string.h>

#include "config_folder.h"
#include "suite.h"

#define USER "\"user\": \"54321\", \"group\": \"54322\""

static void setup_set(void)
{
        setup();
        ck_assert_int_eq(chmod(folder_root, 0755), 0);
        write_set("{\"programs\": {"
                  " \"calc\": {\"main\": \"calc.py\", \"modules\": {\"colors\": "
                  "\"lib/colors.py\"}, " USER "},"
                  " \"twin\": {\"main\": \"calc.py\", \"packages\": {\"tools\": {\"path\": "
                  "\"lib/tools\", \"data\": [\"*.json\"]}}, " USER "},"
                  " \"own\": {\"main\": {\"source\": \"\"}}}}");
}

static void give(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
        ck_assert_int_eq(chown(folder_at(name), uid, gid), 0);
        ck_assert_int_eq(chmod(folder_at(name), mode), 0);
}

/* The warnings, which do not keep the config from being right. */
static const char *warnings(void)
{
        ck_assert_int_eq(load(), 0);
        for (size_t i = 0; i < errors.n_messages; i++)
                ck_assert(errors.messages[i].is_warning);
        return messages();
}

#define BY_WORKERS(path, others)                                                                   \
        path ": can be written by the user that workers of \"calc\" run as (uid 54321)" others     \
             ": whoever takes over one of them can change what runs after the next load\n"
#define BY_EVERYBODY(path, others)                                                                 \
        path ": can be written by everybody" others                                                \
             ": everybody can change what runs after the next load\n"

START_TEST(what_is_roots_is_worth_no_warning)
{
        ck_assert_str_eq(warnings(), "");
}
END_TEST

static const struct {
        const char *name;
        uid_t uid;
        gid_t gid;
        mode_t mode;
        const char *warnings;
} rows[] = {
        {"programs.d/calc.py", 54321, 0, 0400, BY_WORKERS("programs.d/calc.py", "")},
        {"programs.d/calc.py", 54320, 54322, 0664, BY_WORKERS("programs.d/calc.py", "")},
        {"programs.d/calc.py", 54320, 54322, 0644, ""},
        {"programs.d/calc.py", 54320, 54320, 0664, ""},
        {"programs.d/calc.py", 0, 0, 0646, BY_EVERYBODY("programs.d/calc.py", "")},
        {"programs.d/tools.conf", 54321, 0, 0644, BY_WORKERS("programs.d/tools.conf", "")},
        {"jumpbootd.conf", 54321, 0, 0644, BY_WORKERS("jumpbootd.conf", "")},
        {"programs.d/lib/colors.py", 54321, 0, 0644, BY_WORKERS("programs.d/lib/colors.py", "")},
        {"programs.d/lib/tools/table.json", 54321, 0, 0644,
         BY_WORKERS("programs.d/lib/tools/table.json", "")},
        {"programs.d/lib/tools/__init__.py", 54321, 0, 0644,
         BY_WORKERS("programs.d/lib/tools/__init__.py", "")},
        {"programs.d/lib/other.py", 54321, 0, 0666, ""}, /* nobody names it */
        {"programs.d/lib/tools", 0, 54322, 0775, BY_WORKERS("programs.d/lib/tools", "")},
        {"programs.d/lib/tools", 0, 0, 01777, BY_EVERYBODY("programs.d/lib/tools", "")},
        {"programs.d", 0, 0, 0777, BY_EVERYBODY("programs.d", "")},
        {"programs.d/work", 54321, 0, 0777, ""},
};

START_TEST(what_workers_may_write_is_worth_one)
{
        give(rows[_i].name, rows[_i].uid, rows[_i].gid, rows[_i].mode);
        ck_assert_str_eq(warnings(), rows[_i].warnings);
}
END_TEST

/* A package of a thousand files makes one line. */
START_TEST(many_make_one_warning)
{
        char name[64];

        for (int i = 0; i < 300; i++) {
                snprintf(name, sizeof(name), "programs.d/lib/tools/m%d.py", i);
                folder_write(name, "");
                give(name, 54321, 0, 0644);
        }
        give("programs.d/calc.py", 54321, 0, 0644);
        ck_assert_str_eq(warnings(), BY_WORKERS("programs.d/calc.py", ", as can 300 others"));
}
END_TEST

START_TEST(everybody_is_told_apart_from_workers)
{
        give("programs.d/calc.py", 0, 0, 0666);
        give("jumpbootd.conf", 0, 0, 0666);
        give("programs.d/tools.conf", 54321, 0, 0644);
        ck_assert_str_eq(warnings(), BY_EVERYBODY("jumpbootd.conf", ", as can 1 other")
                                             BY_WORKERS("programs.d/tools.conf", ""));
}
END_TEST

/* Who may rename a folder on the way puts another in its place; not so in one like /tmp, where the
 * test's folder stands. */
START_TEST(the_folders_around_count)
{
        folder_write("other/lib/deep/a.py", "");
        folder_write("programs.d/b.conf",
                     "{\"programs\": {\"b\": {\"main\": \"../other/lib/deep/a.py\"}}}");
        give("other", 54321, 0, 0755);
        ck_assert_str_eq(warnings(), BY_WORKERS("other", ""));
        give("other", 0, 0, 01777);
        ck_assert_str_eq(warnings(), "");
        give("other", 54321, 0, 01755); /* its owner may all the same */
        ck_assert_str_eq(warnings(), BY_WORKERS("other", ""));
}
END_TEST

START_TEST(a_link_counts_with_what_it_leads_to)
{
        folder_write("elsewhere/real.py", "");
        ck_assert_int_eq(unlink(folder_at("programs.d/calc.py")), 0);
        ck_assert_int_eq(symlink(folder_at("elsewhere/real.py"), folder_at("programs.d/calc.py")),
                         0);
        give("elsewhere", 54321, 0, 0755);
        ck_assert_str_eq(warnings(), BY_WORKERS("elsewhere", ""));
}
END_TEST

/* Whoever may write there decides what the worker imports. */
START_TEST(the_environment_counts)
{
        folder_write("venv/pyvenv.cfg", "");
        folder_write("venv/bin/python3", "#!/bin/sh\n");
        ck_assert_int_eq(rename(folder_at("venv/bin/python3"), folder_at("venv/bin/python3.11")),
                         0);
        ck_assert_int_eq(symlink("python3.11", folder_at("venv/bin/python3")), 0);
        folder_write("venv/lib/python3.11/site-packages/x.py", "");
        write_set("{\"programs\": {\"calc\": {\"main\": \"calc.py\", \"environment\": {\"venv\": "
                  "\"../venv\"}, " USER "}}}");
        give("venv/bin/python3.11", 0, 0, 0755);
        ck_assert_str_eq(warnings(), "");
        give("venv/lib/python3.11/site-packages", 54321, 0, 0755);
        ck_assert_str_eq(warnings(), BY_WORKERS("venv/lib/python3.11/site-packages", ""));
        give("venv/lib/python3.11/site-packages", 0, 0, 0755);
        give("venv/pyvenv.cfg", 0, 54322, 0664);
        give("venv/bin/python3.11", 54321, 0, 0755);
        ck_assert_str_eq(warnings(), BY_WORKERS("venv/bin/python3", ", as can 2 others"));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("exposure");
        TCase *tests = tcase_create("exposure");

        tcase_add_checked_fixture(tests, setup_set, teardown);
        if (geteuid() != 0) { /* neither user nor files could be another's */
                suite_add_tcase(suite, tests);
                return run_suite(suite);
        }
        tcase_add_test(tests, what_is_roots_is_worth_no_warning);
        tcase_add_loop_test(tests, what_workers_may_write_is_worth_one, 0, ARRAY_SIZE(rows));
        tcase_add_test(tests, many_make_one_warning);
        tcase_add_test(tests, everybody_is_told_apart_from_workers);
        tcase_add_test(tests, the_folders_around_count);
        tcase_add_test(tests, a_link_counts_with_what_it_leads_to);
        tcase_add_test(tests, the_environment_counts);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
