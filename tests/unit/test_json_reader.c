/* SPDX-License-Identifier: MIT */
/*
 * Texts are read as if they stood in /x.conf, and what comes out is compared: the value, where it
 * stands, or the messages.
 */
#include "daemon/json_reader.h"

#include <check.h>
#include <stdint.h>
#include <string.h>

#include "folder.h"
#include "suite.h"

static struct config_errors errors;
static struct json_document *document;

static void teardown(void)
{
        document = json_document_free(document);
        config_errors_clear(&errors);
}

static int read_bytes(const char *text, size_t length)
{
        teardown();
        return json_read_text("/x.conf", text, length, &errors, &document);
}

static int read_string(const char *text)
{
        return read_bytes(text, strlen(text));
}

static void read_right(const char *text)
{
        int r = read_string(text);

        ck_assert_msg(r == 0 && errors.n_messages == 0, "%s: %s", text,
                      errors.n_messages ? errors.messages[0].text : "no message");
}

static const char *only_message(void)
{
        ck_assert_uint_eq(errors.n_messages, 1);
        return errors.messages[0].text;
}

static struct json_node member(const char *name)
{
        struct json_node root = json_document_root(document), node;

        ck_assert(json_node_member(&root, name, &node));
        return node;
}

START_TEST(test_values)
{
        struct json_node node;

        read_right("{\"s\": \"a\\u00e9\\n\\ud83d\\ude00\", \"n\": null, \"t\": true, \"f\": false,"
                   " \"i\": -5, \"u\": 18446744073709551615, \"d\": 2.50, \"a\": [1, [], {}],"
                   " \"big\": 123456789012345678901234567890}");
        node = member("s");
        ck_assert_str_eq(json_node_string(&node), "a\xc3\xa9\n\xf0\x9f\x98\x80");
        ck_assert_ptr_null(member("n").value);
        ck_assert(json_object_get_boolean(member("t").value));
        ck_assert(!json_object_get_boolean(member("f").value));
        ck_assert_int_eq(json_object_get_int64(member("i").value), -5);
        ck_assert_uint_eq(json_object_get_uint64(member("u").value), UINT64_MAX);
        ck_assert(json_object_get_double(member("d").value) == 2.5);
        ck_assert_str_eq(json_object_to_json_string(member("d").value), "2.50");
        ck_assert_uint_eq(json_object_array_length(member("a").value), 3);
        ck_assert_str_eq(json_object_to_json_string(member("big").value),
                         "123456789012345678901234567890");
}
END_TEST

/* Numbers that cannot stand at all or that the grammar knows, at their bounds. */
START_TEST(test_whole_numbers)
{
        read_right("[9223372036854775807, -9223372036854775808, 9223372036854775808, 1e2]");
        struct json_node root = json_document_root(document);

        ck_assert_int_eq(json_object_get_int64(json_object_array_get_idx(root.value, 0)),
                         INT64_MAX);
        ck_assert_int_eq(json_object_get_int64(json_object_array_get_idx(root.value, 1)),
                         INT64_MIN);
        ck_assert_uint_eq(json_object_get_uint64(json_object_array_get_idx(root.value, 2)),
                          9223372036854775808ULL);
        ck_assert(json_object_is_type(json_object_array_get_idx(root.value, 3), json_type_double));
}
END_TEST

START_TEST(test_comments)
{
        struct json_node node;

        read_right("// first\n{ /* a \" quote ' and { */ \"a\": 1, // \"b\": 2\n"
                   "  \"c\": \"// no /* comment */\" /**/ }\n/* last */ // é");
        ck_assert_int_eq(json_object_object_length(document->root), 2);
        node = member("c");
        ck_assert_str_eq(json_node_string(&node), "// no /* comment */");
        read_right("{}//");
        read_right("/*/ still a comment /*/{}");
        read_right("{\"a\": \"\\\"// in the string\"}");
}
END_TEST

START_TEST(test_places)
{
        struct json_node a, node;
        struct json_cursor cursor = {0};

        read_right("{\n  \"é\": 1, /* é */ \"b\": [\n\tnull, 2\r\n] }");
        a = member("b");
        ck_assert_uint_eq(json_node_name_place(&a).line, 2);
        ck_assert_uint_eq(json_node_name_place(&a).column, 19);
        ck_assert_uint_eq(json_node_place(&a).line, 2);
        ck_assert_uint_eq(json_node_place(&a).column, 24);
        ck_assert(json_node_next(&a, &cursor, &node));
        ck_assert_uint_eq(json_node_place(&node).line, 3);
        ck_assert_uint_eq(json_node_place(&node).column, 2);
        ck_assert(json_node_next(&a, &cursor, &node));
        ck_assert_uint_eq(json_node_place(&node).column, 8);
        ck_assert_uint_eq(node.length, 1);
        ck_assert(!json_node_next(&a, &cursor, &node));
}
END_TEST

START_TEST(test_members_in_order)
{
        static const char *const names[] = {"z", "a", "m", "", "b", "c", "d", "e", "f", "g"};
        struct json_node root, node;
        struct json_cursor cursor = {0};

        read_right("{\"z\":0,\"a\":1,\"m\":2,\"\":3,\"b\":4,\"c\":5,\"d\":6,\"e\":7,\"f\":8,"
                   "\"g\":9}");
        root = json_document_root(document);
        for (int i = 0; i < 10; i++) {
                ck_assert(json_node_next(&root, &cursor, &node));
                ck_assert_str_eq(node.name, names[i]);
                ck_assert_int_eq(json_object_get_int(node.value), i);
                ck_assert_int_eq(document->source[node.offset], '0' + i);
        }
        ck_assert(!json_node_next(&root, &cursor, &node));
        ck_assert(!json_node_member(&root, "nothing", &node));
        ck_assert(!json_node_exists(&node));
}
END_TEST

/* What people get wrong, where it is told, and what they read. */
static const struct {
        const char *text, *message;
} slips[] = {
        {"", "1:1: the file is empty; the least that can stand here is {}"},
        {" // nothing\n", "1:1: the file is empty; the least that can stand here is {}"},
        {"{\n  \"a\": 1,\n}", "2:9: not JSON: no ',' may stand before '}'"},
        {"[1, 2, ]", "1:6: not JSON: no ',' may stand before ']'"},
        {"{'a': 1}", "1:2: not JSON: a string stands in double quotes, not in single ones"},
        {"{\"a\": 'b'}", "1:7: not JSON: a string stands in double quotes, not in single ones"},
        {"{a: 1}", "1:2: not JSON: a name stands in double quotes: \"a\""},
        {"{name\": \"x\"}", "1:2: not JSON: a name stands in double quotes: \"name\""},
        {"{1: 1}", "1:2: not JSON: a name stands here, in double quotes"},
        {"{\"a\": True}", "1:7: not JSON: True is no word of JSON; true is"},
        {"{\"a\": False}", "1:7: not JSON: False is no word of JSON; false is"},
        {"{\"a\": None}", "1:7: not JSON: None is no word of JSON; null is"},
        {"{\"a\": yes}", "1:7: not JSON: yes is no word of JSON; true is"},
        {"{\"a\": NaN}", "1:7: not JSON: JSON has no NaN; null may do"},
        {"{\"a\": tru}", "1:7: not JSON: text stands in double quotes: \"tru\""},
        {"{\"a\": info}", "1:7: not JSON: text stands in double quotes: \"info\""},
        {"{\"a\": nullx}", "1:7: not JSON: text stands in double quotes: \"nullx\""},
        {"{\"a\": 1\n \"b\": 2}", "1:8: not JSON: a ',' is missing here"},
        {"{\"a\": {}\n\n/* é */ \"b\": 2}", "1:9: not JSON: a ',' is missing here"},
        {"[1 2]", "1:3: not JSON: a ',' is missing here"},
        {"{\"a\": 1; \"b\": 2}", "1:8: not JSON: a ',' stands between two values, not a ';'"},
        {"{\"a\" 1}", "1:6: not JSON: a ':' stands between a name and its value"},
        {"{\"a\" = 1}", "1:6: not JSON: a ':' stands between a name and its value"},
        {"{\"a\": }", "1:7: not JSON: a value is missing before '}'"},
        {"{\"a\": , \"b\": 1}", "1:7: not JSON: a value is missing before ','"},
        {"{, \"a\": 1}", "1:2: not JSON: a name with its value is missing before ','"},
        {"[1}", "1:3: not JSON: '[' is closed with ']', not '}'"},
        {"{\"a\": {\"b\": 1}", "1:1: not JSON: the '{' that stands here is not closed with '}'"},
        {"{\"a\": [1, 2", "1:7: not JSON: the '[' that stands here is not closed with ']'"},
        {"{\"a\":", "1:1: not JSON: the '{' that stands here is not closed with '}'"},
        {"{} {}", "1:4: not JSON: a file is one value; this stands after its end"},
        {"{\"a\": \"b\n\"}", "1:7: not JSON: the string that begins here is not closed with \" on "
                             "its line; a line break within is written as \\n"},
        {"{\"a\": \"b", "1:7: not JSON: the string that begins here is not closed with \" on its "
                        "line; a line break within is written as \\n"},
        {"{\"a\": \"x\ty\"}", "1:9: not JSON: a tab in a string is written as \\t"},
        {"{\"a\": \"C:\\dir\"}", "1:10: not JSON: after a \\ stands one of \" \\ / b f n r t u; a "
                                 "\\ itself is written as \\\\"},
        {"{\"a\": 0660}", "1:7: not JSON: a number has no leading zero; an octal mode stands in "
                          "double quotes: \"0660\""},
        {"{\"a\": 30s}", "1:7: not JSON: a number with a unit stands in double quotes: \"30s\""},
        {"{\"a\": 1.5G}", "1:7: not JSON: a number with a unit stands in double quotes: \"1.5G\""},
        {"{\"a\": .5}", "1:7: not JSON: .5 is no number of JSON; 10, -1, 0.5 and 1e6 are"},
        {"{\"a\": 0x10}", "1:7: not JSON: 0x10 is no number of JSON; 10, -1, 0.5 and 1e6 are"},
        {"{ # no\n}", "1:3: not JSON: a comment begins with // or stands between /* and */"},
        {"{ /x\n}", "1:3: not JSON: a comment begins with // or stands between /* and */"},
        {"{\"a\": 1 /* b }", "1:9: the comment that begins here has no end: */ is missing"},
        {"/* b", "1:1: the comment that begins here has no end: */ is missing"},
        {"/*/", "1:1: the comment that begins here has no end: */ is missing"},
        {"{x /* b", "1:2: not JSON: a name stands in double quotes: \"x\""},
        {"{\xe2\x80\x9c"
         "a\xe2\x80\x9d: 1}",
         "1:2: not JSON: a string stands in straight double quotes (\"), not in curly ones"},
        {"\xef\xbb\xbf{}", "1:1: not JSON: a byte order mark stands here; UTF-8 needs none"},
        {"{\xc2\xa0}", "1:2: not JSON: a no-break space stands here; an ordinary space is right"},
        {"{\"é\": \"é\", \"\xff\": 1}",
         "1:13: the byte 0xff cannot stand here: the file must be UTF-8"},
        {"{} // \xc3", "1:7: the byte 0xc3 cannot stand here: the file must be UTF-8"},
        {"{\"a\": 1, \"b\": 2, \"a\": 3}",
         "1:18: \"a\" stands here a second time; the first is at 1:2"},
        {"[{\"x\": {\"a\": 1,\n \"\\u0061\": 3}}]",
         "2:2: \"a\" stands here a second time; the first is at 1:9"},
        {"{\"a\": \"x\\u0000\"}", "1:9: a string cannot contain a NUL (\\u0000)"},
        {"{\"\\u0000\": 1}", "1:3: a string cannot contain a NUL (\\u0000)"},
        {"[\"\\ud800x\"]", "1:3: \\ud800 is half of a surrogate pair: a character past U+FFFF is "
                           "written as itself, or as two escapes, \\ud83d\\ude00"},
        {"[\"\\ude00\\ud83d\\ude00\"]",
         "1:3: \\ude00 is half of a surrogate pair: a character past U+FFFF is written as itself, "
         "or as two escapes, \\ud83d\\ude00"},
        {"[1e999]", "1:2: the number is too large: 1.7e308 is the limit"},
};

START_TEST(test_slip)
{
        read_string(slips[_i].text);
        ck_assert_str_eq(only_message() + strlen("/x.conf:"), slips[_i].message);
        ck_assert_uint_eq(errors.n_errors, 1);
}
END_TEST

START_TEST(test_nul_byte)
{
        ck_assert_int_eq(read_bytes("{\"a\": \0}", 8), 1);
        ck_assert_ptr_nonnull(strstr(only_message(), "/x.conf:1:7: not JSON: "));
}
END_TEST

START_TEST(test_every_double_is_told)
{
        ck_assert_int_eq(
                read_string("{\"a\": 1, \"a\": 2, \"b\": 1, \"b\": 2, \"c\": \"\\u0000\"}"), 0);
        ck_assert_uint_eq(errors.n_errors, 3);
        ck_assert_int_eq(json_object_get_int(member("a").value), 1);
}
END_TEST

static char *nested(size_t depth)
{
        char *text = malloc(2 * depth + 1);

        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = '\0';
        return text;
}

START_TEST(test_depth)
{
        _cleanup_free_ char *most = nested(256), *more = nested(257);

        read_right(most);
        ck_assert_int_eq(read_string(more), 1);
        ck_assert_str_eq(only_message(), "/x.conf:1:257: not JSON: arrays and objects are nested "
                                         "more than 256 deep");
}
END_TEST

START_TEST(test_descriptions)
{
        static const struct {
                const char *text, *description;
        } cases[] = {
                {"[\"4\"]", "the string \"4\""},
                {"[30]", "the number 30"},
                {"[1.50]", "the number 1.50"},
                {"[null]", "null"},
                {"[true]", "true"},
                {"[[1]]", "an array"},
                {"[{}]", "an object"},
        };
        char buffer[JSON_DESCRIPTION_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct json_cursor cursor = {0};
                struct json_node root, node;

                read_right(cases[i].text);
                root = json_document_root(document);
                ck_assert(json_node_next(&root, &cursor, &node));
                ck_assert_str_eq(json_node_describe(&node, buffer), cases[i].description);
        }
}
END_TEST

/* However long a string is, its description ends with a whole character and a quote. */
START_TEST(test_long_description)
{
        char text[512] = "[\"", buffer[JSON_DESCRIPTION_MAX];
        struct json_cursor cursor = {0};
        struct json_node root, node;

        for (int i = 0; i < _i; i++)
                strcat(text, "x");
        for (int i = 0; i < 60; i++)
                strcat(text, "é");
        strcat(text, "\"]");
        read_right(text);
        root = json_document_root(document);
        ck_assert(json_node_next(&root, &cursor, &node));
        json_node_describe(&node, buffer);
        ck_assert_uint_lt(strlen(buffer), JSON_DESCRIPTION_MAX);
        ck_assert_str_eq(buffer + strlen(buffer) - 6, "é...\"");
}
END_TEST

START_TEST(test_files)
{
        const char *path;

        folder_make();
        folder_write("right.conf", "{\"a\": 1}");
        ck_assert_int_eq(json_read_file(folder_at("right.conf"), &errors, &document), 0);
        ck_assert_str_eq(document->folder, folder_root);
        document = json_document_free(document);

        path = folder_at("missing.conf");
        ck_assert_int_eq(json_read_file(path, &errors, &document), 1);
        ck_assert_str_eq(only_message() + strlen(path),
                         ": cannot read this file: No such file or directory");
        config_errors_clear(&errors);
        ck_assert_int_eq(json_read_file(folder_root, &errors, &document), 1);
        ck_assert_str_eq(only_message() + strlen(folder_root),
                         ": cannot read this file: Is a directory");
        folder_remove();
}
END_TEST

START_TEST(test_large_file_is_refused)
{
        const char *path;

        folder_make();
        folder_write("large.conf", "");
        path = folder_at("large.conf");
        ck_assert_int_eq(truncate(path, (off_t)JSON_FILE_MAX + 1), 0);
        ck_assert_int_eq(json_read_file(path, &errors, &document), 1);
        ck_assert_str_eq(only_message() + strlen(path),
                         ": cannot read this file: it is larger than 64 MB");
        folder_remove();
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("json_reader");
        TCase *tests = tcase_create("json_reader");

        tcase_add_checked_fixture(tests, NULL, teardown);
        tcase_add_test(tests, test_values);
        tcase_add_test(tests, test_whole_numbers);
        tcase_add_test(tests, test_comments);
        tcase_add_test(tests, test_places);
        tcase_add_test(tests, test_members_in_order);
        tcase_add_loop_test(tests, test_slip, 0, ARRAY_SIZE(slips));
        tcase_add_test(tests, test_nul_byte);
        tcase_add_test(tests, test_every_double_is_told);
        tcase_add_test(tests, test_depth);
        tcase_add_test(tests, test_descriptions);
        tcase_add_loop_test(tests, test_long_description, 0, 4);
        tcase_add_test(tests, test_files);
        tcase_add_test(tests, test_large_file_is_refused);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
