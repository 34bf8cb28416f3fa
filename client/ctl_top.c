/* SPDX-License-Identifier: MIT */
#include "common/cleanup.h"
#include "common/units.h"
#include "ctl_commands.h"
#include "ctl_state.h"
#include "ctl_terminal.h"
#include "ctl_tree.h"
#include "ctl_workers.h"

#include <json-c/json.h>
#include <string.h>

#define HEAD_LINES 5U /* two of the daemon, an empty one, the titles of two tables */

static const struct ctl_column columns[] = {
        {.title = "PROGRAM"},
        {.title = "STATE"},
        {.title = "BUSY", .right = true},
        {.title = "MAX", .right = true},
        {.title = "QUEUE", .right = true},
        {.title = "REQ/S", .right = true},
        {.title = "FAIL/S", .right = true},
        {.title = "WAIT", .right = true},
        {.title = "P50", .right = true},
        {.title = "P99", .right = true},
};

/* What the daemon told at one time. */
struct snapshot {
        struct json_object *status, *workers;
};

static void clear_snapshot(struct snapshot *snapshot)
{
        ctl_tree_freep(&snapshot->status);
        ctl_tree_freep(&snapshot->workers);
        *snapshot = (struct snapshot){0};
}

static void print_json(const struct jumpboot_reply *status, const struct jumpboot_reply *workers)
{
        size_t status_length, workers_length;
        const char *status_text = jumpboot_reply_result(status, &status_length);
        const char *workers_text = jumpboot_reply_result(workers, &workers_length);

        printf("{\"status\":%.*s,\"workers\":%.*s}\n", (int)status_length, status_text,
               (int)workers_length, workers_text);
}

static int take_snapshot(struct ctl_session *session, struct snapshot *ret)
{
        struct jumpboot_reply *status = NULL, *workers = NULL;
        int r;

        session->started = units_now(); /* a --timeout is for each */
        r = ctl_state_ask(session, "jumpbootd.status", NULL, &status, &ret->status);
        if (r == CTL_SUCCESS)
                r = ctl_state_ask(session, "jumpbootd.workers", NULL, &workers, &ret->workers);
        if (r == CTL_SUCCESS && session->json)
                print_json(status, workers);
        jumpboot_reply_free(status);
        jumpboot_reply_free(workers);
        return r;
}

static struct json_object *program_of(const struct snapshot *snapshot, const char *name)
{
        return ctl_tree_member(ctl_tree_member(snapshot->status, "programs"), name);
}

static int64_t count_all(struct json_object *program)
{
        return ctl_tree_int(ctl_tree_member(program, "requests"), "ok") + ctl_state_failed(program);
}

/* "-" where there is nothing to compare with: at first, and after a restart. */
static void add_rate(struct ctl_table *table, enum ctl_colour colour, int64_t difference,
                     double seconds)
{
        if (seconds <= 0 || difference < 0)
                ctl_table_add(table, CTL_PLAIN, "-");
        else
                ctl_table_add(table, difference ? colour : CTL_PLAIN, "%.*f",
                              difference > 0 && (double)difference < 9.95 * seconds ? 1 : 0,
                              (double)difference / seconds);
}

static void add_program(struct ctl_table *table, const char *name, const struct snapshot *now,
                        const struct snapshot *before)
{
        struct json_object *program = program_of(now, name), *old = program_of(before, name);
        struct json_object *workers = ctl_tree_member(program, "workers");
        struct json_object *ran = ctl_tree_member(program, "run_time");
        struct json_object *waited = ctl_tree_member(program, "queue_wait");
        const char *state = ctl_state_of(program);
        double seconds = old ? ctl_tree_number(now->status, "uptime") -
                                         ctl_tree_number(before->status, "uptime")
                             : 0;

        ctl_table_add(table, CTL_BOLD, "%s", name);
        ctl_table_add(table, ctl_state_colour(state), "%s", state);
        ctl_state_add_number(table, CTL_PLAIN, ctl_tree_int(workers, "busy"));
        ctl_state_add_number(table, CTL_PLAIN, ctl_tree_int(workers, "max"));
        ctl_state_add_number(table, CTL_YELLOW,
                             ctl_tree_int(ctl_tree_member(program, "queue"), "length"));
        add_rate(table, CTL_PLAIN, count_all(program) - count_all(old), seconds);
        add_rate(table, CTL_RED, ctl_state_failed(program) - ctl_state_failed(old), seconds);
        ctl_state_add_time(table, ctl_tree_member(waited, "recent"), "p99");
        ctl_state_add_time(table, ctl_tree_member(ran, "recent"), "p50");
        ctl_state_add_time(table, ctl_tree_member(ran, "recent"), "p99");
}

static int print_programs(const struct snapshot *now, const struct snapshot *before, size_t n,
                          const char *line_end)
{
        _cleanup_(ctl_table_clear) struct ctl_table table = CTL_TABLE(columns);

        table.line_end = line_end;
        json_object_object_foreach(ctl_tree_member(now->status, "programs"), name, program)
        {
                (void)program;
                if (n == 0)
                        break;
                add_program(&table, name, now, before);
                n--;
        }
        return ctl_table_print(&table, stdout);
}

/* As much as there is room for; the programs get at least a half. The last line stays empty: at its
 * end the terminal would scroll. */
static int print_frame(const struct snapshot *now, const struct snapshot *before,
                       const char *line_end)
{
        struct json_object *workers = ctl_tree_member(now->workers, "workers");
        size_t n_programs =
                (size_t)json_object_object_length(ctl_tree_member(now->status, "programs"));
        size_t n_workers = json_object_array_length(workers), lines = ctl_lines(stdout);
        size_t room = lines > HEAD_LINES + 2 ? lines - HEAD_LINES - 2 : 0;
        size_t shown = n_workers < room / 2 ? room - n_workers : room - room / 2;
        int r;

        ctl_workers_sort(workers);
        ctl_state_put_daemon(now->status, line_end);
        fputs(line_end, stdout);
        if (n_programs < shown)
                shown = n_programs;
        r = print_programs(now, before, shown, line_end);
        fputs(line_end, stdout);
        return r < 0 ? r : ctl_workers_print(workers, room - shown, line_end);
}

static int show(struct ctl_session *session, const struct snapshot *now,
                const struct snapshot *before, bool is_live, bool is_first)
{
        int r = 0;

        if (is_live)
                ctl_terminal_draw();
        else if (!session->json && !is_first)
                putchar('\n');
        if (!session->json)
                r = print_frame(now, before, is_live ? CTL_TERMINAL_LINE_END : "\n");
        if (is_live)
                ctl_terminal_drawn();
        return fflush(stdout) < 0 ? EX_IOERR : ctl_session_printed(r);
}

static int watch(struct ctl_session *session, bool is_live)
{
        struct snapshot before = {0}, now = {0};
        uint64_t next = units_now();
        int r = CTL_SUCCESS;

        for (unsigned n = 0; r == CTL_SUCCESS; n++) {
                r = take_snapshot(session, &now);
                if (r == CTL_SUCCESS)
                        r = show(session, &now, &before, is_live, n == 0);
                clear_snapshot(&before);
                before = now;
                now = (struct snapshot){0};
                next += session->delay;
                if (next < units_now()) /* it was stopped, or the daemon slow */
                        next = units_now() + session->delay;
                if (r != CTL_SUCCESS || n + 1 == session->count ||
                    ctl_terminal_wait(next) == CTL_WISH_QUIT)
                        break;
        }
        clear_snapshot(&before);
        return r;
}

int ctl_top(struct ctl_session *session, char **words, int n_words)
{
        static char kept[BUFSIZ];
        bool is_live = !session->json && ctl_terminal_is_there();
        int r;

        if (n_words > 0)
                return ctl_usage_error("top: it takes no arguments, \"%s\" is one", words[0]);
        if (is_live) {
                /* What goes wrong is told when the screen is the old one again. */
                setvbuf(stderr, kept, _IOFBF, sizeof(kept));
                ctl_terminal_begin();
        }
        r = watch(session, is_live);
        if (is_live)
                ctl_terminal_end();
        fflush(stderr);
        return r;
}
