/* SPDX-License-Identifier: MIT */
#include "client/ctl_env_options.h"

#include "client/ctl_session.h"
#include "common/cleanup.h"

#include <check.h>
#include <json-c/json.h>
#include <string.h>

#include "suite.h"

static struct ctl_env_options options;

static void clear(void)
{
        ctl_env_options_clear(&options);
}

static void take(int option, const char *value)
{
        ck_assert_int_eq(ctl_env_options_take(&options, option, value), CTL_SUCCESS);
}

static void check_job(const char *expected)
{
        struct json_object *job = json_object_new_object();

        ctl_env_options_put(&options, job);
        ck_assert_str_eq(json_object_to_json_string_ext(
                                 job, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
                         expected);
        json_object_put(job);
}

START_TEST(nothing_given)
{
        ck_assert_ptr_null(ctl_env_options_any(&options));
        for (int command = 0; command < CTL_ENV_COMMANDS; command++)
                ck_assert_int_eq(
                        ctl_env_options_check(&options, (enum ctl_env_command)command, "x"),
                        CTL_SUCCESS);
        check_job("{\"manager\":\"venv\",\"python\":null,\"index_url\":null,\"no_index\":false,"
                  "\"system_site_packages\":false,\"channels\":[],\"find_links\":[],"
                  "\"requirements\":[]}");
}
END_TEST

START_TEST(all_of_a_venv)
{
        take(CTL_ENV_OPTION_PYTHON, "3.11");
        take(CTL_ENV_OPTION_NO_INDEX, NULL);
        take(CTL_ENV_OPTION_FIND_LINKS, "/a");
        take(CTL_ENV_OPTION_FIND_LINKS, "/b");
        take(CTL_ENV_OPTION_REQUIREMENTS, "r.txt");
        take(CTL_ENV_OPTION_SYSTEM_SITE_PACKAGES, NULL);
        ck_assert_str_eq(ctl_env_options_any(&options), "--find-links");
        ck_assert_int_eq(ctl_env_options_check(&options, CTL_ENV_CREATE, "create"), CTL_SUCCESS);
        check_job("{\"manager\":\"venv\",\"python\":\"3.11\",\"index_url\":null,\"no_index\":true,"
                  "\"system_site_packages\":true,\"channels\":[],\"find_links\":[\"/a\",\"/b\"],"
                  "\"requirements\":[\"r.txt\"]}");
}
END_TEST

START_TEST(the_config_is_for_all)
{
        take(CTL_ENV_OPTION_CONFIG, "x.conf");
        for (int command = 0; command < CTL_ENV_COMMANDS; command++)
                ck_assert_int_eq(
                        ctl_env_options_check(&options, (enum ctl_env_command)command, "x"),
                        CTL_SUCCESS);
}
END_TEST

/* An option, its value, the manager, and the commands that take it. */
static const struct {
        int option;
        const char *value, *manager;
        bool create, restore;
} uses[] = {
        {CTL_ENV_OPTION_CHANNEL, "c", "venv", false, false},
        {CTL_ENV_OPTION_CHANNEL, "c", "micromamba", true, false},
        {CTL_ENV_OPTION_FIND_LINKS, "f", "venv", true, true},
        {CTL_ENV_OPTION_FIND_LINKS, "f", "micromamba", false, true},
        {CTL_ENV_OPTION_INDEX_URL, "u", "venv", true, true},
        {CTL_ENV_OPTION_INDEX_URL, "u", "micromamba", false, true},
        {CTL_ENV_OPTION_NO_INDEX, NULL, "micromamba", false, true},
        {CTL_ENV_OPTION_PYTHON, "3.11", "venv", true, true},
        {CTL_ENV_OPTION_PYTHON, "3.11", "micromamba", true, true},
        {CTL_ENV_OPTION_REQUIREMENTS, "r", "micromamba", true, false},
        {CTL_ENV_OPTION_SYSTEM_SITE_PACKAGES, NULL, "venv", true, false},
        {CTL_ENV_OPTION_SYSTEM_SITE_PACKAGES, NULL, "micromamba", false, false},
};

START_TEST(each_has_its_place)
{
        take(uses[_i].option, uses[_i].value);
        options.manager = uses[_i].manager;
        ck_assert_int_eq(ctl_env_options_check(&options, CTL_ENV_CREATE, "create"),
                         uses[_i].create ? CTL_SUCCESS : EX_USAGE);
        ck_assert_int_eq(ctl_env_options_check(&options, CTL_ENV_RESTORE, "restore"),
                         uses[_i].restore ? CTL_SUCCESS : EX_USAGE);
        for (int command = 0; command < CTL_ENV_COMMANDS; command++)
                if (command != CTL_ENV_CREATE && command != CTL_ENV_RESTORE)
                        ck_assert_int_eq(
                                ctl_env_options_check(&options, (enum ctl_env_command)command, "x"),
                                EX_USAGE);
}
END_TEST

START_TEST(values_that_are_wrong)
{
        ck_assert_int_eq(ctl_env_options_take(&options, CTL_ENV_OPTION_MANAGER, "conda"), EX_USAGE);
        ck_assert_int_eq(ctl_env_options_take(&options, CTL_ENV_OPTION_PYTHON, ""), EX_USAGE);
        clear();
        take(CTL_ENV_OPTION_INDEX_URL, "u");
        take(CTL_ENV_OPTION_NO_INDEX, NULL);
        ck_assert_int_eq(ctl_env_options_check(&options, CTL_ENV_CREATE, "create"), EX_USAGE);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("ctl_env_options");
        TCase *tests = tcase_create("ctl_env_options");

        tcase_add_checked_fixture(tests, NULL, clear);
        tcase_add_test(tests, nothing_given);
        tcase_add_test(tests, all_of_a_venv);
        tcase_add_test(tests, the_config_is_for_all);
        tcase_add_loop_test(tests, each_has_its_place, 0, ARRAY_SIZE(uses));
        tcase_add_test(tests, values_that_are_wrong);
        suite_add_tcase(suite, tests);
        return run_suite(suite);
}
