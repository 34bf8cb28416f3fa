/* SPDX-License-Identifier: MIT */
/*
 * What is told of configs that are wrong: where, and in which words.
 */
#include "daemon/config.h"

#include "common/env_store.h"

#include <check.h>
#include <string.h>

#include "config_folder.h"
#include "suite.h"

#define MAIN       "\"main\": \"calc.py\""
#define ONE(text)  "{\"programs\": {\"a\": {" text "}}}"
#define WITH(text) "{" text ", \"programs\": {\"a\": {" MAIN "}}}"
#define MODULE     "the path of a Python file or {\"source\": \"...\"}"
#define PACKAGE    "the path of a folder or {\"path\": \"...\", \"data\": [\"*.json\"]}"
#define FILE_FORM                                                                                  \
        "a path, \"memfd:64M\", {\"path\": \"...\", \"mode\": \"r\"} or {\"memfd\": \"64M\"}"
#define SOME                                                                                       \
        "{\"env\": \"NAME\"}, {\"venv\": \"...\"}, {\"prefix\": \"...\"} or {\"python\": \"...\"}"
#define GONE "No such file or directory\n"

/* A program set, and what is told of it. */
static const struct {
        const char *set, *messages;
} wrong_sets[] = {
        {"{\"programs\": {\"a\": {" MAIN ",}}}",
         "programs.d/tools.conf:1:38: not JSON: no ',' may stand before '}'\n"},
        {"[]", "programs.d/tools.conf:1:1: a program set must be an object, { ... }, not an "
               "array\n"},
        {"{}",
         "programs.d/tools.conf:1:1: this program set has no \"programs\": { NAME: {\"main\": "
         "...} }\n"},
        {"{\"programs\": {}}", "programs.d/tools.conf:1:14: this program set has no program: NAME: "
                               "{\"main\": ...}\n"},
        {"{\"programs\": []}",
         "programs.d/tools.conf:1:14: programs must be an object, { ... }, not an array\n"},
        {"{\"programs\": {\"a\": \"calc.py\"}}", "programs.d/tools.conf:1:20: a program must be an "
                                                 "object, { ... }, not the string \"calc.py\"\n"},
        {"{\"programs\": {\"1a\": {" MAIN "}}}", "programs.d/tools.conf:1:15: a program cannot be "
                                                 "called \"1a\": its name is a letter, then "
                                                 "letters, digits, _ and -, at most 64 in all\n"},
        {"{\"programs\": {\"\": {" MAIN "}}}",
         "programs.d/tools.conf:1:15: a program cannot be called \"\": its name is a letter, then "
         "letters, digits, _ and -, at most 64 in all\n"},
        {"{\"programs\": {\"a.b\": {" MAIN "}}}",
         "programs.d/tools.conf:1:15: a program cannot be called \"a.b\": its name is a letter, "
         "then letters, digits, _ and -, at most 64 in all\n"},
        {"{\"programs\": {\"rpc\": {" MAIN "}}}",
         "programs.d/tools.conf:1:15: a program cannot be called \"rpc\": the daemon's own methods "
         "begin with it\n"},
        {"{\"programs\": {\"jumpbootd\": {" MAIN "}}}",
         "programs.d/tools.conf:1:15: a program cannot be called \"jumpbootd\": the daemon's own "
         "methods begin with it\n"},
        {"{\"programs\": {\"a\": {" MAIN "},\n \"a\": {" MAIN "}}}",
         "programs.d/tools.conf:2:2: \"a\" stands here a second time; the first is at 1:15\n"},
        {"{\"programs\": {\"a\": {}}}",
         "programs.d/tools.conf:1:15: the program \"a\" has no \"main\": the path of its Python "
         "file, or {\"source\": \"...\"}\n"},
        {ONE("\"main\": \"gone.py\""),
         "programs.d/tools.conf:1:29: cannot read programs.d/gone.py: " GONE},
        {ONE("\"main\": {\"path\": \"gone.py\"}"),
         "programs.d/tools.conf:1:38: cannot read programs.d/gone.py: " GONE},
        {ONE("\"main\": \"lib\""),
         "programs.d/tools.conf:1:29: cannot read programs.d/lib: Is a directory\n"},
        {ONE("\"main\": 5"),
         "programs.d/tools.conf:1:29: main must be " MODULE ", not the number 5\n"},
        {ONE(MAIN ", \"args\": \"-x\""),
         "programs.d/tools.conf:1:48: args must be an array of strings, not the string \"-x\"\n"},
        {ONE(MAIN ", \"args\": [\"-x\", 1]"),
         "programs.d/tools.conf:1:55: args must be an array of strings, not of the number 1\n"},
        {ONE(MAIN ", \"max_worker\": 1"), "programs.d/tools.conf:1:40: unknown option "
                                          "\"max_worker\", did you mean \"max_workers\"?\n"},
        {ONE(MAIN ", \"max_workers\": \"4\""),
         "programs.d/tools.conf:1:55: max_workers must be a whole number from 1 to 65536, not the "
         "string \"4\"\n"},
        {ONE(MAIN ", \"request_timeout\": 30"),
         "programs.d/tools.conf:1:59: request_timeout: a duration needs a unit: \"30s\"\n"},
        {ONE(MAIN ", \"min_workers\": 8, \"max_workers\": 4"),
         "programs.d/tools.conf:1:55: min_workers (8) cannot be more than max_workers (4, at "
         "programs.d/tools.conf:1:73)\n"},
        {ONE(MAIN ", \"spare_workers\": 8, \"max_workers\": 4"),
         "programs.d/tools.conf:1:57: spare_workers (8) cannot be more than max_workers (4, at "
         "programs.d/tools.conf:1:75)\n"},
        {ONE(MAIN ", \"max_worker_lifetime\": \"999ms\""),
         "programs.d/tools.conf:1:63: max_worker_lifetime must be 0 or at least 1s: workers would "
         "do nothing but start\n"},
        {ONE(MAIN ", \"max_queue_size\": 0, \"min_workers\": 0"),
         "programs.d/tools.conf:1:58: max_queue_size 0 needs a min_workers of 1 or more: no "
         "request "
         "could wait for the first worker\n"},
        {ONE(MAIN ", \"extra_files\": \"x\""),
         "programs.d/tools.conf:1:55: extra_files must be an array of files: " FILE_FORM
         ", not the string \"x\"\n"},
        {ONE(MAIN ", \"extra_files\": [\"\"]"),
         "programs.d/tools.conf:1:56: a file must be " FILE_FORM ", not the string \"\"\n"},
        {ONE(MAIN ", \"extra_files\": [\"/dev/null\", 5]"),
         "programs.d/tools.conf:1:69: a file must be " FILE_FORM ", not the number 5\n"},
        {ONE(MAIN ", \"extra_files\": [{}]"),
         "programs.d/tools.conf:1:56: an object here has either a \"path\" or a \"memfd\"\n"},
        {ONE(MAIN ", \"extra_files\": [{\"path\": \"x\", \"memfd\": \"1K\"}]"),
         "programs.d/tools.conf:1:56: an object here has either a \"path\" or a \"memfd\"\n"},
        {ONE(MAIN ", \"extra_files\": [{\"path\": \"/dev/null\", \"mode\": \"rw\"}]"),
         "programs.d/tools.conf:1:86: mode must be one of \"r\", \"r+\", \"w\", \"w+\", \"a\" and "
         "\"a+\", not the string \"rw\"\n"},
        {ONE(MAIN ", \"extra_files\": [{\"path\": 1}]"),
         "programs.d/tools.conf:1:65: path must be a path, not the number 1\n"},
        {ONE(MAIN ", \"extra_files\": [{\"path\": \"/dev/null\", \"create\": 1}]"),
         "programs.d/tools.conf:1:88: create must be true or false, not the number 1\n"},
        {ONE(MAIN ", \"extra_files\": [{\"path\": \"/dev/null\", \"permissions\": \"0888\"}]"),
         "programs.d/tools.conf:1:93: permissions must be an octal mode in quotes, like \"0640\", "
         "not the string \"0888\"\n"},
        {ONE(MAIN ", \"extra_files\": [{\"path\": \"/dev/null\", \"name\": \"x\"}]"),
         "programs.d/tools.conf:1:78: \"name\" is unknown here; a path may have \"mode\", "
         "\"create\" and \"permissions\"\n"},
        {ONE(MAIN ", \"extra_files\": [{\"memfd\": \"1K\", \"mode\": \"r\"}]"),
         "programs.d/tools.conf:1:72: \"mode\" is unknown here; a memfd may have a \"name\"\n"},
        {ONE(MAIN ", \"extra_files\": [{\"memfd\": 4096}]"),
         "programs.d/tools.conf:1:66: memfd must be a size with its unit, like \"64K\" or \"16M\", "
         "not the number 4096\n"},
        {ONE(MAIN ", \"extra_files\": [\"memfd:64\"]"),
         "programs.d/tools.conf:1:56: memfd must be a size with its unit, like \"64K\" or \"16M\", "
         "from \"1B\" to \"1T\", not \"64\"\n"},
        {ONE(MAIN ", \"extra_files\": [{\"memfd\": \"2T\"}]"),
         "programs.d/tools.conf:1:66: memfd must be a size with its unit, like \"64K\" or \"16M\", "
         "from \"1B\" to \"1T\", not \"2T\"\n"},
        {ONE(MAIN ", \"extra_files\": [{\"memfd\": \"1K\", \"name\": \"a b\"}]"),
         "programs.d/tools.conf:1:80: name must be letters, digits, _, . and -, at most 64 of "
         "them, in quotes, not the string \"a b\"\n"},
        {ONE(MAIN ", \"extra_files\": [{\"memfd\": \"1K\", \"name\": \"a\"}, {\"memfd\": \"2K\", "
                  "\"name\": \"a\"}]"),
         "programs.d/tools.conf:1:86: there is another memfd of the name \"a\"\n"},
        {ONE(MAIN ", \"extra_files\": [\"gone\"]"),
         "programs.d/tools.conf:1:56: cannot open programs.d/gone for reading: No such file or "
         "directory\n"},
        {ONE(MAIN ", \"extra_files\": [\"/dev/null\", {\"path\": \"gone/x\", \"mode\": \"a\"}]"),
         "programs.d/tools.conf:1:69: cannot open programs.d/gone/x for appending: No such file or "
         "directory\n"},
        {ONE(MAIN ", \"extra_files\": [{\"path\": \"lib\", \"mode\": \"r+\"}]"),
         "programs.d/tools.conf:1:56: cannot open programs.d/lib for reading and writing: Is a "
         "directory\n"},
        {ONE(MAIN ", \"debug_port\": 5678"),
         "programs.d/tools.conf:1:54: debug_port: whoever reaches this port, as every user of this "
         "machine does, runs code as the worker; where that may be, jumpbootd.conf says "
         "\"allow_debug\": true\n"},
        {ONE(MAIN ", \"debug_port\": 65536"),
         "programs.d/tools.conf:1:54: debug_port must be a whole "
         "number from 0 to 65535, not the number 65536\n"},
        {ONE(MAIN ", \"break_on_start\": true"),
         "programs.d/tools.conf:1:58: break_on_start needs a debug_port\n"},
        {ONE(MAIN ", \"working_directory\": \"gone\""),
         "programs.d/tools.conf:1:61: working_directory: cannot use programs.d/gone: " GONE},
        {WITH("\"max_workers\": 4"),
         "programs.d/tools.conf:1:2: \"max_workers\" is an option of a program; here it stands in "
         "\"defaults\", for all programs\n"},
        {WITH("\"defaults\": 4"),
         "programs.d/tools.conf:1:14: defaults must be an object, { ... }, not the number 4\n"},
        {WITH("\"modules\": {\"m\": \"gone.py\"}"),
         "programs.d/tools.conf:1:19: cannot read programs.d/gone.py: " GONE},
        {WITH("\"modules\": {\"m\": {\"source\": \"\", \"path\": \"x\"}}"),
         "programs.d/tools.conf:1:19: m must be " MODULE ": one of the two, not both\n"},
        {WITH("\"modules\": {\"m\": {\"file\": \"x\"}}"),
         "programs.d/tools.conf:1:20: \"file\" is unknown here; right is " MODULE "\n"},
        {WITH("\"modules\": {\"m\": {\"source\": 1}}"),
         "programs.d/tools.conf:1:30: source must be a string, not the number 1\n"},
        {WITH("\"modules\": [\"m\"]"),
         "programs.d/tools.conf:1:13: modules must be an object, { ... }, not an array\n"},
        {WITH("\"modules\": {\"1x\": \"calc.py\"}"),
         "programs.d/tools.conf:1:14: a module cannot be called \"1x\": it is not a Python "
         "identifier (letters, digits and _, no digit first)\n"},
        {WITH("\"modules\": {\"a.b\": \"calc.py\"}"),
         "programs.d/tools.conf:1:14: a module cannot be called \"a.b\": it is not a Python "
         "identifier (letters, digits and _, no digit first)\n"},
        {WITH("\"modules\": {\"class\": \"calc.py\"}"),
         "programs.d/tools.conf:1:14: a module cannot be called \"class\": it is a keyword of "
         "Python, and cannot be imported\n"},
        {WITH("\"modules\": {\"jumpboot\": \"calc.py\"}"),
         "programs.d/tools.conf:1:14: a module cannot be called \"jumpboot\": the package that "
         "every program gets has this name\n"},
        {WITH("\"packages\": {\"__main__\": \"lib\"}"),
         "programs.d/tools.conf:1:15: a package cannot be called \"__main__\": the main module has "
         "this name; \"main\" says what it is\n"},
        {WITH("\"packages\": {\"p\": \"gone\"}"),
         "programs.d/tools.conf:1:20: cannot read programs.d/gone: " GONE},
        {WITH("\"packages\": {\"p\": {\"source\": \"\"}}"),
         "programs.d/tools.conf:1:21: \"source\" is unknown here; right is " PACKAGE "\n"},
        {WITH("\"packages\": {\"p\": {\"data\": [\"*\"]}}"),
         "programs.d/tools.conf:1:20: p must be " PACKAGE "\n"},
        {WITH("\"packages\": {\"p\": {\"path\": \"lib\", \"data\": \"*\"}}"),
         "programs.d/tools.conf:1:44: data must be an array of strings, not the string \"*\"\n"},
        {WITH("\"modules\": {\"m\": \"calc.py\"}, \"packages\": {\"m\": \"lib\"}"),
         "programs.d/tools.conf:1:44: \"m\" is a module and a package; the other is at "
         "programs.d/tools.conf:1:14\n"},
        {WITH("\"key_values\": {\"expose\": 1}"), "programs.d/tools.conf:1:17: a key-value cannot "
                                                  "be called \"expose\": the jumpboot package "
                                                  "has this name for its own, and would lose it\n"},
        {WITH("\"key_values\": {\"RequestTimeout\": 1}"),
         "programs.d/tools.conf:1:17: a key-value cannot be called \"RequestTimeout\": the "
         "jumpboot "
         "package has this name for its own, and would lose it\n"},
        {WITH("\"key_values\": {\"status\": 1}"), "programs.d/tools.conf:1:17: a key-value cannot "
                                                  "be called \"status\": the jumpboot package "
                                                  "has this name for its own, and would lose it\n"},
        {WITH("\"key_values\": {\"__path__\": 1}"),
         "programs.d/tools.conf:1:17: a key-value cannot be called \"__path__\": names that begin "
         "with _ are the jumpboot package's own\n"},
        {WITH("\"key_values\": {\"a b\": 1}"),
         "programs.d/tools.conf:1:17: a key-value cannot be called \"a b\": it is not a Python "
         "identifier (letters, digits and _, no digit first)\n"},
        {WITH("\"env\": {\"A=B\": \"x\"}"),
         "programs.d/tools.conf:1:10: the name of a variable cannot contain '=': \"A=B\"\n"},
        {WITH("\"env\": {\"JUMPBOOT_WORKER\": \"x\"}"),
         "programs.d/tools.conf:1:10: the daemon itself sets this variable, for every worker "
         "another value: "
         "\"JUMPBOOT_WORKER\"\n"},
        {WITH("\"env\": {\"A\": \"${Slot}\"}"),
         "programs.d/tools.conf:1:15: \"${Slot}\" is not known here: \"${slot}\" is the number of "
         "the worker, and "
         "\"$${Slot}\" stands for \"${Slot}\" itself\n"},
        {WITH("\"env\": {\"A\": 1}"),
         "programs.d/tools.conf:1:15: the value of the variable A must "
         "be a string, not the number 1\n"},
        {WITH("\"env\": {\"A\": \"x\\u0000\"}"),
         "programs.d/tools.conf:1:17: a string cannot contain a NUL (\\u0000)\n"},
        {WITH("\"environment\": \"venv\""),
         "programs.d/tools.conf:1:17: environment must be one of " SOME
         ", not the string \"venv\"\n"},
        {WITH("\"environment\": {}"),
         "programs.d/tools.conf:1:17: environment must be exactly one of " SOME "\n"},
        {WITH("\"environment\": {\"venv\": \"a\", \"python\": \"b\"}"),
         "programs.d/tools.conf:1:17: environment must be exactly one of " SOME "\n"},
        {WITH("\"environment\": {\"conda\": \"a\"}"),
         "programs.d/tools.conf:1:18: environment must be one of " SOME ", not \"conda\"\n"},
        {WITH("\"environment\": {\"venv\": 1}"),
         "programs.d/tools.conf:1:26: venv must be a path, not the number 1\n"},
        {WITH("\"environment\": {\"venv\": \"gone\"}"),
         "programs.d/tools.conf:1:17: cannot use the venv programs.d/gone: " GONE},
        {WITH("\"environment\": {\"venv\": \"lib\"}"),
         "programs.d/tools.conf:1:17: programs.d/lib is no venv: its pyvenv.cfg: No such file or "
         "directory; python3 -m venv makes one, and a conda environment is a \"prefix\"\n"},
        {WITH("\"environment\": {\"env\": []}"),
         "programs.d/tools.conf:1:25: env must be a name, not an array\n"},
        {WITH("\"environment\": {\"env\": \"../web\"}"),
         "programs.d/tools.conf:1:25: an environment cannot be called \"../web\": " ENV_NAME_RULE
         "; the path of one is a \"venv\" or a \"prefix\"\n"},
        {WITH("\"environment\": {\"env\": \"no-such-env\"}"),
         "programs.d/tools.conf:1:17: there is no environment \"no-such-env\" in "
         "/var/lib/jumpbootd/envs: "
         "\"jumpbootctl env create no-such-env\" makes it\n"},
        {WITH("\"environment\": {\"prefix\": \"lib\"}"),
         "programs.d/tools.conf:1:17: the prefix has no Python that works: "
         "programs.d/lib/bin/python3: " GONE},
        {WITH("\"environment\": {\"python\": \"python3\"}"),
         "programs.d/tools.conf:1:17: cannot use the Python programs.d/python3: No such file "
         "or "
         "directory (a path is meant here; PATH is not searched)\n"},
};

START_TEST(test_wrong_set)
{
        write_set(wrong_sets[_i].set);
        ck_assert_int_eq(load(), 1);
        ck_assert_ptr_null(config);
        ck_assert_str_eq(messages(), wrong_sets[_i].messages);
}
END_TEST

static const struct {
        const char *server, *messages;
} wrong_servers[] = {
        {"{\"listen\": }", "jumpbootd.conf:1:12: not JSON: a value is missing before '}'\n"},
        {"\"x\"", "jumpbootd.conf:1:1: jumpbootd.conf must be an object, { ... }, not the string "
                  "\"x\"\n"},
        {"{\"program_sets\": \"x.conf\"}", "jumpbootd.conf:1:18: program_sets must be an array of "
                                           "strings, not the string \"x.conf\"\n"},
        {"{\"program_sets\": [\"gone.conf\"]}",
         "jumpbootd.conf:1:19: cannot read the program set gone.conf: " GONE},
        {"{\"program_sets\": [\"\"]}", "jumpbootd.conf:1:19: an empty path names no program set; "
                                       "\"programs.d/*.conf\" does\n"},
        {"{\"program_sets\": [\"programs.d\"]}",
         "programs.d: cannot read this file: Is a directory\n"},
        {"{\"program_sets\": [\"loop/*.conf\"]}",
         "jumpbootd.conf:1:19: cannot look for \"loop/*.conf\": Too many levels of symbolic "
         "links\n"},
        {"{\"program_sets\": [], \"max_buffered\": \"1M\"}",
         "jumpbootd.conf:1:38: max_buffered must be at least max_request_size and "
         "max_response_size together\n"},
        {"{\"program_sets\": [], \"max_request_size\": \"1G\"}",
         "jumpbootd.conf:1:42: max_buffered must be at least max_request_size and "
         "max_response_size together\n"},
        {"{\"program_sets\": [], \"max_clients\": \"4\"}",
         "jumpbootd.conf:1:37: max_clients must be a whole number from 1 to 1000000, not the "
         "string "
         "\"4\"\n"},
        {"{\"program_sets\": [], \"defaults\": {\"listen\": \"/x\", \"nice\": 99}}",
         "jumpbootd.conf:1:35: \"listen\" does not stand here but in jumpbootd.conf\n"
         "jumpbootd.conf:1:59: nice must be a whole number from -20 to 19, not the number 99\n"},
        {"{\"program_sets\": [], \"programs\": {}}",
         "jumpbootd.conf:1:22: \"programs\" does not stand here but in a program set\n"},
        /* That there are no sets either is no news. */
        {"{\"program_set\": [\"programs.d/*.conf\"]}",
         "jumpbootd.conf:1:2: unknown option \"program_set\", did you mean \"program_sets\"?\n"},
};

START_TEST(test_wrong_server)
{
        ck_assert_int_eq(symlink("loop", folder_at("loop")), 0);
        folder_write("jumpbootd.conf", wrong_servers[_i].server);
        ck_assert_int_eq(load(), 1);
        ck_assert_str_eq(messages(), wrong_servers[_i].messages);
}
END_TEST

START_TEST(test_missing_config)
{
        remove(folder_at("jumpbootd.conf"));
        ck_assert_int_eq(load(), 1);
        ck_assert_str_eq(messages(), "jumpbootd.conf: cannot read this file: " GONE);
}
END_TEST

/* One wrong file does not hide what is wrong with the next; what is right twice is told once. */
START_TEST(test_all_errors_are_told)
{
        folder_write("jumpbootd.conf",
                     "{\"listne\": 1, \"program_sets\": [\"programs.d/*.conf\"]}");
        folder_write("programs.d/a.conf", "{");
        folder_write("programs.d/b.conf",
                     "{\"modules\": {\"m\": \"gone.py\"}, \"defaults\": {\"nice\": 99},"
                     " \"programs\": {\"x\": {\"main\": \"gone.py\", \"env\": []},"
                     " \"y\": {" MAIN ", \"umask\": 0}}}");
        ck_assert_int_eq(load(), 1);
        ck_assert_str_eq(messages(),
                         "jumpbootd.conf:1:2: unknown option \"listne\", did you mean \"listen\"?\n"
                         "programs.d/a.conf:1:1: not JSON: the '{' that stands here is not closed "
                         "with '}'\n"
                         "programs.d/b.conf:1:52: nice must be a whole number from -20 to 19, not "
                         "the number 99\n"
                         "programs.d/b.conf:1:102: env must be an object, { ... }, not an array\n"
                         "programs.d/b.conf:1:84: cannot read programs.d/gone.py: " GONE
                         "programs.d/b.conf:1:19: cannot read programs.d/gone.py: " GONE
                         "programs.d/b.conf:1:141: umask: an octal mode stands in quotes: "
                         "\"00\"\n");
}
END_TEST

START_TEST(test_one_name_in_two_sets)
{
        folder_write("programs.d/a.conf", "{\"programs\": {\"calc\": {" MAIN "}}}");
        folder_write("programs.d/b.conf", "{\"programs\": {\n\"calc\": {" MAIN "}}}");
        ck_assert_int_eq(load(), 1);
        ck_assert_str_eq(messages(), "programs.d/b.conf:2:1: two programs are called \"calc\"; the "
                                     "other is at programs.d/a.conf:1:15\n");
}
END_TEST

START_TEST(test_two_sets_of_one_name)
{
        folder_write("jumpbootd.conf", "{\"program_sets\": [\"x/a.conf\", \"y/a.conf\"]}");
        folder_write("x/a.conf", "{\"programs\": {\"a\": {\"main\": {\"source\": \"\"}}}}");
        folder_write("y/a.conf", "{\"programs\": {\"b\": {\"main\": {\"source\": \"\"}}}}");
        ck_assert_int_eq(load(), 1);
        ck_assert_str_eq(messages(),
                         "jumpbootd.conf:1:31: two program sets are called \"a\", after "
                         "their files: x/a.conf and y/a.conf\n");
}
END_TEST

/* There is room for so many messages; the others are counted, and the same is not told twice. */
START_TEST(test_many_errors)
{
        const struct config_place place = {.path = "x"};
        char *printed = NULL;
        size_t length;
        FILE *out;

        for (unsigned i = 0; i < CONFIG_ERRORS_MAX + 5; i++)
                config_errors_add(&errors, &place, "%u", i);
        config_errors_add(&errors, &place, "0");
        ck_assert_uint_eq(errors.n_messages, CONFIG_ERRORS_MAX);
        ck_assert_uint_eq(errors.n_errors, CONFIG_ERRORS_MAX + 5);
        ck_assert_uint_eq(errors.n_left_out, 5);
        out = open_memstream(&printed, &length);
        config_errors_print(&errors, out);
        fclose(out);
        ck_assert_ptr_nonnull(strstr(printed, "x: 99\nand 5 more like these\n"));
        free(printed);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("config_errors");
        TCase *tests = tcase_create("config_errors");

        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_loop_test(tests, test_wrong_set, 0, ARRAY_SIZE(wrong_sets));
        tcase_add_loop_test(tests, test_wrong_server, 0, ARRAY_SIZE(wrong_servers));
        tcase_add_test(tests, test_missing_config);
        tcase_add_test(tests, test_all_errors_are_told);
        tcase_add_test(tests, test_one_name_in_two_sets);
        tcase_add_test(tests, test_two_sets_of_one_name);
        tcase_add_test(tests, test_many_errors);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
