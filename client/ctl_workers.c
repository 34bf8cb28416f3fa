/* SPDX-License-Identifier: MIT */
#include "ctl_workers.h"

#include "common/cleanup.h"
#include "ctl_commands.h"
#include "ctl_state.h"
#include "ctl_tree.h"

#include <json-c/json.h>
#include <string.h>

static const struct ctl_column columns[] = {
        {.title = "PROGRAM"},
        {.title = "SLOT", .right = true},
        {.title = "PID", .right = true},
        {.title = "STATE"},
        {.title = "SINCE", .right = true},
        {.title = "SERVED", .right = true},
        {.title = "MEMORY", .right = true},
        {.title = "RUNS", .right = true},
        {.title = "FUNCTION"},
};

static double age_of(struct json_object *worker)
{
        return ctl_tree_text(worker, "function") ? ctl_tree_number(worker, "function_age") : -1;
}

static int compare(const void *a, const void *b)
{
        double x = age_of(*(struct json_object *const *)a);
        double y = age_of(*(struct json_object *const *)b);

        return x > y ? -1 : x < y;
}

void ctl_workers_sort(struct json_object *workers)
{
        json_object_array_sort(workers, compare);
}

static enum ctl_colour colour_of(const char *state)
{
        if (strcmp(state, "busy") == 0)
                return CTL_GREEN;
        return strcmp(state, "idle") == 0 ? CTL_PLAIN : CTL_YELLOW;
}

/* What it waits for in its function: another program's. */
static void add_function(struct ctl_table *table, struct json_object *worker)
{
        const char *function = ctl_tree_text(worker, "function");
        bool is_interrupted = ctl_tree_is_true(ctl_tree_member(worker, "is_interrupted"));
        struct json_object *calls = ctl_tree_member(worker, "calls");
        size_t n_calls =
                json_object_is_type(calls, json_type_array) ? json_object_array_length(calls) : 0;
        const char *called =
                n_calls > 0 ? ctl_tree_text(json_object_array_get_idx(calls, 0), "method") : NULL;
        char more[32] = "";

        if (n_calls > 1)
                snprintf(more, sizeof(more), " and %zu more", n_calls - 1);
        ctl_table_add(table, is_interrupted ? CTL_RED : CTL_PLAIN, "%s%s%s%s%s",
                      function ? function : "", is_interrupted ? " (interrupted)" : "",
                      called ? ", waits for " : "", called ? called : "", called ? more : "");
}

static void add_worker(struct ctl_table *table, struct json_object *worker)
{
        const char *state = ctl_state_text(worker, "state");
        const char *function = ctl_tree_text(worker, "function");
        const char *waits_for = ctl_tree_text(worker, "waits_for");
        char since[CTL_UNIT_MAX], memory[CTL_UNIT_MAX], age[CTL_UNIT_MAX] = "";

        if (function)
                ctl_format_time(age, age_of(worker));
        ctl_table_add(table, CTL_BOLD, "%s", ctl_state_text(worker, "program"));
        ctl_table_add(table, CTL_PLAIN, "%lld", (long long)ctl_tree_int(worker, "slot"));
        ctl_table_add(table, CTL_PLAIN, "%lld", (long long)ctl_tree_int(worker, "pid"));
        ctl_table_add(table, colour_of(state), "%s", state);
        ctl_table_add(table, CTL_PLAIN, "%s",
                      ctl_format_time(since, ctl_tree_number(worker, "since")));
        ctl_table_add(table, CTL_PLAIN, "%lld", (long long)ctl_tree_int(worker, "served"));
        ctl_table_add(table, CTL_PLAIN, "%s",
                      ctl_format_size(memory, ctl_tree_number(worker, "memory")));
        ctl_table_add(table, CTL_PLAIN, "%s", age);
        if (waits_for)
                ctl_table_add(table, CTL_YELLOW, "waiting for %s", waits_for);
        else
                add_function(table, worker);
}

int ctl_workers_print(struct json_object *workers, size_t n, const char *line_end)
{
        _cleanup_(ctl_table_clear) struct ctl_table table = CTL_TABLE(columns);

        table.line_end = line_end;
        for (size_t i = 0; i < n && i < json_object_array_length(workers); i++)
                add_worker(&table, json_object_array_get_idx(workers, i));
        return ctl_table_print(&table, stdout);
}

int ctl_workers(struct ctl_session *session, char **words, int n_words)
{
        _cleanup_(ctl_tree_freep) struct json_object *tree = NULL;
        struct jumpboot_reply *reply;
        struct json_object *workers;
        int r;

        if (n_words > 1)
                return ctl_usage_error("workers: it takes one PROGRAM at most, \"%s\" is too much",
                                       words[1]);
        r = ctl_state_ask(session, "jumpbootd.workers", n_words > 0 ? words[0] : NULL, &reply,
                          &tree);
        if (r != CTL_SUCCESS)
                return r;
        workers = ctl_tree_member(tree, "workers");
        if (session->json)
                ctl_session_print(session, reply);
        else if (json_object_array_length(workers) == 0)
                puts("There are no workers.");
        else
                r = ctl_session_printed(ctl_workers_print(workers, SIZE_MAX, "\n"));
        jumpboot_reply_free(reply);
        return r;
}
