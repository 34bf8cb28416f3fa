/* SPDX-License-Identifier: MIT */
/*
 * Files and areas of memory that workers get besides: as the option has them, and from one config
 * to the next.
 */
#include "daemon/extra_files_read.h"

#include "daemon/extra_files_dump.h"
#include "daemon/file_access.h"
#include "daemon/json_reader.h"

#include "common/cleanup.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/stat.h>

#include "folder.h"
#include "suite.h"

static struct config_errors errors;
static struct json_document *document;
static struct json_node array;

static void setup(void)
{
        folder_make();
        folder_write("there", "text");
}

static void forget(void)
{
        config_errors_clear(&errors);
        document = json_document_free(document);
}

static void teardown(void)
{
        forget();
        folder_remove();
}

/* What the option says, as it stands in a file. */
static struct extra_files *read_files(const char *text)
{
        struct extra_files *files = NULL;

        forget();
        ck_assert_int_eq(json_read_file(folder_write("list", text), &errors, &document), 0);
        array = json_document_root(document);
        ck_assert_int_eq(extra_files_read(&array, &errors, &files), 0);
        ck_assert_uint_eq(errors.n_messages, 0);
        return files;
}

/* The same, ready for workers. */
static struct extra_files *make_files(const char *text)
{
        struct extra_files *files = read_files(text);

        ck_assert_int_eq(extra_files_check(&array, NULL, &errors, files), 0);
        return files;
}

START_TEST(each_form_is_read)
{
        struct extra_files *files = read_files(
                "[\"there\", {\"path\": \"/a\", \"mode\": \"a+\", \"permissions\": \"0640\"},"
                " {\"path\": \"/w\", \"create\": false, \"mode\": \"w\"},"
                " {\"path\": \"/r\", \"create\": true, \"mode\": \"r+\"},"
                " \"memfd:3K\", {\"memfd\": \"1M\", \"name\": \"frames\"}]");
        struct json_object *json = extra_files_to_json(files);
        char expected[1024];

        snprintf(expected, sizeof(expected),
                 "[{\"path\":\"%s\",\"mode\":\"r\",\"create\":false,\"permissions\":\"0666\"},"
                 "{\"path\":\"/a\",\"mode\":\"a+\",\"create\":true,\"permissions\":\"0640\"},"
                 "{\"path\":\"/w\",\"mode\":\"w\",\"create\":false,\"permissions\":\"0666\"},"
                 "{\"path\":\"/r\",\"mode\":\"r+\",\"create\":true,\"permissions\":\"0666\"},"
                 "{\"memfd\":\"3K\"},{\"memfd\":\"1M\",\"name\":\"frames\"}]",
                 folder_at("there"));
        ck_assert_str_eq(json_object_to_json_string_ext(
                                 json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
                         expected);
        json_object_put(json);
        struct extra_file *spawned = extra_files_to_spawn(files);
        ck_assert_int_eq(spawned[0].flags, O_RDONLY);
        ck_assert_int_eq(spawned[1].flags, O_RDWR | O_APPEND | O_CREAT);
        ck_assert_int_eq(spawned[2].flags, O_WRONLY);
        ck_assert_int_eq(spawned[3].flags, O_RDWR | O_CREAT);
        ck_assert_ptr_null(spawned[4].path);
        free(spawned);
        extra_files_free(files);
}
END_TEST

START_TEST(what_differs_is_seen)
{
        static const char *const lists[] = {
                "[]",
                "[\"/a\"]",
                "[\"/b\"]",
                "[{\"path\": \"/a\", \"mode\": \"a\"}]",
                "[{\"path\": \"/a\", \"mode\": \"w\"}]",
                "[{\"path\": \"/a\", \"mode\": \"w\", \"create\": false}]",
                "[{\"path\": \"/a\", \"mode\": \"w\", \"permissions\": \"600\"}]",
                "[\"memfd:1K\"]",
                "[\"memfd:2K\"]",
                "[{\"memfd\": \"1K\", \"name\": \"x\"}]",
                "[{\"memfd\": \"1K\", \"name\": \"y\"}]",
                "[\"memfd:1K\", \"/a\"]",
                "[\"/a\", \"memfd:1K\"]",
        };

        for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
                struct extra_files *one = read_files(lists[i]);
                ck_assert(extra_files_equal(one, NULL) == (i == 0));
                for (size_t j = 0; j < ARRAY_SIZE(lists); j++) {
                        struct extra_files *other = read_files(lists[j]);
                        ck_assert(extra_files_equal(one, other) == (i == j));
                        extra_files_free(other);
                }
                extra_files_free(one);
        }
        ck_assert(extra_files_equal(NULL, NULL));
}
END_TEST

START_TEST(an_area_keeps_its_size)
{
        struct extra_files *files = make_files("[\"memfd:5000B\"]");
        int fd = files->entries[0].area->fd;

        ck_assert_int_eq(lseek(fd, 0, SEEK_END), 5000);
        ck_assert_int_eq(ftruncate(fd, 4999), -1);
        ck_assert_int_eq(errno, EPERM);
        ck_assert_int_eq(ftruncate(fd, 5001), -1);
        ck_assert_int_eq(pwrite(fd, "x", 1, 5000), -1);
        ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
        ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        extra_files_free(files);
        ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

/* Which areas of the list `to` are those of the list `from`: their numbers there, - for new ones.
 */
static const struct {
        const char *from, *to, *expected;
} successions[] = {
        {"[\"memfd:1K\"]", "[\"memfd:1K\"]", "0"},
        {"[\"memfd:1K\"]", "[\"memfd:2K\"]", "-"},
        {"[\"memfd:1K\"]", "[\"there\", \"memfd:1K\", \"memfd:1K\"]", "/0-"},
        {"[\"there\", \"memfd:1K\", \"memfd:2K\"]", "[\"memfd:1K\", \"memfd:2K\"]", "12"},
        {"[\"memfd:1K\", \"memfd:2K\"]", "[\"memfd:2K\", \"memfd:2K\"]", "-1"},
        {"[{\"memfd\": \"1K\", \"name\": \"a\"}, {\"memfd\": \"1K\", \"name\": \"b\"}]",
         "[\"memfd:1K\", {\"memfd\": \"1K\", \"name\": \"b\"}, {\"memfd\": \"1K\", \"name\": "
         "\"c\"},"
         " {\"memfd\": \"1K\", \"name\": \"a\"}]",
         "-1-0"},
        {"[{\"memfd\": \"1K\", \"name\": \"a\"}]", "[{\"memfd\": \"2K\", \"name\": \"a\"}]", "-"},
        {"[]", "[\"memfd:1K\"]", "-"},
        {"[\"memfd:1K\"]", "[]", ""},
};

START_TEST(an_area_goes_on_with_the_next_config)
{
        struct extra_files *from = make_files(successions[_i].from);
        struct extra_files *to = make_files(successions[_i].to);
        char found[16] = "";

        extra_files_adopt(to, from);
        for (size_t i = 0; i < to->n; i++) {
                found[i] = to->entries[i].path ? '/' : '-';
                for (size_t j = 0; j < from->n && !to->entries[i].path; j++)
                        if (to->entries[i].area == from->entries[j].area)
                                found[i] = (char)('0' + j);
        }
        ck_assert_str_eq(found, successions[_i].expected);
        extra_files_free(from);
        for (size_t i = 0; i < to->n; i++)
                if (!to->entries[i].path)
                        ck_assert_int_ne(fcntl(to->entries[i].area->fd, F_GETFD), -1);
        extra_files_free(to);
}
END_TEST

static int access_of(const struct identity *who, const char *path, int flags)
{
        struct file_access asked = {.path = path, .flags = flags};

        ck_assert_int_eq(file_access_ask(who, &asked, 1), 0);
        return asked.error;
}

START_TEST(files_are_asked_for_and_not_opened)
{
        char fifo[256], made[256], there[256];

        snprintf(there, sizeof(there), "%s", folder_at("there"));
        snprintf(made, sizeof(made), "%s", folder_at("made"));
        snprintf(fifo, sizeof(fifo), "%s", folder_at("fifo"));
        ck_assert_int_eq(mkfifo(fifo, 0600), 0);
        ck_assert_int_eq(access_of(NULL, there, O_RDONLY), 0);
        ck_assert_int_eq(access_of(NULL, there, O_RDWR | O_CREAT), 0);
        ck_assert_int_eq(access_of(NULL, fifo, O_WRONLY), 0);
        ck_assert_int_eq(access_of(NULL, made, O_WRONLY), ENOENT);
        ck_assert_int_eq(access_of(NULL, made, O_WRONLY | O_CREAT), 0);
        ck_assert_int_eq(access(made, F_OK), -1);
        ck_assert_int_eq(access_of(NULL, folder_at("gone/file"), O_WRONLY | O_CREAT), ENOENT);
        ck_assert_int_eq(access_of(NULL, folder_root, O_RDONLY), EISDIR);
        ck_assert_int_eq(access_of(NULL, there, O_RDONLY), 0);
}
END_TEST

START_TEST(files_are_asked_for_as_somebody_else)
{
        gid_t groups[] = {54322};
        struct identity who = {.uid = 54321, .gid = 54322, .groups = groups, .n_groups = 1};
        char there[256];

        if (geteuid() != 0)
                return;
        snprintf(there, sizeof(there), "%s", folder_at("there"));
        ck_assert_int_eq(chmod(folder_root, 0755) | chmod(there, 0644), 0);
        ck_assert_int_eq(access_of(&who, there, O_RDONLY), 0);
        ck_assert_int_eq(access_of(&who, there, O_RDWR), EACCES);
        ck_assert_int_eq(access_of(&who, folder_at("made"), O_WRONLY | O_CREAT), EACCES);
        ck_assert_int_eq(chown(there, 0, 54322) | chmod(there, 0660), 0);
        ck_assert_int_eq(access_of(&who, there, O_RDWR), 0);
        ck_assert_int_eq(chmod(folder_root, 0700), 0);
        ck_assert_int_eq(access_of(&who, there, O_RDONLY), EACCES);
        /* Nothing of this has stuck to those who asked. */
        ck_assert_int_eq(access_of(NULL, there, O_RDWR), 0);
        ck_assert_int_eq(access(there, R_OK | W_OK), 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("extra_files");
        TCase *tests = tcase_create("tests");

        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, each_form_is_read);
        tcase_add_test(tests, what_differs_is_seen);
        tcase_add_test(tests, an_area_keeps_its_size);
        tcase_add_loop_test(tests, an_area_goes_on_with_the_next_config, 0,
                            ARRAY_SIZE(successions));
        tcase_add_test(tests, files_are_asked_for_and_not_opened);
        tcase_add_test(tests, files_are_asked_for_as_somebody_else);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
