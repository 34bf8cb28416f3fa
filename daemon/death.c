/* SPDX-License-Identifier: MIT */
#include "death.h"

#include "common/rpc.h"
#include "process.h"

#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static bool was_killed(const struct process *process)
{
        return process->exit_code == CLD_KILLED || process->exit_code == CLD_DUMPED;
}

/* One that was told off but ended by itself all the same tells more by how it ended. */
static bool is_at_fault(const struct process *process)
{
        return process->fault && process->exit_status == SIGKILL && was_killed(process);
}

static const char *signal_name(int number, char text[32])
{
        const char *name = sigabbrev_np(number);

        if (name)
                snprintf(text, 32, "SIG%s", name);
        else
                snprintf(text, 32, "signal %d", number);
        return text;
}

enum death_cause death_cause(const struct process *process)
{
        if (is_at_fault(process))
                return DEATH_FAULT;
        if (process->out_of_memory == OOM_YES)
                return DEATH_MEMORY;
        return was_killed(process) ? DEATH_SIGNAL : DEATH_EXIT;
}

const char *death_cause_name(enum death_cause cause)
{
        static const char *const names[DEATH_CAUSES] = {
                [DEATH_EXIT] = "exit",
                [DEATH_SIGNAL] = "signal",
                [DEATH_MEMORY] = "memory",
                [DEATH_FAULT] = "fault",
        };

        return names[cause];
}

const char *death_text(const struct process *process, char text[DEATH_TEXT_MAX])
{
        char name[32];

        if (is_at_fault(process))
                snprintf(text, DEATH_TEXT_MAX, "was ended: %s", process->fault);
        else if (process->out_of_memory == OOM_YES)
                snprintf(text, DEATH_TEXT_MAX, "was killed for memory (SIGKILL by the kernel)");
        else if (was_killed(process))
                snprintf(text, DEATH_TEXT_MAX, "was killed by %s%s",
                         signal_name(process->exit_status, name),
                         process->exit_code == CLD_DUMPED ? " (core dumped)" : "");
        else
                snprintf(text, DEATH_TEXT_MAX, "exited with status %d", process->exit_status);
        return text;
}

static enum log_event event_of(const struct process *process)
{
        if (process->is_asked)
                return LOG_EVENT_NONE;
        return death_cause(process) == DEATH_MEMORY ? LOG_EVENT_WORKER_OUT_OF_MEMORY
                                                    : LOG_EVENT_WORKER_DIED;
}

void death_log(int level, const struct log_context *context, const struct process *process)
{
        char text[DEATH_TEXT_MAX];

        log_event(event_of(process), level, context, "%s%s%s", death_text(process, text),
                  process->stack ? "\n" : "", process->stack ? process->stack : "");
}

static struct json_object *tail_of(const struct output *output)
{
        return rpc_json_text(output->tail ? output->tail : "", output->tail_length);
}

struct json_object *death_data(const struct process *process)
{
        struct json_object *data = json_object_new_object();
        char name[32];

        json_object_object_add(data, "pid", json_object_new_int64(process->pid));
        if (is_at_fault(process))
                json_object_object_add(data, "reason", json_object_new_string(process->fault));
        if (was_killed(process))
                json_object_object_add(
                        data, "signal",
                        json_object_new_string(signal_name(process->exit_status, name)));
        else
                json_object_object_add(data, "exit_status",
                                       json_object_new_int(process->exit_status));
        if (process->out_of_memory != OOM_UNKNOWN)
                json_object_object_add(data, "out_of_memory",
                                       json_object_new_boolean(process->out_of_memory == OOM_YES));
        json_object_object_add(data, "stderr", tail_of(&process->err));
        if (process->stack)
                json_object_object_add(data, "stack",
                                       rpc_json_text(process->stack, strlen(process->stack)));
        return data;
}

struct json_object *death_start_error(const struct process *process)
{
        char text[DEATH_TEXT_MAX], message[DEATH_TEXT_MAX + 32];

        if (process->start_error)
                return json_object_get(process->start_error);
        struct json_object *data = death_data(process);
        snprintf(message, sizeof(message), "the worker %s before it %s", death_text(process, text),
                 process->ready ? "had answered anything" : "was ready");
        json_object_object_add(data, "message", json_object_new_string(message));
        if (process->ready == 0 && process->out.tail_length > 0)
                json_object_object_add(data, "stdout", tail_of(&process->out));
        return data;
}
