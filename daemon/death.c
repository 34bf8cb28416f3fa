/* SPDX-License-Identifier: MIT */
#include "death.h"

#include "common/rpc.h"
#include "worker.h"

#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static bool was_killed(const struct worker *worker)
{
        return worker->exit_code == CLD_KILLED || worker->exit_code == CLD_DUMPED;
}

/* One that was told off but ended by itself all the same tells more by how it ended. */
static bool is_at_fault(const struct worker *worker)
{
        return worker->fault && worker->exit_status == SIGKILL && was_killed(worker);
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

const char *death_text(const struct worker *worker, char text[DEATH_TEXT_MAX])
{
        char name[32];

        if (is_at_fault(worker))
                snprintf(text, DEATH_TEXT_MAX, "was ended: %s", worker->fault);
        else if (was_killed(worker))
                snprintf(text, DEATH_TEXT_MAX, "was killed by %s%s",
                         signal_name(worker->exit_status, name),
                         worker->exit_code == CLD_DUMPED ? " (core dumped)" : "");
        else
                snprintf(text, DEATH_TEXT_MAX, "exited with status %d", worker->exit_status);
        return text;
}

struct json_object *death_data(const struct worker *worker)
{
        struct json_object *data = json_object_new_object();
        char name[32];

        json_object_object_add(data, "pid", json_object_new_int64(worker->pid));
        if (is_at_fault(worker))
                json_object_object_add(data, "reason", json_object_new_string(worker->fault));
        if (was_killed(worker))
                json_object_object_add(
                        data, "signal",
                        json_object_new_string(signal_name(worker->exit_status, name)));
        else
                json_object_object_add(data, "exit_status",
                                       json_object_new_int(worker->exit_status));
        json_object_object_add(
                data, "stderr",
                rpc_json_text(worker->err.tail ? worker->err.tail : "", worker->err.tail_length));
        return data;
}

struct json_object *death_start_error(const struct worker *worker)
{
        char text[DEATH_TEXT_MAX], message[DEATH_TEXT_MAX + 32];

        if (worker->start_error)
                return json_object_get(worker->start_error);
        struct json_object *data = death_data(worker);
        snprintf(message, sizeof(message), "the worker %s before it %s", death_text(worker, text),
                 worker->ready ? "had answered anything" : "was ready");
        json_object_object_add(data, "message", json_object_new_string(message));
        return data;
}
