/* SPDX-License-Identifier: MIT */
#include "ctl_program.h"

#include "common/cleanup.h"
#include "ctl_state.h"
#include "ctl_tree.h"

#include <json-c/json.h>
#include <string.h>

#define LINE_COLUMNS  78U
#define TITLE_COLUMNS 10U

/* Lines that begin with a title, or with as many blanks, and hold items with commas between. */
struct line {
        const char *title;
        size_t used; /* columns of this line; 0: nothing was written yet */
};

static void put_words(struct line *line, const char *name, const char *text)
{
        size_t length = strlen(name) + 1 + strlen(text);
        bool is_full = line->used + 2 + length > LINE_COLUMNS;

        if (line->used > 0)
                fputs(is_full ? ",\n" : ", ", stdout);
        if (line->used == 0 || is_full)
                printf("%-*s", (int)TITLE_COLUMNS, line->used == 0 ? line->title : "");
        line->used = line->used == 0 || is_full ? TITLE_COLUMNS + length : line->used + 2 + length;
        ctl_put_text(stdout, name);
        putchar(' ');
        ctl_put_text(stdout, text);
}

static void put_item(struct line *line, const char *name, struct json_object *value)
{
        put_words(line, name, value ? json_object_get_string(value) : "-");
}

static void end_line(const struct line *line)
{
        if (line->used > 0)
                putchar('\n');
}

/* Members of an object that are numbers or texts, as "name value, name value". */
static void put_members(const char *title, struct json_object *object)
{
        struct line line = {.title = title};

        if (!json_object_is_type(object, json_type_object))
                return;
        json_object_object_foreach(object, name, value)
        {
                put_item(&line, name, value);
        }
        end_line(&line);
}

static void put_number(struct line *line, struct json_object *program, const char *name,
                       const char *shown)
{
        struct json_object *value = ctl_tree_member(program, name);

        if (value)
                put_item(line, shown, value);
}

static void add_times(struct ctl_table *table, const char *title, struct json_object *times)
{
        ctl_table_add(table, CTL_PLAIN, "%s", title);
        ctl_state_add_time(table, times, "p50");
        ctl_state_add_time(table, times, "p90");
        ctl_state_add_time(table, times, "p99");
        ctl_state_add_time(table, times, "max");
        ctl_state_add_number(table, CTL_PLAIN, ctl_tree_int(times, "count"));
}

static int print_times(struct json_object *program)
{
        static const struct ctl_column columns[] = {
                {.title = "REQUESTS"},           {.title = "P50", .right = true},
                {.title = "P90", .right = true}, {.title = "P99", .right = true},
                {.title = "MAX", .right = true}, {.title = "COUNT", .right = true},
        };
        struct json_object *waited = ctl_tree_member(program, "queue_wait");
        struct json_object *ran = ctl_tree_member(program, "run_time");
        _cleanup_(ctl_table_clear) struct ctl_table table = CTL_TABLE(columns);

        if (!waited || !ran)
                return 0;
        add_times(&table, "waited", waited);
        add_times(&table, "  in the last minute", ctl_tree_member(waited, "recent"));
        add_times(&table, "ran", ran);
        add_times(&table, "  in the last minute", ctl_tree_member(ran, "recent"));
        putchar('\n');
        return ctl_table_print(&table, stdout);
}

static void print_starts(struct json_object *program)
{
        struct line line = {.title = "starts"};

        put_number(&line, program, "starts", "all");
        put_number(&line, program, "respawns", "in place of others");
        put_number(&line, program, "start_failures", "failed");
        put_number(&line, program, "maximum_reached", "maximum reached");
        end_line(&line);
}

static void print_deaths(struct json_object *program)
{
        struct json_object *causes = ctl_tree_member(program, "death_causes");
        struct line line = {.title = "deaths"};

        put_number(&line, program, "deaths", "all");
        if (json_object_is_type(causes, json_type_object)) {
                json_object_object_foreach(causes, name, value)
                {
                        put_item(&line, name, value);
                }
        }
        end_line(&line);
}

static void print_cgroup(struct json_object *cgroup)
{
        struct line line = {.title = "cgroup"};
        struct json_object *memory = ctl_tree_member(cgroup, "memory");
        const char *path = ctl_tree_text(cgroup, "path");
        char size[CTL_UNIT_MAX];

        if (memory)
                put_words(&line, "memory", ctl_format_size(size, json_object_get_double(memory)));
        put_number(&line, cgroup, "tasks", "tasks");
        if (path)
                put_words(&line, "path", path);
        end_line(&line);
}

static void print_renewal(struct json_object *renewal)
{
        struct json_object *error = ctl_tree_member(renewal, "error");
        char ago[CTL_UNIT_MAX];

        if (!renewal)
                return;
        printf("%-*s%s, %s ago", (int)TITLE_COLUMNS, "renewed", error ? "in vain" : "well",
               ctl_format_time(ago, ctl_tree_number(renewal, "ago")));
        if (error) {
                fputs(": ", stdout);
                ctl_tree_put_error(stdout, error);
        }
        putchar('\n');
}

static void print_error(struct json_object *error)
{
        const char *traceback = ctl_tree_text(error, "traceback");

        if (!error)
                return;
        puts("\nThe last worker failed to start:");
        if (traceback && *traceback)
                ctl_put_text(stdout, traceback);
        else
                ctl_tree_put_error(stdout, error);
        if (!traceback || !*traceback || traceback[strlen(traceback) - 1] != '\n')
                putchar('\n');
}

int ctl_program_print(const char *name, struct json_object *program)
{
        int r;

        ctl_put_text(stdout, name);
        printf(": %s, of the program set ", ctl_state_text(program, "state"));
        ctl_put_text(stdout, ctl_state_text(program, "program_set"));
        puts("\n");
        put_members("workers", ctl_tree_member(program, "workers"));
        put_members("queue", ctl_tree_member(program, "queue"));
        put_members("requests", ctl_tree_member(program, "requests"));
        print_starts(program);
        print_deaths(program);
        put_members("fates", ctl_tree_member(program, "fates"));
        put_members("recycled", ctl_tree_member(program, "recycled"));
        print_renewal(ctl_tree_member(program, "last_renewal"));
        print_cgroup(ctl_tree_member(program, "cgroup"));
        put_members("options", ctl_tree_member(program, "options"));
        r = print_times(program);
        print_error(ctl_tree_member(program, "last_error"));
        return r;
}
