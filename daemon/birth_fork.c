/* SPDX-License-Identifier: MIT */
#include "birth_fork.h"

#include "births.h"
#include "children.h"
#include "common/cleanup.h"
#include "common/fdpass.h"
#include "pages.h"
#include "process_environment.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <unistd.h>

/* The variables, which are cut at their "=". */
static struct json_object *new_environment(char **variables)
{
        struct json_object *environment = json_object_new_object();

        for (; *variables; variables++) {
                char *value = strchr(*variables, '=');
                *value = '\0';
                json_object_object_add(environment, *variables, json_object_new_string(value + 1));
        }
        return environment;
}

/* What the template is not bound to: a CPU for each worker. */
static void put_cpus(struct json_object *command, const struct process *process)
{
        const struct cpus *cpus = &process->options->cpu_affinity;
        struct json_object *numbers;
        cpu_set_t set;

        if (!cpus->is_spread || !cpus_of_slot(cpus, process->context.slot, &set))
                return;
        numbers = json_object_new_array();
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
                if (CPU_ISSET((size_t)cpu, &set))
                        json_object_array_add(numbers, json_object_new_int(cpu));
        json_object_object_add(command, "cpus", numbers);
}

/* NULL: out of memory. */
static struct json_object *new_command(const struct process *process)
{
        _cleanup_free_ char **variables =
                process_environment_new(process->options, process->context.slot, process->number);

        if (!variables)
                return NULL;
        struct json_object *command = json_object_new_object();
        json_object_object_add(command, "number", json_object_new_int64((int64_t)process->number));
        json_object_object_add(command, "parent", json_object_new_int64(getpid()));
        json_object_object_add(
                command, "environment",
                new_environment(process_environment_own(variables, process->options)));
        put_cpus(command, process);
        return command;
}

static int ask(struct birth *birth, const int *fds, size_t n_fds)
{
        struct children *children = birth->process->around->children;
        struct json_object *command = new_command(birth->process);
        size_t length;
        /* It may be seen before it is born. */
        int r = command ? children_expect(children, birth->process->number) : -ENOMEM;

        if (r == 0) {
                const char *text =
                        json_object_to_json_string_length(command, JSON_C_TO_STRING_PLAIN, &length);
                r = fdpass_send(birth->births->control, text, length, fds, n_fds);
                if (r == -EPIPE) /* it has just ended, which will be told to all that it owes */
                        r = 0;
                if (r < 0)
                        children_expect_no_more(children, birth->process->number);
        }
        json_object_put(command);
        return r;
}

int birth_fork(struct birth *birth, const int *page_fds, struct spawned *ends,
               char error[SPAWN_ERROR_MAX])
{
        int theirs[SPAWN_PIPES + PAGES_COUNT];
        int r = spawn_pipes(ends, theirs, error);

        memcpy(&theirs[SPAWN_PIPES], page_fds, PAGES_COUNT * sizeof(*page_fds));
        if (r == 0) {
                r = ask(birth, theirs, ARRAY_SIZE(theirs));
                if (r < 0)
                        snprintf(error, SPAWN_ERROR_MAX, "cannot ask the template for it: %s",
                                 strerror(-r));
        }
        for (size_t i = 0; i < SPAWN_PIPES; i++)
                close_fd(theirs[i]);
        if (r < 0)
                return r;
        birth->state = BIRTH_ASKED;
        birth->births->n_asked++;
        birth->methods = json_object_get(birth->births->methods);
        snprintf(error, SPAWN_ERROR_MAX, "out of memory");
        return process_attach(birth->process, ends);
}
