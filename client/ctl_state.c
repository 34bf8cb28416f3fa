/* SPDX-License-Identifier: MIT */
#include "ctl_state.h"

#include "common/cleanup.h"
#include "ctl_commands.h"
#include "ctl_tree.h"

#include <json-c/json.h>
#include <string.h>

static bool is_object(struct json_object *tree, const char *name)
{
        return json_object_is_type(ctl_tree_member(tree, name), json_type_object);
}

static bool has_programs(struct json_object *status)
{
        if (!is_object(status, "programs"))
                return false;
        json_object_object_foreach(ctl_tree_member(status, "programs"), name, program)
        {
                (void)name;
                if (!is_object(program, "workers") || !is_object(program, "queue") ||
                    !is_object(program, "requests"))
                        return false;
        }
        return true;
}

static bool has_workers(struct json_object *tree)
{
        struct json_object *workers = ctl_tree_member(tree, "workers");

        if (!json_object_is_type(workers, json_type_array))
                return false;
        for (size_t i = 0; i < json_object_array_length(workers); i++)
                if (!json_object_is_type(json_object_array_get_idx(workers, i), json_type_object))
                        return false;
        return true;
}

static bool is_complete(const char *method, struct json_object *tree)
{
        if (strcmp(method, "jumpbootd.status") == 0)
                return has_programs(tree);
        return strcmp(method, "jumpbootd.workers") != 0 || has_workers(tree);
}

int ctl_state_ask(struct ctl_session *session, const char *method, const char *program,
                  struct jumpboot_reply **ret_reply, struct json_object **ret)
{
        _cleanup_(ctl_tree_freep) struct json_object *params = NULL;
        int r;

        *ret = NULL;
        if (program) {
                params = json_object_new_object();
                json_object_object_add(params, "program", json_object_new_string(program));
        }
        r = ctl_session_call(session, method, params ? json_object_to_json_string(params) : NULL,
                             CTL_CONTROL_MS, ret_reply);
        if (r != CTL_SUCCESS)
                return r;
        *ret = ctl_session_tree(method, *ret_reply);
        if (*ret && is_complete(method, *ret))
                return CTL_SUCCESS;
        if (*ret)
                ctl_session_bad_answer(method);
        ctl_tree_freep(ret);
        *ret = NULL;
        jumpboot_reply_free(*ret_reply);
        *ret_reply = NULL;
        return EX_PROTOCOL;
}

void ctl_state_put_daemon(struct json_object *status, const char *line_end)
{
        char uptime[CTL_UNIT_MAX], buffered[CTL_UNIT_MAX];

        fputs("jumpbootd ", stdout);
        ctl_put_text(stdout, ctl_state_text(status, "version"));
        printf(", pid %lld, up %s, on ", (long long)ctl_tree_int(status, "pid"),
               ctl_format_time(uptime, ctl_tree_number(status, "uptime")));
        ctl_put_text(stdout, ctl_state_text(status, "listen"));
        printf("%sclients: %lld, requests in flight: %lld, buffered: %s%s", line_end,
               (long long)ctl_tree_int(status, "clients"),
               (long long)ctl_tree_int(status, "requests_in_flight"),
               ctl_format_size(buffered, ctl_tree_number(status, "buffered")), line_end);
}

enum ctl_colour ctl_state_colour(const char *state)
{
        if (strcmp(state, "ready") == 0)
                return CTL_GREEN;
        return strcmp(state, "unavailable") == 0 ? CTL_RED : CTL_YELLOW;
}

const char *ctl_state_of(struct json_object *program)
{
        return ctl_tree_text(program, "waits_for") ? "debugger" : ctl_state_text(program, "state");
}

int64_t ctl_state_failed(struct json_object *program)
{
        struct json_object *requests = ctl_tree_member(program, "requests");
        int64_t failed = 0;

        if (!json_object_is_type(requests, json_type_object))
                return 0;
        json_object_object_foreach(requests, kind, count)
        {
                if (strcmp(kind, "ok") != 0)
                        failed += json_object_get_int64(count);
        }
        return failed;
}

void ctl_state_add_number(struct ctl_table *table, enum ctl_colour colour, int64_t number)
{
        ctl_table_add(table, number ? colour : CTL_PLAIN, "%lld", (long long)number);
}

void ctl_state_add_time(struct ctl_table *table, struct json_object *times, const char *name)
{
        char text[CTL_UNIT_MAX] = "-";

        double seconds = ctl_tree_number(times, name);

        if (seconds > 0)
                ctl_format_time(text, seconds);
        else if (ctl_tree_int(times, "count") > 0)
                strcpy(text, "0");
        ctl_table_add(table, CTL_PLAIN, "%s", text);
}

const char *ctl_state_text(struct json_object *tree, const char *name)
{
        const char *text = ctl_tree_text(tree, name);

        return text ? text : "?";
}
