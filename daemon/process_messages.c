/* SPDX-License-Identifier: MIT */
#include "process_messages.h"

#include "common/units.h"
#include "process.h"

#include <json-c/json.h>
#include <string.h>

static const char *string_of(struct json_object *line, const char *key)
{
        struct json_object *value = NULL;

        json_object_object_get_ex(line, key, &value);
        return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static void become_ready(struct process *process, struct json_object *line)
{
        if (process->ready != 0 || process->is_ending)
                return;
        process->ready = units_now();
        process->events->ready(process->owner, line);
}

static void take_wait(struct process *process, bool waits)
{
        process->waits_for_debugger = waits && process->ready == 0 && !process->is_ending;
        if (process->waits_for_debugger && process->events->waits)
                process->events->waits(process->owner);
}

static void take_methods(struct process *process, struct json_object *line)
{
        if (process->ready != 0 && !process->is_ending && process->events->methods)
                process->events->methods(process->owner, line);
}

/* Whether what it wants to be logged may be. */
static bool may_log(struct process *process, unsigned n_lines, int level, uint64_t now)
{
        const struct program_options *options = process->options;

        return !process->quota ||
               quota_take(process->quota, options->log_rate_limit_burst,
                          options->log_rate_limit_interval, n_lines, log_enabled(level), now);
}

/* While it starts this is why it fails, which its owner tells; later there is only the log. */
static void take_exception(struct process *process, struct json_object *line)
{
        if (process->ready == 0) {
                json_object_put(process->start_error);
                process->start_error = json_object_get(line);
                process_leave_soon(process);
        } else if (may_log(process, 1, LOG_ERR, units_now())) {
                log_error(&process->context, "%s: %s\n%s", string_of(line, "exception"),
                          string_of(line, "message"), string_of(line, "traceback"));
        }
}

/* What is more urgent than this concerns the whole machine: it is shown on all of its terminals. */
static int level_of_worker(int level)
{
        return level < LOG_CRIT ? LOG_CRIT : level;
}

static void on_status(void *userdata, struct json_object *line)
{
        struct process *process = userdata;
        const char *type = string_of(line, "type"), *message = string_of(line, "message");

        if (strcmp(type, "log") == 0) {
                int level = log_level_from_name(string_of(line, "level"));
                level = level < 0 ? LOG_INFO : level_of_worker(level);
                if (may_log(process, 1, level, units_now()))
                        log_at(level, &process->context, "%s", message);
        } else if (strcmp(type, "exception") == 0) {
                take_exception(process, line);
        } else if (strcmp(type, "status") == 0 &&
                   (strcmp(message, "ready") == 0 || strcmp(message, "template") == 0)) {
                become_ready(process, line);
        } else if (strcmp(type, "status") == 0 && strcmp(message, "methods") == 0) {
                take_methods(process, line);
        } else if (strcmp(type, "status") == 0 && strcmp(message, "debugger") == 0) {
                take_wait(process, json_object_get_boolean(json_object_object_get(line, "waits")));
        }
}

static void on_broken(void *userdata, const char *reason)
{
        process_fail(userdata, reason);
}

const struct report_events process_report_events = {on_status, on_broken};

static void log_output(struct process *process, struct output *output, const char *stream,
                       const struct entry_text *text)
{
        struct log_context context = process->context;
        uint64_t now = units_now();
        int level = level_of_worker(text->level);

        if (!may_log(process, text->n_lines, level, now)) {
                if (!output_is_paused(output))
                        output_pause(output, quota_turn(process->quota, now));
                return;
        }
        context.request = text->serial;
        context.stream = stream;
        log_text(level, &context, text->text, text->length);
}

void process_on_out(void *userdata, const struct entry_text *text)
{
        struct process *process = userdata;

        log_output(process, &process->out, "stdout", text);
}

void process_on_err(void *userdata, const struct entry_text *text)
{
        struct process *process = userdata;

        log_output(process, &process->err, "stderr", text);
}
