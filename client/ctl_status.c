/* SPDX-License-Identifier: MIT */
#include "common/cleanup.h"
#include "ctl_commands.h"
#include "ctl_program.h"
#include "ctl_state.h"
#include "ctl_tree.h"

#include <json-c/json.h>

static const struct ctl_column program_columns[] = {
        {.title = "PROGRAM"},
        {.title = "SET"},
        {.title = "STATE"},
        {.title = "IDLE", .right = true},
        {.title = "BUSY", .right = true},
        {.title = "MAX", .right = true},
        {.title = "QUEUE", .right = true},
};

static const struct ctl_column status_columns[] = {
        {.title = "PROGRAM"},
        {.title = "STATE"},
        {.title = "IDLE", .right = true},
        {.title = "BUSY", .right = true},
        {.title = "MAX", .right = true},
        {.title = "QUEUE", .right = true},
        {.title = "OK", .right = true},
        {.title = "FAILED", .right = true},
        {.title = "P99", .right = true},
        {.title = "DEATHS", .right = true},
};

/* What both tables have. */
static void add_workers(struct ctl_table *table, struct json_object *program)
{
        struct json_object *workers = ctl_tree_member(program, "workers");
        const char *state = ctl_state_of(program);

        ctl_table_add(table, ctl_state_colour(state), "%s", state);
        ctl_state_add_number(table, CTL_PLAIN, ctl_tree_int(workers, "idle"));
        ctl_state_add_number(table, CTL_PLAIN, ctl_tree_int(workers, "busy"));
        ctl_state_add_number(table, CTL_PLAIN, ctl_tree_int(workers, "max"));
        ctl_state_add_number(table, CTL_YELLOW,
                             ctl_tree_int(ctl_tree_member(program, "queue"), "length"));
}

static void add_counts(struct ctl_table *table, struct json_object *program)
{
        struct json_object *requests = ctl_tree_member(program, "requests");

        ctl_state_add_number(table, CTL_PLAIN, ctl_tree_int(requests, "ok"));
        ctl_state_add_number(table, CTL_YELLOW, ctl_state_failed(program));
        ctl_state_add_time(table, ctl_tree_member(program, "run_time"), "p99");
        ctl_state_add_number(table, CTL_RED, ctl_tree_int(program, "deaths"));
}

static int print_table(struct json_object *programs, bool is_status)
{
        _cleanup_(ctl_table_clear) struct ctl_table table = CTL_TABLE(program_columns);

        if (is_status)
                table = (struct ctl_table)CTL_TABLE(status_columns);
        json_object_object_foreach(programs, name, program)
        {
                ctl_table_add(&table, CTL_BOLD, "%s", name);
                if (!is_status)
                        ctl_table_add(&table, CTL_PLAIN, "%s",
                                      ctl_state_text(program, "program_set"));
                add_workers(&table, program);
                if (is_status)
                        add_counts(&table, program);
        }
        return ctl_table_print(&table, stdout);
}

/* "calc: ImportError: No module named 'x'", for those that have had one. */
static void print_errors(struct json_object *programs)
{
        const char *separator = "\n";

        json_object_object_foreach(programs, name, program)
        {
                struct json_object *error = ctl_tree_member(program, "last_error");

                if (!error)
                        continue;
                fputs(separator, stdout);
                separator = "";
                ctl_put_text(stdout, name);
                fputs(": ", stdout);
                ctl_tree_put_error(stdout, error);
                putchar('\n');
        }
}

static int print_status(struct json_object *status, bool is_status)
{
        struct json_object *programs = ctl_tree_member(status, "programs");
        int r = 0;

        if (is_status) {
                ctl_state_put_daemon(status, "\n");
                putchar('\n');
        }
        if (json_object_object_length(programs) == 0)
                puts("There are no programs.");
        else
                r = print_table(programs, is_status);
        if (is_status)
                print_errors(programs);
        return ctl_session_printed(r);
}

static int print_one(struct json_object *status, const char *name)
{
        struct json_object *program = ctl_tree_member(ctl_tree_member(status, "programs"), name);

        if (!program)
                return ctl_session_bad_answer("jumpbootd.status");
        return ctl_session_printed(ctl_program_print(name, program));
}

int ctl_status(struct ctl_session *session, char **words, int n_words)
{
        _cleanup_(ctl_tree_freep) struct json_object *status = NULL;
        struct jumpboot_reply *reply;
        int r;

        if (n_words > 1)
                return ctl_usage_error("status: it takes one PROGRAM at most, \"%s\" is too much",
                                       words[1]);
        r = ctl_state_ask(session, "jumpbootd.status", n_words > 0 ? words[0] : NULL, &reply,
                          &status);
        if (r != CTL_SUCCESS)
                return r;
        if (session->json)
                ctl_session_print(session, reply);
        else
                r = n_words > 0 ? print_one(status, words[0]) : print_status(status, true);
        jumpboot_reply_free(reply);
        return r;
}

int ctl_programs(struct ctl_session *session, char **words, int n_words)
{
        _cleanup_(ctl_tree_freep) struct json_object *status = NULL;
        struct jumpboot_reply *reply;
        int r;

        if (n_words > 0)
                return ctl_usage_error("programs: it takes no arguments, \"%s\" is one", words[0]);
        r = ctl_state_ask(session, "jumpbootd.status", NULL, &reply, &status);
        if (r != CTL_SUCCESS)
                return r;
        if (session->json)
                ctl_session_print(session, reply);
        else
                r = print_status(status, false);
        jumpboot_reply_free(reply);
        return r;
}
