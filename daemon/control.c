/* SPDX-License-Identifier: MIT */
#include "control.h"

#include "common/cleanup.h"
#include "common/units.h"
#include "discover.h"

#include <json-c/json.h>
#include <string.h>

#define PARAMS_MAX 4096

static void put(struct json_object *object, const char *key, struct json_object *value)
{
        json_object_object_add(object, key, value);
}

static void put_text(struct json_object *object, const char *key, const char *value)
{
        put(object, key, json_object_new_string(value));
}

static void put_number(struct json_object *object, const char *key, uint64_t value)
{
        put(object, key, json_object_new_uint64(value));
}

static struct json_object *new_identity(const struct control *control)
{
        struct json_object *object = json_object_new_object();

        put_text(object, "version", PACKAGE_VERSION);
        put_number(object, "pid", (uint64_t)getpid());
        struct json_object *uptime =
                json_object_new_double((double)(units_now() - control->started) / USEC_PER_SEC);
        json_object_set_serializer(uptime, json_object_double_to_json_string, (void *)"%.3f", NULL);
        put(object, "uptime", uptime);
        return object;
}

static struct json_object *new_workers(const struct pool *pool)
{
        struct json_object *workers = json_object_new_object();

        for (enum worker_state state = WORKER_STARTING; state <= WORKER_STOPPING; state++)
                put_number(workers, worker_state_name(state), pool->workers.count[state]);
        put_number(workers, "min", pool->options->min_workers);
        put_number(workers, "max", pool->options->max_workers);
        return workers;
}

static struct json_object *new_queue(const struct pool *pool)
{
        struct json_object *queue = json_object_new_object();

        put_number(queue, "length", pool->queue_length);
        put_number(queue, "max", pool->options->max_queue_size);
        put_number(queue, "high_water", pool->queue_high_water);
        return queue;
}

/* Counts by kind, the first one always and further ones where there are any. */
static struct json_object *new_outcomes(const uint64_t counts[RPC_STATUS_COUNT],
                                        enum rpc_status first)
{
        struct json_object *outcomes = json_object_new_object();

        for (enum rpc_status status = first; status < RPC_STATUS_COUNT; status++)
                if (counts[status] > 0 || status == first)
                        put_number(outcomes, rpc_status_kind(status), counts[status]);
        return outcomes;
}

static const char *state_of(const struct pool *pool)
{
        if (pool_is_unavailable(pool))
                return "unavailable";
        if (pool->workers.count[WORKER_IDLE] + pool->workers.count[WORKER_BUSY] > 0 ||
            pool->options->min_workers == 0)
                return "ready";
        return "starting";
}

static struct json_object *new_program(const struct pool *pool)
{
        struct json_object *program = json_object_new_object();

        put_text(program, "program_set", pool->options->program_set);
        put_text(program, "state", state_of(pool));
        put(program, "last_error", json_object_get(pool->last_error));
        put(program, "workers", new_workers(pool));
        put(program, "queue", new_queue(pool));
        put(program, "requests", new_outcomes(pool->finished, RPC_OK));
        put_number(program, "deaths", pool->deaths);
        put_number(program, "starts", pool->starts);
        put_number(program, "start_failures", pool->start_failures);
        return program;
}

/* Small params as a tree; NULL where there are none, or far too many. */
static struct json_object *parse_params(const struct call *call)
{
        char text[PARAMS_MAX];
        struct json_object *params = NULL;
        struct json_tokener *tokener = json_tokener_new();

        if (tokener && call->params.type != ENVELOPE_ABSENT && call->params.length <= PARAMS_MAX) {
                buffer_copy(call->source, call->params.offset, call->params.length, text);
                params = json_tokener_parse_ex(tokener, text, (int)call->params.length);
        }
        json_tokener_free(tokener);
        return params;
}

static bool is_empty(struct json_object *params)
{
        return json_object_is_type(params, json_type_array)
                       ? json_object_array_length(params) == 0
                       : json_object_object_length(params) == 0;
}

/*
 * Reads params of which only {"program": NAME} may be given, and that only where `takes_program`.
 * False: they are something else, which the answer says.
 */
static bool read_params(const struct control *control, const struct call *call, bool takes_program,
                        const struct pool **ret, struct rpc_answer *answer)
{
        struct json_object *params = parse_params(call), *name = NULL;
        bool is_absent = call->params.type == ENVELOPE_ABSENT || (params && is_empty(params));
        bool has_name = takes_program && json_object_is_type(params, json_type_object) &&
                        json_object_object_length(params) == 1 &&
                        json_object_object_get_ex(params, "program", &name) &&
                        json_object_is_type(name, json_type_string);

        *ret = NULL;
        if (has_name)
                *ret = registry_find(control->registry, json_object_get_string(name),
                                     (size_t)json_object_get_string_len(name));
        if (!is_absent && !has_name)
                rpc_answer_fail(answer, RPC_INVALID_PARAMS, NULL, "%s takes %s", call->method,
                                takes_program ? "only {\"program\": NAME}" : "no params");
        else if (has_name && !*ret)
                rpc_answer_fail(answer, RPC_INVALID_PARAMS, NULL, "there is no program \"%s\"",
                                json_object_get_string(name));
        json_object_put(params);
        return answer->status == RPC_OK;
}

static struct json_object *new_status(const struct control *control, const struct pool *only)
{
        const struct registry *registry = control->registry;
        struct json_object *status = new_identity(control), *programs = json_object_new_object();

        for (size_t i = 0; i < registry->n_pools; i++)
                if (!only || only == registry->pools[i])
                        put(programs, registry->pools[i]->options->name,
                            new_program(registry->pools[i]));
        put_text(status, "listen", control->listen);
        put_number(status, "clients", control->clients->n_clients);
        put_number(status, "requests_in_flight", control->clients->n_requests);
        put_number(status, "buffered", control->clients->buffers->memory);
        put(status, "refused", new_outcomes(control->clients->refused, RPC_PARSE_ERROR));
        put(status, "programs", programs);
        return status;
}

static struct json_object *ping(const struct control *control, const struct pool *only)
{
        (void)only;
        return new_identity(control);
}

static struct json_object *discover(const struct control *control, const struct pool *only)
{
        (void)only;
        return discover_document(control->registry);
}

static const struct method {
        const char *name;
        bool takes_program;
        struct json_object *(*run)(const struct control *control, const struct pool *only);
} methods[] = {
        {"jumpbootd.ping", false, ping},
        {"jumpbootd.status", true, new_status},
        {"rpc.discover", false, discover},
};

bool control_call(const struct control *control, const struct call *call, struct rpc_answer *answer)
{
        const struct pool *only;

        for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
                const struct method *method = &methods[i];
                if (strlen(method->name) != call->method_length ||
                    memcmp(method->name, call->method, call->method_length) != 0)
                        continue;
                if (read_params(control, call, method->takes_program, &only, answer))
                        rpc_answer_succeed(answer, method->run(control, only));
                return true;
        }
        return false;
}
