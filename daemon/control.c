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

/* Who manages the daemon sees every program; others see what they may call. */
static bool is_shown(const struct control *control, const struct pool *pool, struct caller *caller)
{
        return program_options_allow(pool->options, caller) ||
               access_is_admin(&control->admins, caller);
}

/*
 * Reads params of which only {"program": NAME} may be given, and that only where `takes_program`.
 * False: they are something else, which the answer says.
 */
static bool read_params(const struct control *control, const struct call *call,
                        struct caller *caller, bool takes_program, const struct pool **ret,
                        struct rpc_answer *answer)
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
        if (*ret && !is_shown(control, *ret, caller))
                *ret = NULL;
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

static struct json_object *new_status(const struct control *control, struct caller *caller,
                                      const struct pool *only)
{
        const struct registry *registry = control->registry;
        struct json_object *status = new_identity(control), *programs = json_object_new_object();
        size_t n_requests = 0;
        uint64_t now = units_now();
        bool shows_all = true;

        for (size_t i = 0; i < registry->n_pools; i++) {
                const struct pool *pool = registry->pools[i];
                if (!is_shown(control, pool, caller)) {
                        shows_all = false;
                        continue;
                }
                n_requests += pool_count_requests(pool);
                if (!only || only == pool)
                        json_put(programs, pool->options->name, status_program(pool, now));
        }
        json_put_text(status, "listen", control->listen);
        status_put_clients(status, control->clients,
                           shows_all ? control->clients->n_requests : n_requests);
        json_put(status, "programs", programs);
        return status;
}

static struct json_object *new_workers(const struct control *control, struct caller *caller,
                                       const struct pool *only)
{
        const struct registry *registry = control->registry;
        struct json_object *object = json_object_new_object(), *workers = json_object_new_array();
        uint64_t now = units_now();

        for (size_t i = 0; i < registry->n_pools; i++)
                if ((!only || only == registry->pools[i]) &&
                    is_shown(control, registry->pools[i], caller))
                        status_add_workers(workers, registry->pools[i], now);
        json_put(object, "workers", workers);
        return object;
}

static struct json_object *ping(const struct control *control, struct caller *caller,
                                const struct pool *only)
{
        (void)caller;
        (void)only;
        return new_identity(control);
}

static struct json_object *discover(const struct control *control, struct caller *caller,
                                    const struct pool *only)
{
        (void)only;
        return discover_document(control->registry, caller);
}

static const struct method {
        const char *name;
        bool takes_program;
        struct json_object *(*run)(const struct control *control, struct caller *caller,
                                   const struct pool *only);
} methods[] = {
        {"jumpbootd.ping", false, ping},
        {"jumpbootd.status", true, new_status},
        {"jumpbootd.workers", true, new_workers},
        {"rpc.discover", false, discover},
};

bool control_call(const struct control *control, const struct call *call, struct caller *caller,
                  struct rpc_answer *answer)
{
        const struct pool *only;

        for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
                const struct method *method = &methods[i];
                if (strlen(method->name) != call->method_length ||
                    memcmp(method->name, call->method, call->method_length) != 0)
                        continue;
                if (read_params(control, call, caller, method->takes_program, &only, answer))
                        rpc_answer_succeed(answer, method->run(control, caller, only));
                return true;
        }
        return false;
}
