/* SPDX-License-Identifier: MIT */
#include "common/path.h"

#include <check.h>
#include <unistd.h>

#include "folder.h"
#include "suite.h"

static const struct {
        const char *folder, *path, *expected;
} paths[] = {
        {"/srv", "x", "/srv/x"},
        {"/srv", "/x", "/x"},
        {"/srv", "./x", "/srv/x"},
        {"/srv", "../x", "/x"},
        {"/srv/a", "../../../x", "/x"},
        {"/srv", "a//b/./c/", "/srv/a/b/c"},
        {"/srv", ".", "/srv"},
        {"/srv", "", "/srv"},
        {"/srv", "..", "/"},
        {"/", "x", "/x"},
        {"/", "/", "/"},
        {"/", "//", "/"},
        {"/srv", "...", "/srv/..."},
        {"/srv", "a..", "/srv/a.."},
        {"/srv", "no/such/../x", "/srv/no/x"},
};

START_TEST(test_resolve)
{
        _cleanup_free_ char *path = path_resolve(paths[_i].folder, paths[_i].path);

        ck_assert_str_eq(path, paths[_i].expected);
}
END_TEST

/* bin/python3 of a venv must keep its name; and above a link is not above what it points at. */
START_TEST(test_links_stay)
{
        _cleanup_free_ char *through = NULL, *above = NULL;

        folder_make();
        folder_write("real/deep/x", "");
        ck_assert_int_eq(symlink("real/deep", folder_at("link")), 0);
        through = path_resolve(folder_root, "link/x");
        ck_assert_str_eq(through, folder_at("link/x"));
        above = path_resolve(folder_root, "link/../deep/x");
        ck_assert_str_eq(above, folder_at("link/../deep/x"));
        ck_assert_int_eq(access(above, F_OK), 0);
        folder_remove();
}
END_TEST

START_TEST(test_current_folder)
{
        _cleanup_free_ char *path = NULL;

        folder_make();
        ck_assert_int_eq(chdir(folder_root), 0);
        path = path_resolve(NULL, "x");
        ck_assert_str_eq(path, folder_at("x"));
        ck_assert_int_eq(chdir("/"), 0);
        folder_remove();
}
END_TEST

START_TEST(test_parts)
{
        _cleanup_free_ char *folder = path_folder("/srv/x/y.conf"), *top = path_folder("/y");

        ck_assert_str_eq(folder, "/srv/x");
        ck_assert_str_eq(top, "/");
        ck_assert_str_eq(path_name("/srv/x/y.conf"), "y.conf");
        ck_assert_str_eq(path_name("y.conf"), "y.conf");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("path");
        TCase *tests = tcase_create("path");

        tcase_add_loop_test(tests, test_resolve, 0, ARRAY_SIZE(paths));
        tcase_add_test(tests, test_links_stay);
        tcase_add_test(tests, test_current_folder);
        tcase_add_test(tests, test_parts);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
