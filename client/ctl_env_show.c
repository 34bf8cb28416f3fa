/* SPDX-License-Identifier: MIT */
#include "ctl_env_show.h"

#include "common/cleanup.h"
#include "ctl_screen.h"
#include "ctl_state.h"
#include "ctl_tree.h"

#include <json-c/json.h>
#include <string.h>

#define JOINED_MAX 512

static const struct ctl_column list_columns[] = {
        {.title = "NAME"}, {.title = "MANAGER"}, {.title = "PYTHON"},
        {.title = "MADE"}, {.title = "STATE"},   {.title = "PROGRAMS"},
};

static const struct ctl_column package_columns[] = {
        {.title = "PACKAGE"},
        {.title = "VERSION"},
};

/* The texts of an array with commas between them, as many as there is room for. */
static const char *join(char buffer[static JOINED_MAX], struct json_object *texts)
{
        size_t length = 0;

        buffer[0] = '\0';
        if (!json_object_is_type(texts, json_type_array))
                return buffer;
        for (size_t i = 0; i < json_object_array_length(texts) && length < JOINED_MAX; i++)
                length += (size_t)snprintf(
                        buffer + length, JOINED_MAX - length, "%s%s", i == 0 ? "" : ", ",
                        json_object_get_string(json_object_array_get_idx(texts, i)));
        return buffer;
}

static void add(struct ctl_table *table, struct json_object *environment)
{
        bool is_broken = ctl_tree_is_true(ctl_tree_member(environment, "broken"));
        char programs[JOINED_MAX];

        ctl_table_add(table, CTL_BOLD, "%s", ctl_state_text(environment, "name"));
        ctl_table_add(table, CTL_PLAIN, "%s", ctl_state_text(environment, "manager"));
        ctl_table_add(table, CTL_PLAIN, "%s", ctl_state_text(environment, "python"));
        ctl_table_add(table, CTL_PLAIN, "%s", ctl_state_text(environment, "created"));
        ctl_table_add(table, is_broken ? CTL_RED : CTL_GREEN, "%s", is_broken ? "broken" : "ok");
        ctl_table_add(table, CTL_PLAIN, "%s",
                      join(programs, ctl_tree_member(environment, "programs")));
}

int ctl_env_put_list(struct json_object *environments)
{
        _cleanup_(ctl_table_clear) struct ctl_table table = CTL_TABLE(list_columns);
        size_t n = json_object_array_length(environments);

        if (n == 0) {
                puts("There are no environments.");
                return 0;
        }
        for (size_t i = 0; i < n; i++)
                add(&table, json_object_array_get_idx(environments, i));
        return ctl_table_print(&table, stdout);
}

static void put_line(const char *title, const char *text)
{
        printf("%-14s ", title);
        ctl_put_text(stdout, text && *text ? text : "-");
        putchar('\n');
}

static int put_packages(struct json_object *packages)
{
        _cleanup_(ctl_table_clear) struct ctl_table table = CTL_TABLE(package_columns);
        size_t n = json_object_is_type(packages, json_type_array)
                           ? json_object_array_length(packages)
                           : 0;

        if (n == 0)
                return 0;
        putchar('\n');
        for (size_t i = 0; i < n; i++) {
                struct json_object *package = json_object_array_get_idx(packages, i);
                ctl_table_add(&table, CTL_BOLD, "%s", ctl_state_text(package, "name"));
                ctl_table_add(&table, CTL_PLAIN, "%s", ctl_state_text(package, "version"));
        }
        return ctl_table_print(&table, stdout);
}

int ctl_env_put_info(struct json_object *environment)
{
        static const struct {
                const char *title, *member;
        } lines[] = {
                {"name", "name"},
                {"path", "path"},
                {"manager", "manager"},
                {"channels", "channels"},
                {"made", "created"},
                {"python", "python"},
                {"executable", "executable"},
                {"base", "base"},
                {"pip", "pip"},
                {"site-packages", "site_packages"},
                {"headers", "headers"},
                {"libpython", "libpython"},
                {"programs", "programs"},
        };
        char joined[JOINED_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                struct json_object *value = ctl_tree_member(environment, lines[i].member);

                put_line(lines[i].title, json_object_is_type(value, json_type_array)
                                                 ? join(joined, value)
                                                 : json_object_get_string(value));
        }
        put_line("system sites",
                 ctl_tree_is_true(ctl_tree_member(environment, "system_site_packages")) ? "yes"
                                                                                        : "no");
        return put_packages(ctl_tree_member(environment, "packages"));
}
