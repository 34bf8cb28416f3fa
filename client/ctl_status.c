/* SPDX-License-Identifier: MIT */
#include "common/cleanup.h"
#include "ctl_commands.h"
#include "ctl_screen.h"
#include "ctl_tree.h"

#include <json-c/json.h>
#include <string.h>

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
        {.title = "SET"},
        {.title = "STATE"},
        {.title = "IDLE", .right = true},
        {.title = "BUSY", .right = true},
        {.title = "MAX", .right = true},
        {.title = "QUEUE", .right = true},
        {.title = "OK", .right = true},
        {.title = "FAILED", .right = true},
        {.title = "DEATHS", .right = true},
};

static const char *text_or(const char *text, const char *otherwise)
{
        return text ? text : otherwise;
}

static enum ctl_colour state_colour(const char *state)
{
        if (strcmp(state, "ready") == 0)
                return CTL_GREEN;
        return strcmp(state, "unavailable") == 0 ? CTL_RED : CTL_YELLOW;
}

static void add_number(struct ctl_table *table, enum ctl_colour colour, int64_t number)
{
        ctl_table_add(table, number ? colour : CTL_PLAIN, "%lld", (long long)number);
}

/* What both tables begin with. */
static void add_program(struct ctl_table *table, const char *name, struct json_object *program)
{
        struct json_object *workers = ctl_tree_member(program, "workers");
        const char *state = text_or(ctl_tree_text(program, "state"), "?");

        ctl_table_add(table, CTL_BOLD, "%s", name);
        ctl_table_add(table, CTL_PLAIN, "%s", text_or(ctl_tree_text(program, "program_set"), "?"));
        ctl_table_add(table, state_colour(state), "%s", state);
        add_number(table, CTL_PLAIN, ctl_tree_int(workers, "idle"));
        add_number(table, CTL_PLAIN, ctl_tree_int(workers, "busy"));
        add_number(table, CTL_PLAIN, ctl_tree_int(workers, "max"));
        add_number(table, CTL_YELLOW, ctl_tree_int(ctl_tree_member(program, "queue"), "length"));
}

/* Every kind of end but "ok" is a failure. */
static int64_t count_failed(struct json_object *requests)
{
        int64_t failed = 0;

        json_object_object_foreach(requests, kind, count)
        {
                if (strcmp(kind, "ok") != 0)
                        failed += json_object_get_int64(count);
        }
        return failed;
}

static void add_counts(struct ctl_table *table, struct json_object *program)
{
        struct json_object *requests = ctl_tree_member(program, "requests");

        add_number(table, CTL_PLAIN, ctl_tree_int(requests, "ok"));
        add_number(table, CTL_YELLOW, count_failed(requests));
        add_number(table, CTL_RED, ctl_tree_int(program, "deaths"));
}

static int print_table(struct json_object *programs, bool with_counts)
{
        _cleanup_(ctl_table_clear) struct ctl_table table = CTL_TABLE(program_columns);

        if (with_counts)
                table = (struct ctl_table)CTL_TABLE(status_columns);
        json_object_object_foreach(programs, name, program)
        {
                add_program(&table, name, program);
                if (with_counts)
                        add_counts(&table, program);
        }
        if (ctl_table_print(&table, stdout) >= 0)
                return CTL_SUCCESS;
        fputs("jumpbootctl: out of memory\n", stderr);
        return EX_OSERR;
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

static void print_daemon(struct json_object *status)
{
        char uptime[CTL_UNIT_MAX], buffered[CTL_UNIT_MAX];

        printf("jumpbootd %s, pid %lld, up %s, on ", text_or(ctl_tree_text(status, "version"), "?"),
               (long long)ctl_tree_int(status, "pid"),
               ctl_format_time(uptime, ctl_tree_number(status, "uptime")));
        ctl_put_text(stdout, text_or(ctl_tree_text(status, "listen"), "?"));
        printf("\nclients: %lld, requests in flight: %lld, buffered: %s\n\n",
               (long long)ctl_tree_int(status, "clients"),
               (long long)ctl_tree_int(status, "requests_in_flight"),
               ctl_format_size(buffered, ctl_tree_number(status, "buffered")));
}

static bool is_object(struct json_object *tree, const char *name)
{
        return json_object_is_type(ctl_tree_member(tree, name), json_type_object);
}

/* What is shown has to be there. */
static bool is_status(struct json_object *status)
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

static int print_status(struct json_object *status, bool with_daemon)
{
        struct json_object *programs = ctl_tree_member(status, "programs");
        int r = CTL_SUCCESS;

        if (!is_status(status))
                return ctl_session_bad_answer("jumpbootd.status");
        if (with_daemon)
                print_daemon(status);
        if (json_object_object_length(programs) == 0)
                puts("There are no programs.");
        else
                r = print_table(programs, with_daemon);
        if (r == CTL_SUCCESS && with_daemon)
                print_errors(programs);
        return r;
}

static int show(struct ctl_session *session, const char *command, char **words, int n_words,
                bool with_daemon)
{
        _cleanup_(ctl_tree_freep) struct json_object *status = NULL;
        struct jumpboot_reply *reply;
        int r;

        if (n_words > 0)
                return ctl_usage_error("%s: it takes no arguments, \"%s\" is one", command,
                                       words[0]);
        r = ctl_session_call(session, "jumpbootd.status", NULL, CTL_CONTROL_MS, &reply);
        if (r != CTL_SUCCESS)
                return r;
        status = ctl_session_tree("jumpbootd.status", reply);
        if (!status)
                r = EX_PROTOCOL;
        else if (session->json)
                ctl_session_print(session, reply);
        else
                r = print_status(status, with_daemon);
        jumpboot_reply_free(reply);
        return r;
}

int ctl_status(struct ctl_session *session, char **words, int n_words)
{
        return show(session, "status", words, n_words, true);
}

int ctl_programs(struct ctl_session *session, char **words, int n_words)
{
        return show(session, "programs", words, n_words, false);
}
