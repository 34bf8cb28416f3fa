/* SPDX-License-Identifier: MIT */
#include "common/env_store.h"

#include <check.h>
#include <stdio.h>

#include "folder.h"
#include "suite.h"

static void make_env(const char *name)
{
        char path[256];

        snprintf(path, sizeof(path), "%s/" ENV_STORE_MARKER, name);
        folder_write(path, "{}");
}

static void check_nearest(const char *name, const char *expected)
{
        _cleanup_free_ char *nearest = env_store_nearest(folder_root, name);

        if (expected)
                ck_assert_pstr_eq(nearest, expected);
        else
                ck_assert_ptr_null(nearest);
}

START_TEST(names)
{
        char longest[ENV_NAME_MAX + 2];

        ck_assert(env_name_is_right("web"));
        ck_assert(env_name_is_right("3.11_Test-x"));
        ck_assert(!env_name_is_right(""));
        ck_assert(!env_name_is_right("."));
        ck_assert(!env_name_is_right(".web"));
        ck_assert(!env_name_is_right("-web"));
        ck_assert(!env_name_is_right("_web"));
        ck_assert(!env_name_is_right("a/b"));
        ck_assert(!env_name_is_right("a b"));
        ck_assert(!env_name_is_right("w\303\244b"));
        memset(longest, 'a', sizeof(longest));
        longest[ENV_NAME_MAX + 1] = '\0';
        ck_assert(!env_name_is_right(longest));
        longest[ENV_NAME_MAX] = '\0';
        ck_assert(env_name_is_right(longest));
}
END_TEST

START_TEST(only_what_has_the_marker_is_there)
{
        make_env("web");
        ck_assert_int_eq(mkdir(folder_at("half"), 0755), 0);
        ck_assert(env_store_has(folder_root, "web"));
        ck_assert(!env_store_has(folder_root, "half"));
        ck_assert(!env_store_has(folder_root, "gone"));
}
END_TEST

START_TEST(near_names)
{
        make_env("imaging");
        make_env("image");
        make_env(".hidden");
        ck_assert_int_eq(mkdir(folder_at("half"), 0755), 0);
        check_nearest("imagin", "imaging");
        check_nearest("images", "image");
        check_nearest("hidden", NULL);
        check_nearest("halb", NULL);
        check_nearest("sound", NULL);
        check_nearest("im", NULL);
}
END_TEST

START_TEST(no_store_has_no_names)
{
        ck_assert_ptr_null(env_store_nearest(folder_at("gone"), "web"));
        ck_assert(!env_store_has(folder_at("gone"), "web"));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("env_store");
        TCase *tests = tcase_create("env_store");

        tcase_add_checked_fixture(tests, folder_make, folder_remove);
        tcase_add_test(tests, names);
        tcase_add_test(tests, only_what_has_the_marker_is_there);
        tcase_add_test(tests, near_names);
        tcase_add_test(tests, no_store_has_no_names);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
