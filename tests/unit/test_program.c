/* SPDX-License-Identifier: MIT */
/*
 * Programs are made from files in a folder of the test's own; their text is read back with json-c,
 * another program than the one that wrote it.
 */
#include "bootstrap/program.h"

#include "bootstrap/base64.h"
#include "bootstrap/builtin.h"
#include "bootstrap/spawn.h"
#include "common/cleanup.h"
#include "folder.h"
#include "suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char error[PROGRAM_ERROR_MAX];

/* The program's text as a tree; the program is freed. */
static struct json_object *parse(struct program *program)
{
        struct program_text *text;
        struct json_object *tree;

        ck_assert_int_eq(program_to_text(program, &text), 0);
        ck_assert_uint_eq(strlen(text->data), text->length);
        tree = json_tokener_parse(text->data);
        ck_assert_msg(tree != NULL, "not JSON: %s", text->data);
        program_text_free(text);
        program_free(program);
        return tree;
}

static struct json_object *member(struct json_object *object, const char *name)
{
        struct json_object *value;

        ck_assert_msg(json_object_object_get_ex(object, name, &value), "no member %s", name);
        return value;
}

static const char *text_of(struct json_object *object, const char *name)
{
        return json_object_get_string(member(object, name));
}

/* The element of the list object[list] that has this name; NULL if there is none. */
static struct json_object *named(struct json_object *object, const char *list, const char *name)
{
        struct json_object *elements = member(object, list);

        for (size_t i = 0; i < json_object_array_length(elements); i++) {
                struct json_object *element = json_object_array_get_idx(elements, i);

                if (strcmp(text_of(element, "Name"), name) == 0)
                        return element;
        }
        return NULL;
}

/* The names of a list, "a b c". */
static const char *names_in(struct json_object *object, const char *list)
{
        static char names[4096];
        struct json_object *elements = member(object, list);

        names[0] = '\0';
        for (size_t i = 0; i < json_object_array_length(elements); i++) {
                strcat(names, i > 0 ? " " : "");
                strcat(names, text_of(json_object_array_get_idx(elements, i), "Name"));
        }
        return names;
}

static int digit_value(char c)
{
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *found = c ? strchr(digits, c) : NULL;

        return found ? (int)(found - digits) : -1;
}

/* Whether the object's Source is the base64 of these bytes. */
static bool has_source(struct json_object *object, const void *bytes, size_t length)
{
        const char *in = text_of(object, "Source");
        size_t padding = (3 - length % 3) % 3, at_byte = 0;
        const unsigned char *expected = bytes;
        unsigned bits = 0, n_bits = 0;

        if (strlen(in) != (length + 2) / 3 * 4)
                return false;
        for (; *in && *in != '='; in++) {
                int value = digit_value(*in);

                if (value < 0)
                        return false;
                bits = bits << 6 | (unsigned)value;
                n_bits += 6;
                if (n_bits >= 8) {
                        n_bits -= 8;
                        if (at_byte >= length || expected[at_byte++] != (bits >> n_bits & 0xFF))
                                return false;
                }
        }
        return at_byte == length && strlen(in) == padding && strspn(in, "=") == padding;
}

static bool has_text(struct json_object *object, const char *text)
{
        return object && has_source(object, text, strlen(text));
}

static struct program *new_program(void)
{
        struct program *program = program_new("calc");

        ck_assert_ptr_nonnull(program);
        ck_assert_int_eq(program_set_main_source(program, "pass\n", 5), 0);
        return program;
}

START_TEST(base64_is_that_of_the_rfc)
{
        static const char *const vectors[][2] = {
                {"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"},
                {"\xFB\xEF\xFF", "++//"},
        };

        for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
                char out[16];
                size_t length = strlen(vectors[i][0]);

                memset(out, '!', sizeof(out));
                base64_encode(vectors[i][0], length, out);
                ck_assert_uint_eq(base64_length(length), strlen(vectors[i][1]));
                ck_assert_int_eq(memcmp(out, vectors[i][1], base64_length(length)), 0);
                ck_assert_int_eq(out[base64_length(length)], '!');
        }
}
END_TEST

START_TEST(a_program_of_files_and_texts)
{
        struct program *program = program_new("calc");
        struct json_object *tree, *module;
        static const char latin1[] = "# coding: latin-1\nx = '\xE9'\n";

        folder_write("main.py", "import colors\n");
        folder_write_bytes("colors.py", latin1, strlen(latin1));
        ck_assert_int_eq(program_set_main_file(program, folder_at("main.py"), error), 0);
        ck_assert_int_eq(
                program_add_module_file(program, "colors", folder_at("./colors.py"), error), 0);
        ck_assert_int_eq(program_add_module_source(program, "a.b", "y = 1", 5), 0);
        program_set_max_sizes(program, 67108864, 16777216);

        tree = parse(program);
        ck_assert_str_eq(text_of(tree, "Name"), "calc");
        ck_assert_str_eq(text_of(tree, "Path"), folder_at("main.py"));
        module = member(tree, "Program");
        ck_assert_str_eq(text_of(module, "Name"), "calc");
        ck_assert_str_eq(text_of(module, "Path"), folder_at("main.py"));
        ck_assert(has_text(module, "import colors\n"));
        ck_assert_str_eq(names_in(tree, "Modules"), "a.b colors");
        module = named(tree, "Modules", "colors");
        ck_assert_str_eq(text_of(module, "Path"), folder_at("colors.py"));
        ck_assert(has_source(module, latin1, strlen(latin1)));
        ck_assert(!json_object_object_get_ex(module, "Text", NULL));
        module = named(tree, "Modules", "a.b");
        ck_assert(json_object_get_boolean(member(module, "Text")));
        ck_assert_str_eq(text_of(module, "Path"), "<a.b>");
        ck_assert(has_text(module, "y = 1"));
        ck_assert_int_eq(json_object_get_int(member(tree, "PipeIn")), SPAWN_FD_PIPE_IN);
        ck_assert_int_eq(json_object_get_int(member(tree, "PipeOut")), SPAWN_FD_PIPE_OUT);
        ck_assert_int_eq(json_object_get_int(member(tree, "StatusIn")), SPAWN_FD_STATUS_IN);
        ck_assert_int_eq(json_object_get_int(member(tree, "Counters")), SPAWN_FD_COUNTERS);
        ck_assert_int_eq(json_object_get_int(member(tree, "Wanted")), SPAWN_FD_WANTED);
        ck_assert_int_eq(json_object_get_int64(member(tree, "MaxResponseSize")), 67108864);
        ck_assert_int_eq(json_object_get_int64(member(tree, "MaxRequestSize")), 16777216);
        json_object_put(tree);
}
END_TEST

START_TEST(a_main_source_replaces_another)
{
        struct program *program = new_program();
        struct json_object *tree;

        ck_assert_int_eq(program_set_main_source(program, "def f(): pass", 13), 0);
        tree = parse(program);
        ck_assert_str_eq(text_of(tree, "Path"), "<calc>");
        ck_assert(has_text(member(tree, "Program"), "def f(): pass"));
        ck_assert(json_object_get_boolean(member(member(tree, "Program"), "Text")));
        json_object_put(tree);

        program = new_program();
        ck_assert_int_eq(program_set_main_source(program, NULL, 0), 0);
        tree = parse(program);
        ck_assert(has_text(member(tree, "Program"), ""));
        json_object_put(tree);
}
END_TEST

START_TEST(the_built_in_package_comes_first)
{
        struct program *program = new_program();
        struct json_object *tree, *package;

        folder_write("pkg/__init__.py", "");
        ck_assert_int_eq(program_add_package(program, "aaa", folder_at("pkg"), NULL, error), 0);
        tree = parse(program);
        ck_assert_str_eq(names_in(tree, "Packages"), "jumpboot aaa");
        package = named(tree, "Packages", "jumpboot");
        ck_assert_str_eq(text_of(package, "Path"), "<jumpboot>");
        ck_assert_uint_eq(json_object_array_length(member(package, "Modules")),
                          builtin_package_count);
        for (size_t i = 0; i < builtin_package_count; i++) {
                struct json_object *module = named(package, "Modules", builtin_package[i].name);
                char path[128];

                ck_assert(has_source(module, builtin_package[i].text, builtin_package[i].length));
                snprintf(path, sizeof(path), "<jumpboot>/%s.py", builtin_package[i].name);
                ck_assert_str_eq(text_of(module, "Path"), path);
        }
        json_object_put(tree);
}
END_TEST

START_TEST(key_values_are_json)
{
        struct program *program = new_program();
        struct json_object *tree, *pairs;

        ck_assert_int_eq(program_add_key_value(program, "quality", "85"), 0);
        ck_assert_int_eq(program_add_key_value(program, "list", "[1, {\"a\": null}]"), 0);
        ck_assert_int_eq(program_add_key_value(program, "quality", "\"h\\u00e9\""), 0);
        ck_assert_int_eq(program_add_key_value(program, "a\"\n", "true"), 0);
        tree = parse(program);
        pairs = member(tree, "KVPairs");
        ck_assert_int_eq(json_object_object_length(pairs), 3);
        ck_assert_str_eq(text_of(pairs, "quality"), "h\xC3\xA9");
        ck_assert(json_object_get_boolean(member(pairs, "a\"\n")));
        ck_assert_str_eq(
                json_object_to_json_string_ext(member(pairs, "list"), JSON_C_TO_STRING_PLAIN),
                "[1,{\"a\":null}]");
        json_object_put(tree);
}
END_TEST

START_TEST(a_package_is_a_tree)
{
        static const char *const patterns[] = {"*.bin", NULL};
        static const unsigned char bytes[] = {0, 1, 0xFF, 0xFE, '\n', 0};
        struct program *program = new_program();
        struct json_object *tree, *package, *sub;

        folder_write("pkg/__init__.py", "top");
        folder_write("pkg/b.py", "b");
        folder_write("pkg/a.py", "a");
        folder_write("pkg/sub/x.py", "x");
        folder_write_bytes("pkg/data/t.bin", bytes, sizeof(bytes));
        ck_assert_int_eq(program_add_package(program, "pkg", folder_at("pkg"), patterns, error), 0);
        tree = parse(program);
        package = named(tree, "Packages", "pkg");
        ck_assert_str_eq(text_of(package, "Path"), folder_at("pkg"));
        ck_assert_str_eq(names_in(package, "Modules"), "__init__ a b");
        ck_assert(has_text(named(package, "Modules", "b"), "b"));
        ck_assert_str_eq(text_of(named(package, "Modules", "a"), "Path"), folder_at("pkg/a.py"));
        ck_assert_str_eq(names_in(package, "Data"), "data/t.bin");
        ck_assert(has_source(named(package, "Data", "data/t.bin"), bytes, sizeof(bytes)));
        ck_assert_str_eq(names_in(package, "Packages"), "sub");
        sub = named(package, "Packages", "sub");
        ck_assert_str_eq(text_of(sub, "Path"), folder_at("pkg/sub"));
        ck_assert(has_text(named(sub, "Modules", "x"), "x"));
        json_object_put(tree);
}
END_TEST

START_TEST(errors_name_the_file)
{
        char expected[PROGRAM_ERROR_MAX];
        struct program *program = program_new("calc");

        ck_assert_int_eq(program_set_main_file(program, folder_at("none.py"), error), -ENOENT);
        snprintf(expected, sizeof(expected), "cannot read %s: No such file or directory",
                 folder_at("none.py"));
        ck_assert_str_eq(error, expected);
        ck_assert_int_eq(program_add_module_file(program, "m", folder_root, error), -EISDIR);
        snprintf(expected, sizeof(expected), "cannot read %s: Is a directory", folder_root);
        ck_assert_str_eq(error, expected);
        ck_assert_int_eq(program_add_package(program, "p", folder_at("none"), NULL, error),
                         -ENOENT);
        snprintf(expected, sizeof(expected), "cannot read %s: No such file or directory",
                 folder_at("none"));
        ck_assert_str_eq(error, expected);
        program_free(program);
}
END_TEST

START_TEST(a_file_too_large_is_refused_unread)
{
        struct program *program = program_new("calc");

        folder_write("main.py", "");
        ck_assert_int_eq(truncate(folder_at("main.py"), (1LL << 30) + 1), 0);
        ck_assert_int_eq(program_set_main_file(program, folder_at("main.py"), error), -EFBIG);
        ck_assert_ptr_nonnull(strstr(error, "/main.py: it is larger than 1 GB"));
        program_free(program);
}
END_TEST

START_TEST(a_long_path_is_shortened_in_an_error)
{
        struct program *program = program_new("calc");
        char path[1200];

        memset(path, 'x', sizeof(path));
        for (size_t i = 0; i < sizeof(path); i += 100)
                path[i] = '/';
        memcpy(path + sizeof(path) - 8, "/end.py", 8);
        ck_assert_int_eq(program_set_main_file(program, path, error), -ENOENT);
        ck_assert_ptr_nonnull(strstr(error, "cannot read ...xxx"));
        ck_assert_ptr_nonnull(strstr(error, "/end.py: No such file or directory"));
        program_free(program);
}
END_TEST

START_TEST(a_name_stands_for_one_thing)
{
        struct program *program = new_program();

        folder_write("m.py", "");
        folder_write("pkg/__init__.py", "");
        ck_assert_int_eq(program_add_module_file(program, "m", folder_at("m.py"), error), 0);
        ck_assert_int_eq(program_add_module_file(program, "m", folder_at("m.py"), error), -EEXIST);
        ck_assert_str_eq(error,
                         "cannot add \"m\": a module or package of this name is there already");
        ck_assert_int_eq(program_add_module_source(program, "m", "", 0), -EEXIST);
        ck_assert_int_eq(program_add_package(program, "m", folder_at("pkg"), NULL, error), -EEXIST);
        ck_assert_int_eq(program_add_package(program, "p", folder_at("pkg"), NULL, error), 0);
        ck_assert_int_eq(program_add_package(program, "p", folder_at("pkg"), NULL, error), -EEXIST);
        ck_assert_int_eq(program_add_module_file(program, "p", folder_at("m.py"), error), -EEXIST);
        ck_assert_int_eq(program_add_module_file(program, "jumpboot", folder_at("m.py"), error),
                         -EEXIST);
        ck_assert_str_eq(error, "cannot add \"jumpboot\": this name is the built-in package's");
        ck_assert_int_eq(program_add_module_source(program, "jumpboot.loop", "", 0), -EEXIST);
        ck_assert_int_eq(program_add_module_source(program, "jumpboots", "", 0), 0);
        ck_assert_int_eq(program_add_module_file(program, "a-b", folder_at("m.py"), error),
                         -EINVAL);
        ck_assert_ptr_nonnull(strstr(error, "cannot add \"a-b\": it is not a Python identifier"));
        ck_assert_int_eq(program_add_module_source(program, "class", "", 0), -EINVAL);
        program_free(program);
}
END_TEST

START_TEST(names_that_python_can_import)
{
        static const char *const good[] = {"a",        "_",      "a1",       "A_b",
                                           "__init__", "classy", "\xC3\xA9t"};
        static const char *const bad[] = {"",     "1a",    "a-b",  "a b", "a/b", "a.b",
                                          "\xC3", "class", "None", "a\n", "\xFF"};
        static const char *const bad_dotted[] = {"", ".", "a.", ".a", "a..b", "a.1", "a.for"};

        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                ck_assert_ptr_null(program_name_fault(good[i], 0));
                ck_assert_ptr_null(program_name_fault(good[i], 1));
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                ck_assert_ptr_nonnull(program_name_fault(bad[i], 0));
        for (size_t i = 0; i < ARRAY_SIZE(bad_dotted); i++)
                ck_assert_ptr_nonnull(program_name_fault(bad_dotted[i], 1));
        ck_assert_ptr_null(program_name_fault("a.b.c_1", 1));
}
END_TEST

/* Adds the same things, in one order or the other. */
static struct program_text *text_in_order(bool forward)
{
        static const char *const patterns[] = {"*.txt", NULL};
        static const char *const names[] = {"alpha", "beta", "gamma", "delta"};
        struct program *program = new_program();
        struct program_text *text;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const char *name = names[forward ? i : ARRAY_SIZE(names) - 1 - i];
                char other[16];

                snprintf(other, sizeof(other), "p_%s", name);
                ck_assert_int_eq(program_add_module_source(program, name, name, 4), 0);
                ck_assert_int_eq(program_add_key_value(program, name, "1"), 0);
                ck_assert_int_eq(
                        program_add_package(program, other, folder_at("pkg"), patterns, error), 0);
        }
        ck_assert_int_eq(program_to_text(program, &text), 0);
        program_free(program);
        return text;
}

START_TEST(the_same_files_give_the_same_text)
{
        struct program_text *first, *second;
        char name[32];

        for (int i = 0; i < 50; i++) {
                snprintf(name, sizeof(name), "pkg/m%d.py", i * 37 % 50);
                folder_write(name, name);
                snprintf(name, sizeof(name), "pkg/m%d.txt", i * 31 % 50);
                folder_write(name, name);
        }
        first = text_in_order(true);
        second = text_in_order(false);
        ck_assert_uint_eq(first->length, second->length);
        ck_assert_int_eq(memcmp(first->data, second->data, first->length), 0);
        program_text_free(second);

        folder_write("pkg/m7.py", "changed");
        second = text_in_order(true);
        ck_assert(first->length != second->length ||
                  memcmp(first->data, second->data, first->length) != 0);
        program_text_free(first);
        program_text_free(second);
}
END_TEST

START_TEST(a_text_outlives_its_program)
{
        struct program *program = new_program();
        struct program_text *text;

        ck_assert_int_eq(program_to_text(program, &text), 0);
        program_free(program);
        ck_assert_uint_eq(strlen(text->data), text->length); /* still there */
        ck_assert_ptr_null(program_text_free(text));
        ck_assert_ptr_null(program_text_free(NULL));
}
END_TEST

START_TEST(a_program_without_a_main_module_has_no_text)
{
        struct program *program = program_new("calc");
        struct program_text *text;

        ck_assert_int_eq(program_to_text(program, &text), -ENOENT);
        program_free(program);
        ck_assert_ptr_null(program_free(NULL));
}
END_TEST

START_TEST(strange_paths_are_still_json)
{
        struct program *program = program_new("calc");
        struct json_object *tree;

        folder_write("a \"quoted\\\"\n\x01/m.py", "x");
        ck_assert_int_eq(
                program_set_main_file(program, folder_at("a \"quoted\\\"\n\x01/m.py"), error), 0);
        tree = parse(program);
        ck_assert_str_eq(text_of(tree, "Path"), folder_at("a \"quoted\\\"\n\x01/m.py"));
        json_object_put(tree);

        program = program_new("calc");
        folder_write("\xFF.py", "x");
        ck_assert_int_eq(program_set_main_file(program, folder_at("\xFF.py"), error), 0);
        tree = parse(program);
        ck_assert_str_eq(text_of(tree, "Path"), folder_at("\xEF\xBF\xBD.py"));
        json_object_put(tree);
}
END_TEST

static size_t peak_memory(void)
{
        struct rusage usage;

        ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
        return (size_t)usage.ru_maxrss << 10;
}

/* 50 MB of source: the bytes and the text, and no third copy at any time. */
START_TEST(a_large_program_takes_little_memory)
{
        size_t size = 50 << 20, before = peak_memory();
        struct program *program = program_new("calc");
        struct program_text *text;

        folder_write("main.py", "# large\n");
        ck_assert_int_eq(truncate(folder_at("main.py"), (off_t)size), 0);
        ck_assert_int_eq(program_set_main_file(program, folder_at("main.py"), error), 0);
        ck_assert_int_eq(program_to_text(program, &text), 0);
        ck_assert_uint_gt(text->length, size / 3 * 4);
        ck_assert_uint_lt(text->length, size / 3 * 4 + (1 << 20));
        ck_assert_uint_eq(strlen(text->data), text->length);
        ck_assert_uint_lt(peak_memory() - before, size + text->length + (size >> 1));
        program_free(program);
        program_text_free(text);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("program");
        TCase *tcase = tcase_create("program");

        tcase_add_checked_fixture(tcase, folder_make, folder_remove);
        tcase_set_timeout(tcase, 120);
        tcase_add_test(tcase, base64_is_that_of_the_rfc);
        tcase_add_test(tcase, a_program_of_files_and_texts);
        tcase_add_test(tcase, a_main_source_replaces_another);
        tcase_add_test(tcase, the_built_in_package_comes_first);
        tcase_add_test(tcase, key_values_are_json);
        tcase_add_test(tcase, a_package_is_a_tree);
        tcase_add_test(tcase, errors_name_the_file);
        tcase_add_test(tcase, a_file_too_large_is_refused_unread);
        tcase_add_test(tcase, a_long_path_is_shortened_in_an_error);
        tcase_add_test(tcase, a_name_stands_for_one_thing);
        tcase_add_test(tcase, names_that_python_can_import);
        tcase_add_test(tcase, the_same_files_give_the_same_text);
        tcase_add_test(tcase, a_text_outlives_its_program);
        tcase_add_test(tcase, a_program_without_a_main_module_has_no_text);
        tcase_add_test(tcase, strange_paths_are_still_json);
        tcase_add_test(tcase, a_large_program_takes_little_memory);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
