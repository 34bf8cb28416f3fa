/* SPDX-License-Identifier: MIT */
#include "control.h"

#include "common/cleanup.h"
#include "discover.h"
#include "json_put.h"
#include "status.h"
#include "status_workers.h"

#include <string.h>

#define PARAMS_MAX 4096

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

static struct json_object *new_identity(const struct control *control)
{
        return status_identity(control->started, units_now());
}

static struct json_object *new_status(const struct control *control, const struct pool *only)
{
        const struct registry *registry = control->registry;
        struct json_object *status = new_identity(control), *programs = json_object_new_object();
        uint64_t now = units_now();

        for (size_t i = 0; i < registry->n_pools; i++)
                if (!only || only == registry->pools[i])
                        json_put(programs, registry->pools[i]->options->name,
                                 status_program(registry->pools[i], now));
        json_put_text(status, "listen", control->listen);
        status_put_clients(status, control->clients);
        json_put(status, "programs", programs);
        return status;
}

static struct json_object *new_workers(const struct control *control, const struct pool *only)
{
        const struct registry *registry = control->registry;
        struct json_object *object = json_object_new_object(), *workers = json_object_new_array();
        uint64_t now = units_now();

        for (size_t i = 0; i < registry->n_pools; i++)
                if (!only || only == registry->pools[i])
                        status_add_workers(workers, registry->pools[i], now);
        json_put(object, "workers", workers);
        return object;
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
        {"jumpbootd.workers", true, new_workers},
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
