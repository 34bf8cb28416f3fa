/* SPDX-License-Identifier: MIT */
/*
 * The table of options: each is set from JSON as it stands in a file, and given back as JSON.
 */
#include "daemon/options.h"

#include "common/log.h"
#include "daemon/json_reader.h"
#include "daemon/section.h"

#include <check.h>
#include <string.h>

#include "folder.h"
#include "suite.h"

static struct config_errors errors;
static struct json_document *document;
static struct server_options server;
static struct program_options program;

static void setup(void)
{
        folder_make();
        ck_assert_int_eq(options_set_defaults(&server_option_table, &server), 0);
        ck_assert_int_eq(options_set_defaults(&program_option_table, &program), 0);
}

static void teardown(void)
{
        options_clear(&server_option_table, &server);
        options_clear(&program_option_table, &program);
        document = json_document_free(document);
        config_errors_clear(&errors);
        folder_remove();
}

/* Sets one option to a JSON text that stands in a file of the test's folder. */
static int set(const struct option_table *table, void *object, const char *name, const char *json)
{
        const struct option *option = option_find(table, name);
        struct json_node root;
        int r;

        ck_assert_msg(option, "there is no option %s", name);
        document = json_document_free(document);
        config_errors_clear(&errors);
        ck_assert_int_eq(
                json_read_text(folder_at("x.conf"), json, strlen(json), &errors, &document), 0);
        root = json_document_root(document);
        r = option_set(option, object, &root, &errors);
        ck_assert_uint_eq(errors.n_errors, r == 0 ? 0 : 1);
        return r;
}

/* What stands in the message behind the place. */
static const char *set_wrong(const struct option_table *table, void *object, const char *name,
                             const char *json)
{
        ck_assert_msg(set(table, object, name, json) == 1, "%s must not be %s", name, json);
        return errors.messages[0].text + strlen(folder_at("x.conf:1:1: "));
}

static void check_json(const struct option_table *table, const void *object, const char *name,
                       const char *expected)
{
        struct json_object *json = json_object_new_object(), *value;

        ck_assert_int_eq(options_to_json(table, object, json), 0);
        if (!expected) {
                ck_assert(!json_object_object_get_ex(json, name, NULL));
        } else {
                ck_assert(json_object_object_get_ex(json, name, &value));
                ck_assert_str_eq(
                        json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE),
                        expected);
        }
        json_object_put(json);
}

static void check_defaults(void)
{
        ck_assert_str_eq(server.listen, "/run/jumpbootd/jumpbootd.sock");
        ck_assert_int_eq(server.listen_mode, 0660);
        ck_assert_ptr_null(server.listen_group);
        ck_assert_int_eq(server.log_level, LOG_INFO);
        ck_assert_uint_eq(server.max_clients, 4096);
        ck_assert_uint_eq(server.max_client_requests, 64);
        ck_assert_uint_eq(server.max_request_size, 16U << 20);
        ck_assert_uint_eq(server.max_response_size, 64U << 20);
        ck_assert_uint_eq(server.max_buffered, 1U << 30);
        ck_assert_uint_eq(server.shutdown_timeout, 30000000);
        ck_assert_uint_eq(program.min_workers, 1);
        ck_assert_uint_eq(program.spare_workers, 0);
        ck_assert_int_eq(program.start_method, START_SPAWN);
        ck_assert_uint_eq(program.max_starting, 4);
        ck_assert_int_eq(program.on_disconnect, ON_DISCONNECT_FINISH);
        ck_assert_uint_eq(program.startup_timeout, 30000000);
        ck_assert_uint_eq(program.idle_timeout, 60000000);
        ck_assert_uint_eq(program.request_timeout, 30000000);
        ck_assert_uint_eq(program.terminate_timeout, 5000000);
        ck_assert_uint_eq(program.max_queue_size, 1000);
        ck_assert_uint_eq(program.restart_threshold, 5);
        ck_assert_uint_eq(program.restart_interval, 60000000);
        ck_assert_ptr_null(program.user);
        ck_assert_ptr_null(program.group);
        for (int resource = 0; resource < RLIM_NLIMITS; resource++)
                ck_assert(!program.limits.is_set[resource]);
        ck_assert_ptr_null(server.admin_users);
        ck_assert_ptr_null(server.admin_groups);
        ck_assert_ptr_null(program.allow_users);
        ck_assert_ptr_null(program.allow_groups);
        ck_assert_ptr_null(program.working_directory);
        ck_assert_int_eq(program.umask, -1);
        ck_assert_int_eq(program.nice, 0);
        ck_assert(program.clear_env);
}

START_TEST(test_defaults)
{
        check_defaults();
}
END_TEST

/* Whatever the table says of an option must itself be a value that the option takes. */
START_TEST(test_table_is_consistent)
{
        const struct option_table *tables[] = {&server_option_table, &program_option_table};
        void *objects[] = {&server, &program};

        for (size_t t = 0; t < 2; t++)
                for (size_t i = 0; i < tables[t]->n; i++) {
                        const struct option *option = &tables[t]->options[i];
                        const char *texts[] = {option->fallback, option->minimum, option->maximum};
                        ck_assert_ptr_eq(option_find(tables[t], option->name), option);
                        for (size_t j = 0; j < ARRAY_SIZE(texts); j++)
                                if (strcmp(texts[j], "null") != 0)
                                        ck_assert_int_eq(
                                                set(tables[t], objects[t], option->name, texts[j]),
                                                0);
                }
}
END_TEST

static const struct {
        bool of_server;
        const char *name, *json, *expected; /* NULL: the same */
} right[] = {
        {true, "listen", "\"/run/x.sock\"", NULL},
        {true, "listen_mode", "\"0666\"", NULL},
        {true, "listen_mode", "\"600\"", "\"0600\""},
        {true, "listen_mode", "\"0\"", "\"0000\""},
        {true, "listen_group", "\"root\"", NULL},
        {true, "log_level", "\"debug\"", NULL},
        {true, "max_clients", "1", NULL},
        {true, "max_clients", "1000000", NULL},
        {true, "max_request_size", "\"1G\"", NULL},
        {true, "max_request_size", "\"1024K\"", "\"1M\""},
        {true, "shutdown_timeout", "\"90s\"", NULL},
        {true, "shutdown_timeout", "0", "\"0\""},
        {true, "shutdown_timeout", "\"0\"", NULL},
        {false, "min_workers", "0", NULL},
        {false, "max_workers", "65536", NULL},
        {false, "request_timeout", "\"250ms\"", NULL},
        {false, "request_timeout", "\"0.5s\"", "\"500ms\""},
        {false, "working_directory", "\"/\"", NULL},
        {false, "working_directory", "\"/usr/../etc/./\"", "\"/etc\""},
        {false, "umask", "\"027\"", "\"0027\""},
        {false, "nice", "-20", NULL},
        {false, "nice", "19", NULL},
        {false, "sched_batch", "true", NULL},
        {false, "cpu_affinity", "\"spread\"", NULL},
        {false, "clear_env", "false", NULL},
        {false, "start_method", "\"spawn\"", NULL},
        {false, "user", "\"root\"", NULL},
        {false, "user", "\"54321\"", NULL},
        {false, "group", "\"54321\"", NULL},
        {false, "limits", "{\"nofile\":1024}", NULL},
        {false, "limits", "{\"nofile\":{\"soft\":0,\"hard\":1024}}", NULL},
        {false, "limits", "{\"as\":\"2G\"}", NULL},
        {false, "limits", "{\"core\":0,\"cpu\":\"90s\"}", "{\"cpu\":\"90s\",\"core\":\"0\"}"},
        {false, "limits", "{\"cpu\":{\"soft\":\"1m\",\"hard\":\"infinity\"}}", NULL},
        {false, "limits", "{\"rttime\":\"1500us\"}", NULL},
        {false, "limits", "{\"data\":\"infinity\"}", NULL},
        {true, "listen_group", "\"54321\"", NULL},
        {true, "admin_users", "[\"root\",\"54321\",\"0\"]", NULL},
        {true, "admin_groups", "[\"54321\"]", NULL},
        {false, "allow_users", "[\"root\"]", NULL},
        {false, "allow_groups", "[\"54321\",\"root\"]", NULL},
        {false, "start_method", "\"forkserver\"", NULL},
        {false, "on_disconnect", "\"finish\"", NULL},
        {false, "on_disconnect", "\"interrupt\"", NULL},
};

START_TEST(test_right)
{
        const struct option_table *table =
                right[_i].of_server ? &server_option_table : &program_option_table;
        void *object = right[_i].of_server ? (void *)&server : (void *)&program;

        ck_assert_int_eq(set(table, object, right[_i].name, right[_i].json), 0);
        check_json(table, object, right[_i].name,
                   right[_i].expected ? right[_i].expected : right[_i].json);
}
END_TEST

#define DURATION "must be a duration with its unit, like \"250ms\", \"30s\" or \"5m\", "
#define OR       " or \"infinity\", or two of them as {\"soft\": ..., \"hard\": ...}, "
#define SIZE     "must be a size with its unit, like \"64K\" or \"16M\", "

static const struct {
        bool of_server;
        const char *name, *json, *message;
} wrong[] = {
        {true, "listen", "\"\"", "listen must be the path of a socket, not the string \"\""},
        {true, "listen", "5", "listen must be the path of a socket, not the number 5"},
        {true, "listen_mode", "660", "listen_mode: an octal mode stands in quotes: \"0660\""},
        {true, "listen_mode", "\"0888\"",
         "listen_mode must be an octal mode in quotes, like \"0660\", from \"0\" to \"0777\", not "
         "the string \"0888\""},
        {true, "listen_mode", "\"1777\"",
         "listen_mode must be an octal mode in quotes, like \"0660\", from \"0\" to \"0777\", not "
         "the string \"1777\""},
        {true, "listen_mode", "null",
         "listen_mode must be an octal mode in quotes, like \"0660\", from \"0\" to \"0777\", not "
         "null"},
        {true, "listen_group", "\"no such group\"",
         "listen_group: this system has no group \"no such group\""},
        {true, "listen_group", "0",
         "listen_group must be the name of a group, or its number in quotes, not the number 0"},
        {true, "log_level", "\"loud\"",
         "log_level must be one of " LOG_LEVELS ", not the string \"loud\""},
        {true, "log_level", "7", "log_level must be one of " LOG_LEVELS ", not the number 7"},
        {true, "max_clients", "\"4\"",
         "max_clients must be a whole number from 1 to 1000000, not the string \"4\""},
        {true, "max_clients", "0",
         "max_clients must be a whole number from 1 to 1000000, not the number 0"},
        {true, "max_clients", "-1",
         "max_clients must be a whole number from 1 to 1000000, not the number -1"},
        {true, "max_clients", "4.0",
         "max_clients must be a whole number from 1 to 1000000, not the number 4.0"},
        {true, "max_clients", "18446744073709551615",
         "max_clients must be a whole number from 1 to 1000000, not the number "
         "18446744073709551615"},
        {true, "max_clients", "[4]",
         "max_clients must be a whole number from 1 to 1000000, not an array"},
        {true, "max_request_size", "16", "max_request_size: a size needs a unit: \"16M\""},
        {true, "max_request_size", "\"16\"", "max_request_size: a size needs a unit: \"16M\""},
        {true, "max_request_size", "\"16MB\"",
         "max_request_size " SIZE "from \"1K\" to \"1G\", not the string \"16MB\""},
        {true, "max_request_size", "\"2G\"",
         "max_request_size " SIZE "from \"1K\" to \"1G\", not the string \"2G\""},
        {true, "max_request_size", "0",
         "max_request_size " SIZE "from \"1K\" to \"1G\", not the number 0"},
        {true, "max_request_size", "true",
         "max_request_size " SIZE "from \"1K\" to \"1G\", not true"},
        {false, "request_timeout", "30", "request_timeout: a duration needs a unit: \"30s\""},
        {false, "request_timeout", "1.5", "request_timeout: a duration needs a unit: \"1.5s\""},
        {false, "request_timeout", "\"30\"", "request_timeout: a duration needs a unit: \"30s\""},
        {false, "request_timeout", "-1",
         "request_timeout " DURATION "from \"0\" to \"365d\", not the number -1"},
        {false, "request_timeout", "\"366d\"",
         "request_timeout " DURATION "from \"0\" to \"365d\", not the string \"366d\""},
        {false, "request_timeout", "\"99999999999999d\"",
         "request_timeout " DURATION "from \"0\" to \"365d\", not the string \"99999999999999d\""},
        {false, "request_timeout", "\"soon\"",
         "request_timeout " DURATION "from \"0\" to \"365d\", not the string \"soon\""},
        {false, "terminate_timeout", "0",
         "terminate_timeout " DURATION "from \"1ms\" to \"365d\", not the number 0"},
        {false, "nice", "20", "nice must be a whole number from -20 to 19, not the number 20"},
        {false, "nice", "-21", "nice must be a whole number from -20 to 19, not the number -21"},
        {false, "clear_env", "\"true\"",
         "clear_env must be true or false, not the string \"true\""},
        {false, "cpu_affinity", "\"all\"",
         "cpu_affinity must be \"spread\", or CPUs as in \"0-3,8\", not the string \"all\""},
        {false, "cpu_affinity", "0",
         "cpu_affinity must be \"spread\", or CPUs as in \"0-3,8\", not the number 0"},
        {false, "clear_env", "1", "clear_env must be true or false, not the number 1"},
        {true, "admin_users", "\"root\"",
         "admin_users must be an array of users, not the string \"root\""},
        {true, "admin_groups", "{}", "admin_groups must be an array of groups, not an object"},
        {false, "allow_users", "[\"root\", 1000]",
         "allow_users: each is a name, or a number in quotes: \"1000\""},
        {false, "allow_users", "[\"root\", \"no such user\"]",
         "allow_users: this system has no user \"no such user\""},
        {false, "allow_groups", "[\"no such group\", \"root\"]",
         "allow_groups: this system has no group \"no such group\""},
        {false, "allow_groups", "[\"4294967295\"]",
         "allow_groups: this system has no group \"4294967295\""},
        {false, "user", "1000",
         "user must be the name of a user, or its number in quotes, not the number 1000"},
        {false, "user", "\"no such user\"", "user: this system has no user \"no such user\""},
        {false, "group", "\"\"",
         "group must be the name of a group, or its number in quotes, not the string \"\""},
        {false, "limits", "1024",
         "limits must be an object of limits, like {\"nofile\": 1024, \"as\": \"2G\"}, not the "
         "number 1024"},
        {false, "limits", "{\"nofile\": 1024, \"RLIMIT_AS\": \"1G\"}",
         "limits: there is no limit \"RLIMIT_AS\"; there are as, core, cpu, data, fsize, locks, "
         "memlock, msgqueue, nice, nofile, nproc, rss, rtprio, rttime, sigpending and stack: see "
         "setrlimit(2)"},
        {false, "limits", "{\"nofile\": \"1024\"}",
         "limits: nofile must be a whole number" OR "not \"1024\""},
        {false, "limits", "{\"nofile\": -1}", "limits: nofile must be a whole number" OR "not -1"},
        {false, "limits", "{\"nofile\": null}",
         "limits: nofile must be a whole number" OR "not null"},
        {false, "limits", "{\"as\": 1000000}",
         "limits: as must be a size with its unit, like \"512M\"," OR "not 1000000"},
        {false, "limits", "{\"as\": true}",
         "limits: as must be a size with its unit, like \"512M\"," OR "not true"},
        {false, "limits", "{\"cpu\": \"500ms\"}",
         "limits: cpu must be a duration of whole seconds, like \"10s\"," OR "not \"500ms\""},
        {false, "limits", "{\"cpu\": 0}",
         "limits: cpu must be a duration of whole seconds, like \"10s\"," OR "not 0"},
        {false, "limits", "{\"rttime\": \"soon\"}",
         "limits: rttime must be a duration with its unit, like \"50ms\"," OR "not \"soon\""},
        {false, "limits", "{\"nproc\": {\"soft\": 1}}",
         "limits: nproc must be a whole number" OR "not {\"soft\":1}"},
        {false, "limits", "{\"nproc\": {\"soft\": 2, \"hard\": 1}}",
         "limits: nproc: the soft limit is above the hard one"},
        {false, "start_method", "\"Spawn\"",
         "start_method must be \"spawn\" or \"forkserver\", not the string \"Spawn\""},
        {false, "start_method", "\"\"",
         "start_method must be \"spawn\" or \"forkserver\", not the string \"\""},
        {false, "start_method", "1",
         "start_method must be \"spawn\" or \"forkserver\", not the number 1"},
        {false, "on_disconnect", "\"cancel\"",
         "on_disconnect must be \"finish\" or \"interrupt\", not the string \"cancel\""},
        {false, "on_disconnect", "false",
         "on_disconnect must be \"finish\" or \"interrupt\", not false"},
        {false, "working_directory", "\"/no/such\"",
         "working_directory: cannot use /no/such: No such file or directory"},
        {false, "working_directory", "\"/etc/passwd\"",
         "working_directory: cannot use /etc/passwd: Not a directory"},
        {false, "working_directory", "{}",
         "working_directory must be the path of a folder, not an object"},
};

/* A wrong value is told and changes nothing. */
START_TEST(test_wrong)
{
        const struct option_table *table =
                wrong[_i].of_server ? &server_option_table : &program_option_table;
        void *object = wrong[_i].of_server ? (void *)&server : (void *)&program;

        ck_assert_str_eq(set_wrong(table, object, wrong[_i].name, wrong[_i].json),
                         wrong[_i].message);
        check_defaults();
}
END_TEST

START_TEST(test_paths_start_from_the_file)
{
        folder_write("work/x", "");
        ck_assert_int_eq(set(&program_option_table, &program, "working_directory", "\"work\""), 0);
        ck_assert_str_eq(program.working_directory, folder_at("work"));
        ck_assert_int_eq(set(&server_option_table, &server, "listen", "\"a/../x.sock\""), 0);
        ck_assert_str_eq(server.listen, folder_at("x.sock"));
}
END_TEST

/* The address of a UNIX socket has room for 107 bytes. */
START_TEST(test_length_of_a_socket_path)
{
        char json[256] = "\"/", *end = json + 2;

        memset(end, 'x', 106);
        strcpy(end + 106, "\"");
        ck_assert_int_eq(set(&server_option_table, &server, "listen", json), 0);
        ck_assert_uint_eq(strlen(server.listen), 107);
        strcpy(end + 106, "y\"");
        ck_assert_ptr_nonnull(strstr(set_wrong(&server_option_table, &server, "listen", json),
                                     "the path of a socket has 107 bytes at most"));
}
END_TEST

START_TEST(test_copy)
{
        struct program_options copy = {0};

        ck_assert_int_eq(set(&program_option_table, &program, "working_directory", "\"/etc\""), 0);
        ck_assert_int_eq(set(&program_option_table, &program, "nice", "5"), 0);
        ck_assert_int_eq(set(&program_option_table, &program, "allow_users", "[\"54321\", \"0\"]"),
                         0);
        ck_assert_int_eq(options_copy(&program_option_table, &copy, &program), 0);
        ck_assert_str_eq(copy.working_directory, "/etc");
        ck_assert_ptr_ne(copy.working_directory, program.working_directory);
        ck_assert_ptr_eq(copy.allow_users, program.allow_users);
        ck_assert_uint_eq(copy.allow_users->references, 2);
        ck_assert(id_list_has(copy.allow_users, 54321));
        ck_assert_ptr_null(copy.allow_groups);
        ck_assert_int_eq(copy.nice, 5);
        ck_assert_int_eq(copy.umask, -1);
        options_clear(&program_option_table, &copy);
        ck_assert_ptr_null(copy.working_directory);
        ck_assert_ptr_null(copy.allow_users);
        ck_assert_uint_eq(program.allow_users->references, 1);
}
END_TEST

START_TEST(test_unset_options_are_left_out)
{
        check_json(&server_option_table, &server, "listen_group", NULL);
        check_json(&program_option_table, &program, "umask", NULL);
        check_json(&program_option_table, &program, "limits", NULL);
        check_json(&program_option_table, &program, "working_directory", NULL);
        check_json(&program_option_table, &program, "max_queue_size", "1000");
}
END_TEST

/* Limits come together from all levels, one by one. */
START_TEST(test_limits)
{
        const struct rlimit *at = program.limits.at;

        ck_assert_int_eq(set(&program_option_table, &program, "limits",
                             "{\"nofile\": 64, \"cpu\": \"2m\", \"core\": \"1K\"}"),
                         0);
        ck_assert_int_eq(set(&program_option_table, &program, "limits",
                             "{\"as\": {\"soft\": \"1G\", \"hard\": \"infinity\"}, \"core\": 0}"),
                         0);
        ck_assert_uint_eq(at[RLIMIT_NOFILE].rlim_cur, 64);
        ck_assert_uint_eq(at[RLIMIT_NOFILE].rlim_max, 64);
        ck_assert_uint_eq(at[RLIMIT_CPU].rlim_cur, 120);
        ck_assert_uint_eq(at[RLIMIT_CORE].rlim_max, 0);
        ck_assert_uint_eq(at[RLIMIT_AS].rlim_cur, 1U << 30);
        ck_assert_uint_eq(at[RLIMIT_AS].rlim_max, RLIM_INFINITY);
        ck_assert(!program.limits.is_set[RLIMIT_DATA]);
        set_wrong(&program_option_table, &program, "limits", "{\"nofile\": 65, \"x\": 1}");
        ck_assert_uint_eq(at[RLIMIT_NOFILE].rlim_cur, 64);
}
END_TEST

/* With an empty list a program takes back what "defaults" said. */
START_TEST(test_empty_list)
{
        ck_assert_int_eq(set(&program_option_table, &program, "allow_users", "[\"root\"]"), 0);
        ck_assert_int_eq(set(&program_option_table, &program, "allow_users", "[]"), 0);
        ck_assert_ptr_null(program.allow_users);
        check_json(&program_option_table, &program, "allow_users", NULL);
}
END_TEST

START_TEST(test_references)
{
        struct program_options *options = program_options_new("calc", "tools");

        ck_assert_ptr_eq(program_options_ref(options), options);
        ck_assert_uint_eq(options->references, 2);
        ck_assert_ptr_null(program_options_unref(options));
        ck_assert_str_eq(options->name, "calc");
        ck_assert_ptr_null(program_options_unref(options));
        ck_assert_ptr_null(program_options_unref(NULL));
}
END_TEST

static const struct {
        enum section section;
        const char *name, *message;
} unknown[] = {
        {SECTION_SERVER, "listne", "unknown option \"listne\", did you mean \"listen\"?"},
        {SECTION_SERVER, "max_client",
         "unknown option \"max_client\", did you mean "
         "\"max_clients\"?"},
        {SECTION_SERVER, "max_workers",
         "\"max_workers\" is an option of a program; here it stands "
         "in \"defaults\", for all programs"},
        {SECTION_SERVER, "main", "\"main\" does not stand here but in a program"},
        {SECTION_SERVER, "programs", "\"programs\" does not stand here but in a program set"},
        {SECTION_PROGRAM, "max_worker",
         "unknown option \"max_worker\", did you mean "
         "\"max_workers\"?"},
        {SECTION_PROGRAM, "maxWorkers",
         "unknown option \"maxWorkers\", did you mean "
         "\"max_workers\"?"},
        {SECTION_PROGRAM, "key-values",
         "unknown option \"key-values\", did you mean "
         "\"key_values\"?"},
        {SECTION_PROGRAM, "listen", "\"listen\" does not stand here but in jumpbootd.conf"},
        {SECTION_SET, "program", "unknown option \"program\", did you mean \"programs\"?"},
        {SECTION_SET, "main", "\"main\" does not stand here but in a program"},
        {SECTION_SET, "request_timeout",
         "\"request_timeout\" is an option of a program; here it "
         "stands in \"defaults\", for all programs"},
        {SECTION_SET, "frobnicate",
         "unknown option \"frobnicate\"; the options of a program set "
         "are defaults, programs, environment, env, modules, packages, "
         "key_values; see jumpbootd.conf(5)"},
        {SECTION_SET_DEFAULTS, "main", "\"main\" does not stand here but in a program"},
};

START_TEST(test_unknown)
{
        struct json_node root, node;
        struct json_cursor cursor = {0};
        char json[128];

        snprintf(json, sizeof(json), "{\"%s\": 1}", unknown[_i].name);
        ck_assert_int_eq(json_read_text("/x.conf", json, strlen(json), &errors, &document), 0);
        root = json_document_root(document);
        ck_assert(json_node_next(&root, &cursor, &node));
        ck_assert(!section_has(unknown[_i].section, unknown[_i].name));
        section_unknown(unknown[_i].section, &node, &errors);
        ck_assert_uint_eq(errors.n_errors, 1);
        ck_assert_str_eq(errors.messages[0].text + strlen("/x.conf:1:2: "), unknown[_i].message);
}
END_TEST

/* A name that is near to none is told what there is. */
START_TEST(test_unknown_lists_all)
{
        static const char before[] =
                "/x.conf:1:2: unknown option \"x\"; the options of "
                "\"defaults\" are args, environment, env, extra_files, modules, packages, "
                "key_values, ";
        static const char after[] = "; see jumpbootd.conf(5)";
        struct json_node root, node;
        struct json_cursor cursor = {0};

        ck_assert_int_eq(json_read_text("/x.conf", "{\"x\": 1}", 8, &errors, &document), 0);
        root = json_document_root(document);
        ck_assert(json_node_next(&root, &cursor, &node));
        section_unknown(SECTION_SET_DEFAULTS, &node, &errors);
        ck_assert_uint_eq(errors.n_errors, 1);

        const char *text = errors.messages[0].text;
        ck_assert_int_eq(strncmp(text, before, strlen(before)), 0);
        ck_assert_str_eq(text + strlen(text) - strlen(after), after);
        text += strlen(before);
        for (size_t i = 0; i < program_option_table.n; i++) {
                const char *name = program_option_table.options[i].name;
                ck_assert_int_eq(strncmp(text, name, strlen(name)), 0);
                text += strlen(name);
                text += strncmp(text, ", ", 2) == 0 ? 2 : 0;
        }
        ck_assert_str_eq(text, after);
}
END_TEST

START_TEST(test_every_option_stands_somewhere)
{
        for (size_t i = 0; i < server_option_table.n; i++)
                ck_assert(section_has(SECTION_SERVER, server_option_table.options[i].name));
        for (size_t i = 0; i < program_option_table.n; i++) {
                ck_assert(section_has(SECTION_PROGRAM, program_option_table.options[i].name));
                ck_assert(!section_has(SECTION_SET, program_option_table.options[i].name));
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("options");
        TCase *tests = tcase_create("options");

        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, test_defaults);
        tcase_add_test(tests, test_table_is_consistent);
        tcase_add_loop_test(tests, test_right, 0, ARRAY_SIZE(right));
        tcase_add_loop_test(tests, test_wrong, 0, ARRAY_SIZE(wrong));
        tcase_add_test(tests, test_paths_start_from_the_file);
        tcase_add_test(tests, test_length_of_a_socket_path);
        tcase_add_test(tests, test_copy);
        tcase_add_test(tests, test_unset_options_are_left_out);
        tcase_add_test(tests, test_limits);
        tcase_add_test(tests, test_empty_list);
        tcase_add_test(tests, test_references);
        tcase_add_loop_test(tests, test_unknown, 0, ARRAY_SIZE(unknown));
        tcase_add_test(tests, test_unknown_lists_all);
        tcase_add_test(tests, test_every_option_stands_somewhere);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
