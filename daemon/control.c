/* SPDX-License-Identifier: MIT */
#include "control.h"

#include "common/cleanup.h"
#include "discover.h"
#include "json_put.h"
#include "status.h"
#include "status_workers.h"
#include "worker_calls.h"

#include <limits.h>
#include <string.h>

#define PARAMS_MAX 4096

/* What params a method has. */
enum takes { TAKES_NOTHING, MAY_TAKE_PROGRAM, TAKES_PROGRAM, TAKES_PID };

struct params {
        struct pool *only;
        pid_t pid;
};

/* A method either makes its result at once, or begins something and finishes the request later. */
struct method {
        const char *name;
        enum takes takes;
        bool is_for_admins;
        struct json_object *(*run)(const struct control *control, struct caller *caller,
                                   const struct pool *only);
        /* Writes it as JSON. 0 or -ENOMEM. */
        int (*write)(const struct control *control, struct caller *caller, struct buffer *out);
        /* False: the answer says why not. */
        bool (*begin)(const struct control *control, const struct params *params,
                      struct request *request, struct rpc_answer *answer);
};

static const char *const wants[] = {
        [TAKES_NOTHING] = "no params",
        [MAY_TAKE_PROGRAM] = "only {\"program\": NAME}",
        [TAKES_PROGRAM] = "{\"program\": NAME}",
        [TAKES_PID] = "{\"pid\": NUMBER}",
};

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
        return pool_allows(pool, caller) || access_is_admin(&control->admins, caller);
}

/* The only member of an object, if it has this name and type. */
static struct json_object *only_member(struct json_object *params, const char *name,
                                       enum json_type type)
{
        struct json_object *value = NULL;

        if (!json_object_is_type(params, json_type_object) ||
            json_object_object_length(params) != 1 ||
            !json_object_object_get_ex(params, name, &value))
                return NULL;
        return json_object_is_type(value, type) ? value : NULL;
}

/* False: there is no such program, or none for this caller; the answer says so. */
static bool find_program(const struct control *control, struct caller *caller,
                         struct json_object *name, struct pool **ret, struct rpc_answer *answer)
{
        *ret = registry_find(control->registry, json_object_get_string(name),
                             (size_t)json_object_get_string_len(name));
        if (*ret && is_shown(control, *ret, caller))
                return true;
        rpc_answer_fail(answer, RPC_INVALID_PARAMS, NULL, "there is no program \"%s\"",
                        json_object_get_string(name));
        return false;
}

static bool take_params(const struct control *control, const struct method *method,
                        struct caller *caller, struct json_object *given, bool is_absent,
                        struct params *ret, struct rpc_answer *answer)
{
        struct json_object *value = NULL;
        int64_t pid = 0;

        if (method->takes == TAKES_PID)
                value = only_member(given, "pid", json_type_int);
        else if (method->takes != TAKES_NOTHING)
                value = only_member(given, "program", json_type_string);
        if (method->takes == TAKES_PID)
                pid = value ? json_object_get_int64(value) : 0;
        else if (value)
                return find_program(control, caller, value, &ret->only, answer);
        else if (is_absent && method->takes != TAKES_PROGRAM)
                return true;
        if (pid > 0 && pid <= INT_MAX) {
                ret->pid = (pid_t)pid;
                return true;
        }
        rpc_answer_fail(answer, RPC_INVALID_PARAMS, NULL, "%s takes %s", method->name,
                        wants[method->takes]);
        return false;
}

/* False: they are not what the method takes, which the answer says. */
static bool read_params(const struct control *control, const struct method *method,
                        const struct call *call, struct caller *caller, struct params *ret,
                        struct rpc_answer *answer)
{
        struct json_object *given = parse_params(call);
        bool is_absent = call->params.type == ENVELOPE_ABSENT || (given && is_empty(given));
        bool is_good = take_params(control, method, caller, given, is_absent, ret, answer);

        json_object_put(given);
        return is_good;
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
        const struct pool *pool;
        uint64_t now = units_now();

        for (size_t i = 0; i < registry->n_pools; i++)
                if ((!only || only == registry->pools[i]) &&
                    is_shown(control, registry->pools[i], caller))
                        status_add_workers(workers, registry->pools[i], now);
        /* Those of a program that a reload has removed, too. */
        LIST_FOREACH(pool, &registry->leaving, leaving)
        if (!only && is_shown(control, pool, caller))
                status_add_workers(workers, pool, now);
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

static int discover(const struct control *control, struct caller *caller, struct buffer *out)
{
        return discover_write(control->registry, caller, out);
}

static bool begin_stack(const struct control *control, const struct params *params,
                        struct request *request, struct rpc_answer *answer)
{
        return worker_call_stack(control->registry, params->pid, request, answer);
}

static bool begin_kill(const struct control *control, const struct params *params,
                       struct request *request, struct rpc_answer *answer)
{
        return worker_call_kill(control->registry, params->pid, request, answer);
}

static bool begin_reload(const struct control *control, const struct params *params,
                         struct request *request, struct rpc_answer *answer)
{
        (void)params;
        (void)answer;
        reload_ask(control->reload, request);
        return true;
}

static bool begin_restart(const struct control *control, const struct params *params,
                          struct request *request, struct rpc_answer *answer)
{
        (void)control;
        (void)answer;
        fleet_restart(params->only, request, units_now());
        return true;
}

static const struct method methods[] = {
        {"jumpbootd.ping", TAKES_NOTHING, false, ping, NULL, NULL},
        {"jumpbootd.status", MAY_TAKE_PROGRAM, false, new_status, NULL, NULL},
        {"jumpbootd.workers", MAY_TAKE_PROGRAM, false, new_workers, NULL, NULL},
        {"jumpbootd.stack", TAKES_PID, true, NULL, NULL, begin_stack},
        {"jumpbootd.kill", TAKES_PID, true, NULL, NULL, begin_kill},
        {"jumpbootd.reload", TAKES_NOTHING, true, NULL, NULL, begin_reload},
        {"jumpbootd.restart", TAKES_PROGRAM, true, NULL, NULL, begin_restart},
        {"rpc.discover", TAKES_NOTHING, false, NULL, discover, NULL},
};

static const struct method *find_method(const char *name, size_t length)
{
        for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
                if (strlen(methods[i].name) == length && memcmp(methods[i].name, name, length) == 0)
                        return &methods[i];
        return NULL;
}

static void write_result(const struct control *control, const struct method *method,
                         struct caller *caller, struct rpc_answer *answer)
{
        if (method->write(control, caller, &answer->own) == 0)
                rpc_answer_succeed_own(answer);
        else
                rpc_answer_fail(answer, RPC_INTERNAL_ERROR, NULL, "out of memory");
}

enum control_outcome control_call(const struct control *control, const struct call *call,
                                  struct request *request, struct rpc_answer *answer)
{
        const struct method *method = find_method(call->method, call->method_length);
        struct caller *caller = request->caller;
        struct params params = {0};

        if (!method)
                return CONTROL_UNKNOWN;
        /* Not for the daemon's own uid: its workers may have it too. */
        if (method->is_for_admins && !access_is_admin(&control->admins, caller)) {
                rpc_answer_fail(answer, RPC_FORBIDDEN, NULL,
                                "%s is for root and for those whom admin_users and admin_groups "
                                "in jumpbootd.conf name",
                                method->name);
        } else if (!read_params(control, method, call, caller, &params, answer)) {
                return CONTROL_ANSWERED;
        } else if (method->run) {
                rpc_answer_succeed(answer, method->run(control, caller, params.only));
        } else if (method->write) {
                write_result(control, method, caller, answer);
        } else if (control->is_stopping) {
                rpc_answer_fail(answer, RPC_SHUTTING_DOWN, NULL, NULL);
        } else if (method->begin(control, &params, request, answer)) {
                return CONTROL_DEFERRED;
        }
        return CONTROL_ANSWERED;
}
