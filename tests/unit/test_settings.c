/* SPDX-License-Identifier: MIT */
/*
 * The server's own options through reloads: what changes, and what has to stay.
 */
#include "daemon/settings.h"

#include "fixture_log.h"
#include "suite.h"

#include <json-c/json.h>

static struct settings settings;
static struct config config;
static struct json_object *warnings;

static void begin(void)
{
        log_capture();
        settings = (struct settings){0};
        ck_assert_int_eq(options_set_defaults(&server_option_table, &config.server), 0);
        warnings = json_object_new_array();
}

static void end(void)
{
        json_object_put(warnings);
        options_clear(&server_option_table, &config.server);
        settings_clear(&settings);
}

static void set_listen(const char *path)
{
        free(config.server.listen);
        config.server.listen = strdup(path);
}

static void take(void)
{
        ck_assert_int_eq(settings_take(&settings, &config, warnings), 0);
}

START_TEST(the_first_ones_are_all_taken)
{
        set_listen("/run/a.sock");
        config.server.max_clients = 7;
        take();
        ck_assert_str_eq(settings.options.listen, "/run/a.sock");
        ck_assert_uint_eq(settings.options.max_clients, 7);
        ck_assert_uint_eq(json_object_array_length(warnings), 0);
        set_listen("/run/b.sock"); /* what was taken is a copy */
        ck_assert_str_eq(settings.options.listen, "/run/a.sock");
}
END_TEST

START_TEST(later_ones_but_for_the_socket)
{
        set_listen("/run/a.sock");
        take();
        set_listen("/run/b.sock");
        config.server.listen_mode = 0600;
        config.server.max_clients = 9;
        log_forget();
        take();
        ck_assert_uint_eq(settings.options.max_clients, 9);
        ck_assert_str_eq(settings.options.listen, "/run/a.sock");
        ck_assert_int_eq(settings.options.listen_mode, 0660);
        ck_assert_str_eq(json_object_to_json_string_ext(warnings, JSON_C_TO_STRING_PLAIN),
                         "[\"listen has changed: that needs a restart of the daemon\","
                         "\"listen_mode has changed: that needs a restart of the daemon\"]");
        ck_assert(log_has("warning #0: listen has changed: that needs a restart of the daemon\n"));
        take(); /* it is still another one than the config says */
        ck_assert_uint_eq(json_object_array_length(warnings), 4);
}
END_TEST

/* A socket that the service manager has given is not what the options say, at no time. */
START_TEST(nothing_is_said_of_a_socket_that_was_given)
{
        settings.is_socket_given = true;
        set_listen("/run/a.sock");
        take();
        set_listen("/run/b.sock");
        take();
        ck_assert_uint_eq(json_object_array_length(warnings), 0);
        ck_assert_str_eq(settings.options.listen, "/run/a.sock");
}
END_TEST

START_TEST(the_log_level_is_set_at_once)
{
        config.server.log_level = LOG_ERR;
        take();
        ck_assert(log_enabled(LOG_ERR));
        ck_assert(!log_enabled(LOG_WARNING));
        config.server.log_level = LOG_DEBUG;
        take();
        ck_assert(log_enabled(LOG_DEBUG));
}
END_TEST

START_TEST(unless_the_command_line_has_set_it)
{
        settings.keeps_log_level = true;
        log_set_level(LOG_NOTICE);
        config.server.log_level = LOG_DEBUG;
        take();
        ck_assert(!log_enabled(LOG_INFO));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("settings");
        TCase *tcase = tcase_create("settings");

        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, the_first_ones_are_all_taken);
        tcase_add_test(tcase, later_ones_but_for_the_socket);
        tcase_add_test(tcase, nothing_is_said_of_a_socket_that_was_given);
        tcase_add_test(tcase, the_log_level_is_set_at_once);
        tcase_add_test(tcase, unless_the_command_line_has_set_it);
        suite_add_tcase(suite, tcase);
        return run_suite(suite);
}
