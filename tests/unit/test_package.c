/* SPDX-License-Identifier: MIT */
#include "bootstrap/package.h"

#include "common/cleanup.h"
#include "folder.h"
#include "suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

static char error[SOURCE_ERROR_MAX];

/* The folder "pkg" as a package. */
static struct package *read_package(const char *const *patterns)
{
        struct package *package;
        int r = package_read("pkg", folder_at("pkg"), patterns, &package, error);

        ck_assert_msg(r == 0, "%d: %s", r, error);
        return package;
}

/* The same, where an error is expected. */
static int package_error(const char *const *patterns)
{
        struct package *package = NULL;
        int r = package_read("pkg", folder_at("pkg"), patterns, &package, error);

        ck_assert_ptr_null(package);
        return r;
}

/* The names of a list, "a b c". */
static const char *names_of(const struct sources *sources)
{
        static char names[4096];

        names[0] = '\0';
        for (size_t i = 0; i < sources->count; i++) {
                strcat(names, i > 0 ? " " : "");
                strcat(names, sources->items[i].name);
        }
        return names;
}

static const char *packages_of(const struct package *package)
{
        static char names[4096];

        names[0] = '\0';
        for (size_t i = 0; i < package->count; i++) {
                strcat(names, i > 0 ? " " : "");
                strcat(names, package->packages[i]->name);
        }
        return names;
}

static const char *path_of(const struct sources *sources, const char *name)
{
        return sources_find(sources, name)->path;
}

static bool has_text(const struct sources *sources, const char *name, const char *text)
{
        const struct source *source = sources_find(sources, name);

        return source && source->length == strlen(text) &&
               memcmp(source->data, text, source->length) == 0;
}

START_TEST(a_package_is_read_recursively)
{
        struct package *package;
        const struct package *sub;

        folder_write("pkg/__init__.py", "top");
        folder_write("pkg/b.py", "b");
        folder_write("pkg/a.py", "a");
        folder_write("pkg/sub/__init__.py", "sub");
        folder_write("pkg/sub/deep/x.py", "x"); /* a namespace package */
        folder_write("pkg/empty/readme.txt", "");
        folder_write("pkg/notes.txt", "");
        folder_write("pkg/.hidden/h.py", "");
        folder_write("pkg/.hidden.py", "");
        folder_write("pkg/__pycache__/a.py", "");
        folder_write("pkg/not-a-name/n.py", "");
        folder_write("pkg/not-a-name.py", "");
        folder_write("pkg/1st.py", "");
        folder_write("pkg/b.pyc", "");
        folder_write("pkg/\xC3\xA9t\xC3\xA9.py", "summer");

        package = read_package(NULL);
        ck_assert_str_eq(package->path, folder_at("pkg"));
        ck_assert_str_eq(names_of(&package->modules), "__init__ a b \xC3\xA9t\xC3\xA9");
        ck_assert_str_eq(path_of(&package->modules, "a"), folder_at("pkg/a.py"));
        ck_assert(has_text(&package->modules, "b", "b"));
        ck_assert_str_eq(packages_of(package), "sub");
        ck_assert_str_eq(names_of(&package->data), "");
        sub = package_find(package, "sub");
        ck_assert_str_eq(sub->path, folder_at("pkg/sub"));
        ck_assert(has_text(&sub->modules, "__init__", "sub"));
        sub = package_find(sub, "deep");
        ck_assert_str_eq(names_of(&sub->modules), "x");
        ck_assert_str_eq(path_of(&sub->modules, "x"), folder_at("pkg/sub/deep/x.py"));
        package_free(package);
}
END_TEST

START_TEST(data_files_are_those_that_match)
{
        static const char *const patterns[] = {"*.json", "LICENSE", NULL};
        static const char bytes[] = {0, 1, '\xFF', '\xFE', '\n', 0};
        const struct source *table;
        struct package *package;
        const struct package *sub;

        folder_write("pkg/__init__.py", "");
        folder_write_bytes("pkg/table.json", bytes, sizeof(bytes));
        folder_write("pkg/LICENSE", "free");
        folder_write("pkg/other.txt", "");
        folder_write("pkg/.secret.json", "");
        folder_write("pkg/data/table.json", "1");
        folder_write("pkg/data/more/table.json", "2");
        folder_write("pkg/my-data/t.json", "3");
        folder_write("pkg/my-data/n.py", "");
        folder_write("pkg/my-data/under/score.json", "4");
        folder_write("pkg/.git/x.json", "");
        folder_write("pkg/__pycache__/x.json", "");
        folder_write("pkg/sub/mod.py", "");
        folder_write("pkg/sub/res/r.json", "5");

        package = read_package(patterns);
        ck_assert_str_eq(names_of(&package->data),
                         "LICENSE data/more/table.json data/table.json my-data/t.json "
                         "my-data/under/score.json table.json");
        table = sources_find(&package->data, "table.json");
        ck_assert_uint_eq(table->length, sizeof(bytes));
        ck_assert_int_eq(memcmp(table->data, bytes, sizeof(bytes)), 0);
        ck_assert(has_text(&package->data, "data/more/table.json", "2"));
        ck_assert_str_eq(packages_of(package), "sub");
        sub = package_find(package, "sub");
        ck_assert_str_eq(names_of(&sub->data), "res/r.json");
        ck_assert(has_text(&sub->data, "res/r.json", "5"));
        package_free(package);
}
END_TEST

START_TEST(a_pattern_for_all_takes_no_module_twice)
{
        static const char *const patterns[] = {"*", NULL};
        struct package *package;

        folder_write("pkg/__init__.py", "");
        folder_write("pkg/x", "");
        folder_write("pkg/bin/tool.py", "as Python would: a package");
        folder_write("pkg/my-bin/tool.py", "data: no module can come from here");
        package = read_package(patterns);
        ck_assert_str_eq(names_of(&package->modules), "__init__");
        ck_assert_str_eq(packages_of(package), "bin");
        ck_assert_str_eq(names_of(&package->data), "my-bin/tool.py x");
        package_free(package);
}
END_TEST

START_TEST(a_package_may_be_data_only)
{
        static const char *const patterns[] = {"*.txt", NULL};
        struct package *package;

        folder_write("pkg/a/b.txt", "b");
        package = read_package(patterns);
        ck_assert_str_eq(names_of(&package->data), "a/b.txt");
        package_free(package);
}
END_TEST

START_TEST(module_and_folder_of_one_name_as_in_python)
{
        static const char *const patterns[] = {"*.txt", NULL};
        struct package *package;

        folder_write("pkg/first.py", "");
        folder_write("pkg/first/__init__.py", "the package wins");
        folder_write("pkg/second.py", "the module wins");
        folder_write("pkg/second/sub.py", "");
        folder_write("pkg/second/data.txt", "");
        package = read_package(patterns);
        ck_assert_str_eq(names_of(&package->modules), "second");
        ck_assert_str_eq(packages_of(package), "first");
        ck_assert_str_eq(names_of(&package->data), "second/data.txt");
        package_free(package);
}
END_TEST

START_TEST(what_is_no_file_is_never_opened)
{
        static const char *const patterns[] = {"*", NULL};
        struct package *package;
        struct source fifo;
        struct inotify_event opened;
        _cleanup_close_ int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

        folder_write("pkg/__init__.py", "");
        ck_assert_int_eq(mkfifo(folder_at("pkg/fifo.py"), 0644), 0);
        ck_assert_int_eq(mkfifo(folder_at("pkg/fifo"), 0644), 0);
        ck_assert_int_eq(symlink("/dev/tty", folder_at("pkg/device.py")), 0);
        ck_assert_int_ge(inotify_add_watch(watch, folder_at("pkg/fifo.py"), IN_OPEN), 0);
        ck_assert_int_ge(inotify_add_watch(watch, folder_at("pkg/fifo"), IN_OPEN), 0);
        package = read_package(patterns);
        ck_assert_str_eq(names_of(&package->modules), "__init__");
        ck_assert_str_eq(names_of(&package->data), "");
        package_free(package);

        ck_assert_int_eq(source_read(&fifo, "fifo", folder_at("pkg/fifo"), error), -ENOTSUP);
        ck_assert_ptr_nonnull(strstr(error, "/pkg/fifo: not a regular file"));
        ck_assert_ptr_null(fifo.name);
        ck_assert_int_eq(read(watch, &opened, sizeof(opened)), -1);
        ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

START_TEST(loops_of_links_end)
{
        struct package *package;
        const struct package *sub;

        folder_write("pkg/a/x.py", "");
        folder_write("pkg/b/y.py", "");
        ck_assert_int_eq(symlink(".", folder_at("pkg/self")), 0);
        ck_assert_int_eq(symlink("../..", folder_at("pkg/a/up")), 0);
        ck_assert_int_eq(symlink("../b", folder_at("pkg/a/b")), 0);
        ck_assert_int_eq(symlink("../a", folder_at("pkg/b/a")), 0);
        ck_assert_int_eq(symlink("nowhere", folder_at("pkg/nowhere")), 0);
        ck_assert_int_eq(symlink("b/y.py", folder_at("pkg/link.py")), 0);
        package = read_package(NULL);
        ck_assert_str_eq(packages_of(package), "a b");
        ck_assert_str_eq(names_of(&package->modules), "link");
        sub = package_find(package_find(package, "a"), "b");
        ck_assert_str_eq(names_of(&sub->modules), "y");
        ck_assert_str_eq(packages_of(sub), "");
        ck_assert_str_eq(sub->path, folder_at("pkg/a/b"));
        package_free(package);
}
END_TEST

START_TEST(folders_too_deep_are_refused)
{
        char name[512] = "pkg";

        for (int i = 0; i < 70; i++)
                strcat(name, "/d");
        strcat(name, "/x.py");
        folder_write(name, "");
        ck_assert_int_eq(package_error(NULL), -ELOOP);
        ck_assert_ptr_nonnull(strstr(error, "/pkg/d/d/"));
        ck_assert_ptr_nonnull(strstr(error, ": folders are nested deeper than 64"));
}
END_TEST

START_TEST(errors_name_the_file)
{
        static const char *const patterns[] = {"*.bin", NULL};

        ck_assert_int_eq(package_error(NULL), -ENOENT);
        ck_assert_ptr_nonnull(strstr(error, "/pkg: No such file"));
        folder_write("pkg", "");
        ck_assert_int_eq(package_error(NULL), -ENOTDIR);
        unlink(folder_at("pkg"));
        folder_write("pkg/readme", "");
        ck_assert_int_eq(package_error(NULL), -ENOENT);
        ck_assert_ptr_nonnull(strstr(error, "cannot find a Python module (*.py) in "));
        ck_assert_int_eq(symlink("gone", folder_at("pkg/lost.py")), 0);
        ck_assert_int_eq(package_error(NULL), -ENOENT);
        ck_assert_ptr_nonnull(strstr(error, "/pkg/lost.py: No such file"));
        unlink(folder_at("pkg/lost.py"));
        folder_write("pkg/\xFF.bin", "");
        ck_assert_int_eq(package_error(patterns), -EILSEQ);
        ck_assert_ptr_nonnull(strstr(error, ".bin as a data file: its path is not UTF-8"));
        unlink(folder_at("pkg/\xFF.bin"));
        folder_write("pkg/\xFF/x.bin", "");
        ck_assert_int_eq(package_error(patterns), -EILSEQ);
        ck_assert_ptr_nonnull(strstr(error, "/x.bin as a data file: its path is not UTF-8"));
}
END_TEST

/* root may read everything: then as nobody, with root's uid kept to come back to. */
static int error_as_nobody(void)
{
        bool is_root = geteuid() == 0;
        int r;

        if (is_root)
                ck_assert_int_eq(seteuid(65534), 0);
        r = package_error(NULL);
        if (is_root)
                ck_assert_int_eq(seteuid(0), 0);
        return r;
}

START_TEST(an_unreadable_file_or_folder_is_an_error)
{
        folder_write("pkg/__init__.py", "");
        folder_write("pkg/sub/x.py", "");
        ck_assert_int_eq(chmod(folder_root, 0755), 0);
        ck_assert_int_eq(chmod(folder_at("pkg/sub/x.py"), 0), 0);
        ck_assert_int_eq(error_as_nobody(), -EACCES);
        ck_assert_ptr_nonnull(strstr(error, "/pkg/sub/x.py: Permission denied"));
        ck_assert_int_eq(chmod(folder_at("pkg/sub"), 0), 0);
        ck_assert_int_eq(error_as_nobody(), -EACCES);
        ck_assert_ptr_nonnull(strstr(error, "/pkg/sub: Permission denied"));
        ck_assert_int_eq(chmod(folder_at("pkg/sub"), 0755), 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("package");
        TCase *tcase = tcase_create("package");

        tcase_add_checked_fixture(tcase, folder_make, folder_remove);
        tcase_add_test(tcase, a_package_is_read_recursively);
        tcase_add_test(tcase, data_files_are_those_that_match);
        tcase_add_test(tcase, a_pattern_for_all_takes_no_module_twice);
        tcase_add_test(tcase, a_package_may_be_data_only);
        tcase_add_test(tcase, module_and_folder_of_one_name_as_in_python);
        tcase_add_test(tcase, what_is_no_file_is_never_opened);
        tcase_add_test(tcase, loops_of_links_end);
        tcase_add_test(tcase, folders_too_deep_are_refused);
        tcase_add_test(tcase, errors_name_the_file);
        tcase_add_test(tcase, an_unreadable_file_or_folder_is_an_error);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
