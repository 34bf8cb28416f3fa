/* SPDX-License-Identifier: MIT */
#include "summary.h"

#include "client.h"
#include "common/text.h"
#include "fleet.h"
#include "proc.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define REASON_MAX 120 /* bytes of why a program fails */

struct writer {
        char *text;
        size_t size, length;
        bool is_full;
};

/* Adds all of it or nothing. */
static void put(struct writer *writer, const char *format, ...) _printf_(2, 3);
static void put(struct writer *writer, const char *format, ...)
{
        size_t room = writer->size - writer->length;
        va_list arguments;

        va_start(arguments, format);
        int n = vsnprintf(writer->text + writer->length, room, format, arguments);
        va_end(arguments);
        if (n >= 0 && (size_t)n < room) {
                writer->length += (size_t)n;
        } else {
                writer->text[writer->length] = '\0';
                writer->is_full = true;
        }
}

static const char *plural(size_t n)
{
        return n == 1 ? "" : "s";
}

void summary_tame(const char *raw, char *text, size_t size)
{
        bool is_utf8 = text_is_utf8(raw, strlen(raw));
        size_t n = strcspn(raw, "\n");

        if (n >= size)
                for (n = size - 1; n > 0 && ((uint8_t)raw[n] & 0xC0) == 0x80; n--)
                        continue;
        memcpy(text, raw, n);
        text[n] = '\0';
        for (uint8_t *p = (uint8_t *)text; *p; p++) {
                if (is_utf8 && *p == 0xC2 && p[1] < 0xA0)
                        p[0] = p[1] = ' ';
                else if (*p < 0x20 || *p == 0x7F || (!is_utf8 && *p >= 0x80))
                        *p = ' ';
        }
}

static const char *member(struct json_object *error, const char *key)
{
        struct json_object *value = NULL;

        json_object_object_get_ex(error, key, &value);
        return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static void put_failing(struct writer *writer, const struct pool *pool)
{
        char kind[REASON_MAX], reason[REASON_MAX];

        summary_tame(member(pool->last_error, "exception"), kind, sizeof(kind));
        summary_tame(member(pool->last_error, "message"), reason, sizeof(reason));
        put(writer, "%s%s (%s%s%s)", writer->length ? ", " : "", pool->options->name, kind,
            *kind ? ": " : "", reason);
}

/* The workers that start show that they do so by the time of the CPU that they take. */
static uint64_t cpu_of_starting(const struct pool *pool, const char *proc)
{
        const struct worker *worker;
        struct proc_process process;
        uint64_t sum = 0;

        TAILQ_FOREACH (worker, &pool->workers.list[WORKER_STARTING], link)
                if (worker->process.pid > 0 && proc_read(proc, worker->process.pid, &process) == 0)
                        sum += process.cpu;
        return sum;
}

static void add_pool(struct summary *summary, const struct pool *pool, const char *proc)
{
        const unsigned *count = pool->workers.count;
        size_t serving = count[WORKER_IDLE] + count[WORKER_BUSY];

        summary->n_workers += serving;
        summary->n_busy += count[WORKER_BUSY];
        summary->n_processes += serving + count[WORKER_STARTING] + count[WORKER_STOPPING];
        summary->n_waiting += pool->queue_length;
        summary->n_running += pool_count_requests(pool) - pool->queue_length;
        summary->moved += pool->starts + pool->start_failures + serving +
                          (count[WORKER_STARTING] ? cpu_of_starting(pool, proc) : 0);
}

void summary_take(struct summary *summary, const struct fleet *fleet,
                  const struct client_surroundings *clients, const char *proc)
{
        const struct registry *registry = &fleet->registry;
        struct writer failing = {.text = summary->failing, .size = sizeof(summary->failing)};
        struct writer waited = {.text = summary->waited_for, .size = sizeof(summary->waited_for)};
        const struct pool *pool;

        *summary = (struct summary){
                .n_programs = registry->n_pools,
                .n_clients = clients->n_clients,
        };
        for (size_t i = 0; i < registry->n_pools; i++) {
                pool = registry->pools[i];
                add_pool(summary, pool, proc);
                if (fleet_is_pending(pool)) {
                        summary->n_waited_for++;
                        put(&waited, "%s%s", waited.length ? ", " : "", pool->options->name);
                } else if (pool_is_failing(pool)) {
                        summary->n_failing++;
                        put_failing(&failing, pool);
                }
        }
        LIST_FOREACH(pool, &registry->leaving, leaving)
        add_pool(summary, pool, proc);
        if (waited.is_full)
                put(&waited, ", ...");
        if (failing.is_full)
                put(&failing, ", ...");
}

static void put_programs(struct writer *writer, const struct summary *summary,
                         enum summary_phase phase)
{
        size_t n = summary->n_programs, ready = n - summary->n_waited_for - summary->n_failing;
        /* Their older workers may well serve. */
        bool are_renewed = phase == SUMMARY_SETTLING && summary->n_waited_for > 0;

        if (are_renewed)
                put(writer, "waiting for %s", summary->waited_for);
        else if (n == 0)
                put(writer, "no programs");
        else if (ready == n)
                put(writer, "%zu program%s ready", n, plural(n));
        else
                put(writer, "%zu of %zu programs ready", ready, n);
        if (summary->n_waited_for && !are_renewed)
                put(writer, ", waiting for %s", summary->waited_for);
        if (summary->n_failing)
                put(writer, "; failing to start: %s", summary->failing);
}

static void put_load(struct writer *writer, const struct summary *summary)
{
        put(writer, "; %zu worker%s, %zu client%s", summary->n_workers, plural(summary->n_workers),
            summary->n_clients, plural(summary->n_clients));
        if (summary->n_running + summary->n_waiting > 0)
                put(writer, "; %zu request%s running, %zu waiting", summary->n_running,
                    plural(summary->n_running), summary->n_waiting);
}

const char *summary_text(const struct summary *summary, enum summary_phase phase,
                         char text[static SUMMARY_MAX])
{
        static const char *const begin[] = {
                [SUMMARY_STARTING] = "Starting: ",
                [SUMMARY_SERVING] = "Serving: ",
                [SUMMARY_LOADING] = "Reading the config anew: ",
                [SUMMARY_SETTLING] = "Reloading: ",
                [SUMMARY_DRAINING] = "Stopping: ",
                [SUMMARY_STOPPING] = "Stopping: ",
        };
        struct writer writer = {.text = text, .size = SUMMARY_MAX};
        size_t n_requests = summary->n_running + summary->n_waiting;

        put(&writer, "%s", begin[phase]);
        if (phase == SUMMARY_DRAINING) {
                put(&writer, "answering %zu request%s of %zu client%s", n_requests,
                    plural(n_requests), summary->n_clients, plural(summary->n_clients));
        } else if (phase == SUMMARY_STOPPING) {
                put(&writer, "%zu worker%s still to leave", summary->n_processes,
                    plural(summary->n_processes));
        } else {
                put_programs(&writer, summary, phase);
                put_load(&writer, summary);
        }
        return text;
}
