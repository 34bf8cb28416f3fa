/* SPDX-License-Identifier: MIT */
#include "daemon/config.h"

#include "daemon/config_dump.h"

#include "common/env_store.h"

#include <check.h>
#include <json-c/json_tokener.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "config_folder.h"
#include "suite.h"

#define MAIN "\"main\": \"calc.py\""

static const struct program_options *program(const char *name)
{
        for (size_t i = 0; i < config->n_programs; i++)
                if (strcmp(config->programs[i]->name, name) == 0)
                        return config->programs[i];
        ck_abort_msg("there is no program %s", name);
}

/* A member of the text that a program's workers get, as json-c writes it. */
static const char *text_member(const char *name, const char *member)
{
        static char value[1 << 20]; /* the jumpboot package is a part of it */
        const struct program_text *text = program(name)->text;
        _cleanup_free_ char *copy = strndup(text->data, text->length);
        struct json_object *root = json_tokener_parse(copy), *found;

        ck_assert_ptr_nonnull(root);
        ck_assert(json_object_object_get_ex(root, member, &found));
        snprintf(value, sizeof(value), "%s",
                 json_object_to_json_string_ext(found, JSON_C_TO_STRING_NOSLASHESCAPE));
        json_object_put(root);
        return value;
}

static const char *variable(const char *name, const char *wanted)
{
        for (char **at = program(name)->environment; *at; at++)
                if (strncmp(*at, wanted, strlen(wanted)) == 0 && (*at)[strlen(wanted)] == '=')
                        return *at + strlen(wanted) + 1;
        return NULL;
}

START_TEST(test_smallest)
{
        char path[PATH_MAX];

        write_set("{\"programs\": {\"calc\": {\"main\": \"calc.py\"}}}");
        load_right();
        ck_assert_uint_eq(config->n_programs, 1);
        ck_assert_str_eq(config->path, folder_at("jumpbootd.conf"));
        ck_assert_str_eq(program("calc")->program_set, "tools");
        ck_assert_str_eq(program("calc")->python, "/usr/bin/python3");
        ck_assert_ptr_null(program("calc")->arguments[0]);
        ck_assert_uint_eq(program("calc")->references, 1);
        ck_assert_str_eq(text_member("calc", "Name"), "\"calc\"");
        snprintf(path, sizeof(path), "\"%.60s/programs.d/calc.py\"", folder_root);
        ck_assert_str_eq(text_member("calc", "Path"), path);
        ck_assert_str_eq(text_member("calc", "MaxResponseSize"), "67108864");
}
END_TEST

START_TEST(test_default_number_of_workers)
{
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);

        write_set("{\"programs\": {\"a\": {\"main\": \"calc.py\"},"
                  " \"b\": {\"main\": \"calc.py\", \"min_workers\": 5000},"
                  " \"c\": {\"main\": \"calc.py\", \"spare_workers\": 6000}}}");
        load_right();
        ck_assert_int_eq(program("a")->max_workers, cpus);
        ck_assert_int_eq(program("b")->max_workers, 5000);
        ck_assert_int_eq(program("c")->max_workers, 6000);
}
END_TEST

/* The server's defaults, the set's, the program's own: the nearest wins, option by option. */
START_TEST(test_levels)
{
        folder_write("jumpbootd.conf",
                     "{\"defaults\": {\"max_workers\": 10, \"request_timeout\": \"1s\","
                     " \"max_queue_size\": 11, \"env\": {\"A\": \"server\", \"B\": \"server\","
                     " \"C\": \"server\"}}, \"program_sets\": [\"programs.d/tools.conf\"],"
                     " \"max_response_size\": \"1M\"}");
        write_set("{\"programs\": {"
                  " \"own\": {\"main\": \"calc.py\", \"max_workers\": 30, \"args\": [],"
                  "   \"env\": {\"C\": \"own\"}},"
                  " \"set\": {\"main\": \"calc.py\"}},"
                  " \"env\": {\"B\": \"set\", \"C\": \"set\"},"
                  " \"defaults\": {\"max_workers\": 20, \"request_timeout\": \"2s\","
                  "   \"args\": [\"-x\", \"é\"], \"env\": {\"B\": \"set's defaults\"}}}");
        load_right();
        ck_assert_uint_eq(program("own")->max_workers, 30);
        ck_assert_uint_eq(program("own")->request_timeout, 2000000);
        ck_assert_uint_eq(program("own")->max_queue_size, 11);
        ck_assert_ptr_null(program("own")->arguments[0]);
        ck_assert_uint_eq(program("set")->max_workers, 20);
        ck_assert_str_eq(program("set")->arguments[0], "-x");
        ck_assert_str_eq(program("set")->arguments[1], "é");
        ck_assert_ptr_null(program("set")->arguments[2]);
        ck_assert_str_eq(variable("own", "A"), "server");
        ck_assert_str_eq(variable("own", "B"), "set");
        ck_assert_str_eq(variable("own", "C"), "own");
        ck_assert_str_eq(variable("set", "C"), "set");
        ck_assert_str_eq(text_member("set", "MaxResponseSize"), "1048576");
}
END_TEST

/* What a set has, all of its programs have, unless they have their own of that name. */
START_TEST(test_parts_are_merged)
{
        write_set("{\"modules\": {\"colors\": \"lib/colors.py\", \"m\": {\"source\": \"\"}},"
                  " \"packages\": {\"tools\": {\"path\": \"lib/tools\", \"data\": [\"*.json\"]}},"
                  " \"key_values\": {\"quality\": 85, \"name\": \"set\"},"
                  " \"programs\": {\"a\": {\"main\": {\"path\": \"calc.py\"}},"
                  "  \"b\": {\"main\": {\"source\": \"x = 1\"},"
                  "    \"modules\": {\"tools\": {\"path\": \"lib/other.py\"}, \"n\": "
                  "{\"source\": \"\"}},"
                  "    \"key_values\": {\"name\": \"own\"}}}}");
        load_right();
        ck_assert_str_eq(text_member("a", "KVPairs"), "{\"name\":\"set\",\"quality\":85}");
        ck_assert_str_eq(text_member("b", "KVPairs"), "{\"name\":\"own\",\"quality\":85}");
        ck_assert_ptr_nonnull(strstr(text_member("a", "Packages"), "table.json"));
        ck_assert_ptr_null(strstr(text_member("a", "Modules"), "\"n\""));
        ck_assert_ptr_nonnull(strstr(text_member("a", "Packages"), "\"Name\":\"tools\""));
        ck_assert_ptr_null(strstr(text_member("b", "Packages"), "\"Name\":\"tools\""));
        ck_assert_ptr_nonnull(strstr(text_member("b", "Modules"), "lib/other.py"));
        ck_assert_ptr_nonnull(strstr(text_member("b", "Modules"), "\"n\""));
        ck_assert_str_eq(text_member("b", "Path"), "\"<b>\"");
}
END_TEST

/* It has one worker, and no limit of time counts, whatever stands beside it. */
START_TEST(test_debug_port)
{
        const struct program_options *debugged;

        folder_write("jumpbootd.conf", "{\"program_sets\": [\"programs.d/*.conf\"], "
                                       "\"allow_debug\": true, \"defaults\": {\"min_workers\": 4, "
                                       "\"max_requests\": 9, \"request_timeout\": \"1s\"}}");
        write_set("{\"programs\": {\"a\": {\"main\": \"calc.py\", \"max_workers\": 8},"
                  " \"b\": {\"main\": \"calc.py\", \"debug_port\": 5678, \"break_on_start\": true,"
                  " \"start_method\": \"forkserver\"}}}");
        load_right();
        debugged = program("b");
        ck_assert_uint_eq(debugged->min_workers, 1);
        ck_assert_uint_eq(debugged->max_workers, 1);
        ck_assert_uint_eq(debugged->max_requests, 0);
        ck_assert_uint_eq(debugged->request_timeout, 0);
        ck_assert_uint_eq(debugged->startup_timeout, 0);
        ck_assert_int_eq(debugged->start_method, START_SPAWN);
        ck_assert(debugged->uses_slot);
        ck_assert_str_eq(text_member("b", "DebugPort"), "5678");
        ck_assert_str_eq(text_member("b", "BreakOnStart"), "true");
        ck_assert_uint_eq(program("a")->min_workers, 4);
        ck_assert_ptr_null(strstr(program("a")->text->data, "DebugPort"));
}
END_TEST

/* Each program has areas of its own, wherever the option stands. */
START_TEST(test_extra_files)
{
        write_set("{\"defaults\": {\"extra_files\": [\"calc.py\", \"memfd:4K\"]}, \"programs\": {"
                  "\"a\": {\"main\": \"calc.py\"},"
                  "\"b\": {\"main\": \"calc.py\", \"start_method\": \"forkserver\"},"
                  "\"c\": {\"main\": \"calc.py\", \"extra_files\": []}}}");
        load_right();
        ck_assert_uint_eq(program("a")->extra_files->n, 2);
        ck_assert_str_eq(program("a")->extra_files->entries[0].path,
                         folder_at("programs.d/calc.py"));
        ck_assert_ptr_ne(program("a")->extra_files->entries[1].area,
                         program("b")->extra_files->entries[1].area);
        ck_assert_uint_eq(program("c")->extra_files->n, 0);
        ck_assert_ptr_null(strstr(program("a")->text->data, "ExtraFiles"));
        ck_assert_str_eq(text_member("b", "Control"), "12");
        ck_assert_ptr_nonnull(strstr(text_member("b", "ExtraFiles"), "calc.py\",\"Flags\":0,"));
        ck_assert_ptr_nonnull(strstr(text_member("b", "ExtraFiles"), "},null]"));
}
END_TEST

/* Python's numbers are longer than C's: values go through as they are written. */
START_TEST(test_key_values_are_not_changed)
{
        const struct program_text *text;

        write_set("{\"programs\": {\"a\": {\"main\": \"calc.py\", \"key_values\": {"
                  "\"big\": 123456789012345678901234567890, \"exact\": 1.10,"
                  " \"list\": [1, /* two */ 2,\n null]}}}}");
        load_right();
        text = program("a")->text;
        ck_assert_ptr_nonnull(
                memmem(text->data, text->length, "123456789012345678901234567890", 30));
        ck_assert_ptr_nonnull(strstr(text_member("a", "KVPairs"), "\"exact\":1.10"));
        ck_assert_ptr_nonnull(strstr(text_member("a", "KVPairs"), "\"list\":[1,2,null]"));
}
END_TEST

START_TEST(test_environment)
{
        folder_write("programs.d/venv/pyvenv.cfg", "");
        ck_assert_int_eq(mkdir(folder_at("programs.d/venv/bin"), 0755), 0);
        ck_assert_int_eq(symlink("/usr/bin/python3", folder_at("programs.d/venv/bin/python3")), 0);
        write_set("{\"environment\": {\"venv\": \"venv\"}, \"programs\": {"
                  "\"a\": {\"main\": \"calc.py\", \"env\": {\"TZ\": \"UTC\"}},"
                  "\"b\": {\"main\": \"calc.py\", \"clear_env\": false,"
                  "  \"environment\": {\"python\": \"/usr/bin/python3\"}}}}");
        ck_assert_int_eq(setenv("ONLY_THE_DAEMON", "1", 1), 0);
        load_right();
        ck_assert_str_eq(program("a")->python, folder_at("programs.d/venv/bin/python3"));
        ck_assert_str_eq(variable("a", "VIRTUAL_ENV"), folder_at("programs.d/venv"));
        ck_assert_str_eq(variable("a", "TZ"), "UTC");
        ck_assert_ptr_null(variable("a", "ONLY_THE_DAEMON"));
        ck_assert_str_eq(program("b")->python, "/usr/bin/python3");
        ck_assert_ptr_null(variable("b", "VIRTUAL_ENV"));
        ck_assert_str_eq(variable("b", "ONLY_THE_DAEMON"), "1");
}
END_TEST

START_TEST(test_named_environment)
{
        folder_write("jumpbootd.conf", "{\"program_sets\": [\"programs.d/*.conf\"], "
                                       "\"state_directory\": \"state\"}");
        folder_write("state/envs/web/pyvenv.cfg", "");
        folder_write("state/envs/web/" ENV_STORE_MARKER, "{}");
        ck_assert_int_eq(mkdir(folder_at("state/envs/web/bin"), 0755), 0);
        ck_assert_int_eq(symlink("/usr/bin/python3", folder_at("state/envs/web/bin/python3")), 0);
        write_set("{\"environment\": {\"env\": \"web\"}, \"programs\": {"
                  "\"a\": {\"main\": \"calc.py\"}}}");
        load_right();
        ck_assert_str_eq(program("a")->python, folder_at("state/envs/web/bin/python3"));
        ck_assert_str_eq(variable("a", "VIRTUAL_ENV"), folder_at("state/envs/web"));
}
END_TEST

/* systemd's is that of the workers' user. */
START_TEST(test_state_directory)
{
        write_set("{\"programs\": {\"a\": {\"main\": \"calc.py\"}}}");
        ck_assert_int_eq(setenv("STATE_DIRECTORY", "/srv/programs", 1), 0);
        load_right();
        ck_assert_str_eq(config->server.state_directory, "/var/lib/jumpbootd");
        folder_write("jumpbootd.conf", "{\"program_sets\": [\"programs.d/*.conf\"], "
                                       "\"state_directory\": \"state\"}");
        load_right();
        ck_assert_str_eq(config->server.state_directory, folder_at("state"));
}
END_TEST

/* What names the slot is not in what all processes share, whoever else set it. */
START_TEST(test_slot_variables)
{
        write_set("{\"env\": {\"A\": \"set\", \"B\": \"$${slot}\"}, \"programs\": {"
                  "\"a\": {\"main\": \"calc.py\", \"clear_env\": false,"
                  "  \"env\": {\"A\": \"$${x}${slot}\", \"ONLY_THE_DAEMON\": \"${slot}\"}},"
                  "\"b\": {\"main\": \"calc.py\"}}}");
        ck_assert_int_eq(setenv("ONLY_THE_DAEMON", "1", 1), 0);
        ck_assert_int_eq(setenv("JUMPBOOT_WORKER", "1.1", 1), 0);
        load_right();
        ck_assert(program("a")->uses_slot);
        ck_assert_ptr_null(variable("a", "A"));
        ck_assert_ptr_null(variable("a", "ONLY_THE_DAEMON"));
        ck_assert_ptr_null(variable("a", "JUMPBOOT_WORKER"));
        ck_assert_str_eq(variable("a", "B"), "${slot}");
        ck_assert_str_eq(program("a")->slot_variables[0], "A=$${x}${slot}");
        ck_assert_str_eq(program("a")->slot_variables[1], "ONLY_THE_DAEMON=${slot}");
        ck_assert_ptr_null(program("a")->slot_variables[2]);
        ck_assert(!program("b")->uses_slot);
        ck_assert_str_eq(variable("b", "A"), "set");
        ck_assert_ptr_null(program("b")->slot_variables[0]);
}
END_TEST

START_TEST(test_options_of_processes)
{
        write_set("{\"programs\": {\"a\": {\"main\": \"calc.py\", \"umask\": \"027\", \"nice\": 5,"
                  " \"working_directory\": \"work\"}}}");
        load_right();
        ck_assert_int_eq(program("a")->umask, 027);
        ck_assert_int_eq(program("a")->nice, 5);
        ck_assert_str_eq(program("a")->working_directory, folder_at("programs.d/work"));
}
END_TEST

/* The pattern's own folder may have a name that looks like a pattern. */
START_TEST(test_program_sets)
{
        folder_write("[x]*/jumpbootd.conf",
                     "{\"program_sets\": [\"?.conf\", \"b.conf\", \"../other\"]}");
        folder_write("[x]*/b.conf", "{\"programs\": {\"b\": {\"main\": {\"source\": \"\"}}}}");
        folder_write("[x]*/a.conf", "{\"programs\": {\"a\": {\"main\": {\"source\": \"\"}}}}");
        folder_write("x/c.conf", "this is none of them");
        folder_write("other", "{\"programs\": {\"c\": {\"main\": {\"source\": \"\"}}}}");
        ck_assert_int_eq(config_load(folder_at("[x]*/jumpbootd.conf"), &errors, &config), 0);
        ck_assert_uint_eq(errors.n_errors, 0);
        ck_assert_uint_eq(config->n_programs, 3);
        ck_assert_str_eq(config->programs[0]->program_set, "a");
        ck_assert_str_eq(config->programs[1]->program_set, "b");
        ck_assert_str_eq(config->programs[2]->program_set, "other");
}
END_TEST

/* Suspicious, but no reason not to start. */
START_TEST(test_warnings)
{
        folder_write("jumpbootd.conf", "{\"program_sets\": [\"no/*.conf\", \"*.nothing\"]}");
        ck_assert_int_eq(load(), 0);
        ck_assert_str_eq(messages(), "jumpbootd.conf:1:19: no file matches \"no/*.conf\"\n"
                                     "jumpbootd.conf:1:32: no file matches \"*.nothing\"\n");
        ck_assert(errors.messages[0].is_warning);
        ck_assert_uint_eq(config->n_programs, 0);
        folder_write("jumpbootd.conf", "{}");
        ck_assert_int_eq(load(), 0);
        ck_assert_str_eq(messages(),
                         "jumpbootd.conf:1:1: there is nothing to call: "
                         "\"program_sets\" would name the files that define programs\n");
}
END_TEST

static const char everything[] =
        "{ // all that there is\n"
        "  \"environment\": {\"python\": \"/usr/bin/python3\"},\n"
        "  \"modules\": {\"colors\": \"lib/colors.py\"},\n"
        "  \"packages\": {\"tools\": {\"path\": \"lib/tools\", \"data\": [\"*.json\"]}},\n"
        "  \"key_values\": {\"quality\": 85, \"list\": [1.50, null, {\"é\": \"\\u00e9\"}]},\n"
        "  \"env\": {\"TZ\": \"UTC\", \"GPU\": \"${slot} $${slot}\"},\n"
        "  \"defaults\": {\"request_timeout\": \"10s\", \"idle_timeout\": 0},\n"
        "  \"programs\": {\n"
        "    \"a\": {\"main\": \"calc.py\", \"min_workers\": 2, \"max_workers\": 8,\n"
        "      \"args\": [\"-x\", \"\"], \"umask\": \"027\", \"nice\": 5, \"clear_env\": false,\n"
        "      \"working_directory\": \"work\"},\n"
        "    \"b\": {\"main\": {\"source\": \"x = '\\\\n'\\n\"}, \"key_values\": {\"n\": null},\n"
        "      \"modules\": {\"m\": {\"source\": \"\"}}, \"packages\": {\"p\": \"lib/tools\"}}\n"
        "  }\n"
        "}\n";

/* Writes one member of a dump to a file. */
static void write_json(const char *name, struct json_object *value)
{
        folder_write(name, json_object_to_json_string_ext(value, JSON_C_TO_STRING_PRETTY));
}

/* A dump, taken apart into files, is a config that says the same. */
START_TEST(test_dump_loads_again)
{
        _cleanup_free_ char *first = NULL, *second = NULL;
        struct json_object *dump, *server, *sets, *set, *paths;

        write_set(everything);
        load_right();
        ck_assert_int_eq(config_dump(config, &first), 0);
        dump = json_tokener_parse(first);
        ck_assert(json_object_object_get_ex(dump, "server", &server));
        ck_assert(json_object_object_get_ex(server, "program_sets", &paths));
        ck_assert_str_eq(json_object_get_string(json_object_array_get_idx(paths, 0)),
                         folder_at("programs.d/tools.conf"));
        ck_assert(json_object_object_get_ex(dump, "program_sets", &sets));
        ck_assert(json_object_object_get_ex(sets, folder_at("programs.d/tools.conf"), &set));
        write_json("jumpbootd.conf", server);
        write_json("programs.d/tools.conf", set);
        json_object_put(dump);
        load_right();
        ck_assert_int_eq(config_dump(config, &second), 0);
        ck_assert_str_eq(first, second);
}
END_TEST

START_TEST(test_dump_has_the_defaults)
{
        _cleanup_free_ char *dump = NULL;

        write_set("{\"programs\": {\"calc\": {" MAIN "}}}");
        load_right();
        ck_assert_int_eq(config_dump(config, &dump), 0);
        ck_assert_ptr_nonnull(strstr(dump, "\"max_queue_size\": 1000"));
        ck_assert_ptr_nonnull(strstr(dump, "\"request_timeout\": \"30s\""));
        ck_assert_ptr_nonnull(strstr(dump, "\"python\": \"/usr/bin/python3\""));
        ck_assert_ptr_nonnull(strstr(dump, "\"listen\": \"/run/jumpbootd/jumpbootd.sock\""));
        ck_assert_ptr_nonnull(strstr(dump, folder_at("programs.d/calc.py")));
        ck_assert_ptr_null(strstr(dump, "umask"));
}
END_TEST

START_TEST(test_programs_live_without_their_config)
{
        struct program_options *options;

        write_set(everything);
        load_right();
        config_drop_sources(config);
        options = program_options_ref(config->programs[0]);
        config = config_free(config);
        ck_assert_str_eq(options->name, "a");
        ck_assert_str_eq(options->arguments[0], "-x");
        program_options_unref(options);
}
END_TEST

typedef int command_fn(const char *path, FILE *out, FILE *err);

static int run(command_fn *command, char **ret_out, char **ret_err)
{
        size_t out_length, err_length;
        FILE *out = open_memstream(ret_out, &out_length);
        FILE *err = open_memstream(ret_err, &err_length);
        int status = command(folder_at("jumpbootd.conf"), out, err);

        fclose(out);
        fclose(err);
        return status;
}

START_TEST(test_check_command)
{
        char *out, *err;

        write_set(everything);
        ck_assert_int_eq(run(config_check_command, &out, &err), EX_OK);
        ck_assert_str_eq(out + strlen(folder_root), "/jumpbootd.conf is right: 2 programs in 1 "
                                                    "program set\n");
        ck_assert(!*err || is_about_the_tester(err));
        free(out);
        free(err);
        write_set("{\"programs\": {}}");
        ck_assert_int_eq(run(config_check_command, &out, &err), EX_CONFIG);
        ck_assert_str_eq(out, "");
        ck_assert_ptr_nonnull(strstr(err, "tools.conf:1:14: this program set has no program"));
        free(out);
        free(err);
}
END_TEST

START_TEST(test_dump_command)
{
        struct json_object *dump;
        char *out, *err;

        write_set(everything);
        ck_assert_int_eq(run(config_dump_command, &out, &err), EX_OK);
        dump = json_tokener_parse(out);
        ck_assert_ptr_nonnull(dump);
        json_object_put(dump);
        free(out);
        free(err);
        write_set("{");
        ck_assert_int_eq(run(config_dump_command, &out, &err), EX_CONFIG);
        ck_assert_str_eq(out, "");
        free(out);
        free(err);
}
END_TEST

/* Takes a piece out, doubles one, puts another byte or a token in: what slips of the hand do. */
static void mutate(char *text, size_t room)
{
        static const char *const tokens[] = {"{",     "}",    "[",  "]",      ",",       ":",
                                             "\"",    "//",   "/*", "*/",     "null",    "true",
                                             "1e999", "-",    "0",  "\\",     "\\u0000", "\n",
                                             "\xff",  "\"\"", "{}", "\"x\":", "\"30s\"", "é"};
        size_t length = strlen(text), at = (size_t)random() % length;
        size_t piece = 1 + (size_t)random() % 8;
        const char *token = tokens[(size_t)random() % ARRAY_SIZE(tokens)];

        if (piece > length - at)
                piece = length - at;
        switch (random() % 4) {
        case 0:
                memmove(text + at, text + at + piece, length - at - piece + 1);
                break;
        case 1:
                text[at] = (char)(1 + random() % 255);
                break;
        case 2:
                if (length + piece < room)
                        memmove(text + at + piece, text + at, length - at + 1);
                break;
        default:
                if (length + strlen(token) >= room)
                        break;
                memmove(text + at + strlen(token), text + at, length - at + 1);
                memcpy(text + at, token, strlen(token));
        }
}

/* Whatever becomes of a config, it is loaded or it is refused with a reason; what is loaded can be
 * printed. Memory errors are for the sanitizers to find. */
START_TEST(test_mutations)
{
        const char *given = getenv("TEST_SEED");
        unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
        char text[2 * sizeof(everything)];

        printf("test_mutations: TEST_SEED=%u\n", seed);
        fflush(stdout);
        srandom(seed);
        for (int i = 0; i < 3000; i++) {
                _cleanup_free_ char *dump = NULL;
                int r;

                strcpy(text, everything);
                for (long n = 1 + random() % 3; n > 0 && *text; n--)
                        mutate(text, sizeof(text));
                write_set(text);
                r = load();
                ck_assert_msg((r == 0 && errors.n_errors == 0) || (r == 1 && errors.n_errors > 0),
                              "%d with %zu errors: %s", r, errors.n_errors, text);
                if (r == 0)
                        ck_assert_int_eq(config_dump(config, &dump), 0);
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("config");
        TCase *tests = tcase_create("config");

        tcase_set_timeout(tests, 60);
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, test_smallest);
        tcase_add_test(tests, test_default_number_of_workers);
        tcase_add_test(tests, test_levels);
        tcase_add_test(tests, test_parts_are_merged);
        tcase_add_test(tests, test_debug_port);
        tcase_add_test(tests, test_extra_files);
        tcase_add_test(tests, test_key_values_are_not_changed);
        tcase_add_test(tests, test_environment);
        tcase_add_test(tests, test_named_environment);
        tcase_add_test(tests, test_state_directory);
        tcase_add_test(tests, test_slot_variables);
        tcase_add_test(tests, test_options_of_processes);
        tcase_add_test(tests, test_program_sets);
        tcase_add_test(tests, test_warnings);
        tcase_add_test(tests, test_dump_loads_again);
        tcase_add_test(tests, test_dump_has_the_defaults);
        tcase_add_test(tests, test_programs_live_without_their_config);
        tcase_add_test(tests, test_check_command);
        tcase_add_test(tests, test_dump_command);
        tcase_add_test(tests, test_mutations);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
