/* SPDX-License-Identifier: MIT */
/*
 * The daemon's own methods, asked as clients ask.
 */
#include "daemon/control.h"

#include "fixture_pool.h"

#include <json-c/json.h>

static struct registry registry;
static struct client_surroundings clients;
static struct control control;
static struct json_object *reply; /* of the last call: its result, or its error's data */
static enum rpc_status status;

static void setup(void)
{
        pools_begin();
        registry = (struct registry){0};
        clients = (struct client_surroundings){.buffers = &buffers,
                                               .n_clients = 3,
                                               .n_requests = 2,
                                               .refused = {[RPC_PARSE_ERROR] = 5}};
        control = (struct control){.registry = &registry,
                                   .clients = &clients,
                                   .listen = "/run/the.sock",
                                   .started = units_now() - 90000000};
        reply = NULL;
}

static void teardown(void)
{
        json_object_put(reply);
        for (size_t i = 0; i < registry.n_pools; i++)
                pool_stop(registry.pools[i], true, units_now());
        registry_clear(&registry);
        workers_end();
}

static struct pool *add(const char *name, const char *mode, unsigned min_workers)
{
        struct program_options *options = new_options(name, mode);

        options->min_workers = min_workers;
        if (min_workers > options->max_workers)
                options->max_workers = min_workers;
        struct pool *pool = new_pool(options);
        ck_assert_int_eq(registry_add(&registry, pool), 0);
        return pool;
}

/* Whether there is such a method. `params` may be "". */
static bool ask(const char *method, const char *params)
{
        struct buffer source;
        struct call call = {.source = &source, .method_length = strlen(method)};
        struct rpc_answer answer;
        char text[65536];

        strcpy(call.method, method);
        buffer_init(&source, &buffers);
        ck_assert_int_eq(buffer_append(&source, params, strlen(params)), 0);
        if (*params)
                call.params = (struct envelope_span){
                        *params == '[' ? ENVELOPE_ARRAY : ENVELOPE_OBJECT, 0, strlen(params)};
        rpc_answer_init(&answer, &buffers);
        struct request *request = new_request("", "");
        enum control_outcome outcome = control_call(&control, &call, request, &answer);
        bool is_there = outcome == CONTROL_ANSWERED;
        if (outcome != CONTROL_DEFERRED)
                request_free(request);
        status = answer.status;
        const struct rpc_part *part = status == RPC_OK ? &answer.result : &answer.data;
        json_object_put(reply);
        reply = NULL;
        if (is_there) {
                put_answer_part(part, text, sizeof(text));
                reply = json_tokener_parse(text);
                ck_assert_msg(reply != NULL, "%s", text);
        }
        rpc_answer_clear(&answer);
        buffer_clear(&source);
        return is_there;
}

/* What stands in the reply at "a/b/c". */
static const char *at(const char *path)
{
        char copy[256], *save = NULL;
        struct json_object *value = reply;

        strcpy(copy, path);
        for (char *key = strtok_r(copy, "/", &save); key; key = strtok_r(NULL, "/", &save))
                ck_assert_msg(json_object_object_get_ex(value, key, &value), "no %s in %s", path,
                              json_object_to_json_string(reply));
        return value ? json_object_get_string(value) : "null";
}

START_TEST(a_ping_tells_who_answers)
{
        ck_assert(ask("jumpbootd.ping", ""));
        ck_assert_str_eq(at("version"), PACKAGE_VERSION);
        ck_assert_int_eq(atoi(at("pid")), getpid());
        ck_assert(atof(at("uptime")) >= 90 && atof(at("uptime")) < 1000);
}
END_TEST

START_TEST(the_status_tells_of_all)
{
        struct pool *pool = add("calc", "echo", 1);
        add("lazy", "echo", 0);

        wait_idle(pool, 1);
        submit_call(pool, "echo", "");
        loop_until(n_answers == 1);
        ck_assert(ask("jumpbootd.status", ""));
        ck_assert_str_eq(at("listen"), "/run/the.sock");
        ck_assert_str_eq(at("clients"), "3");
        ck_assert_str_eq(at("requests_in_flight"), "2");
        ck_assert_str_eq(at("refused/parse_error"), "5");
        ck_assert_str_eq(at("programs/calc/program_set"), "the-set");
        ck_assert_str_eq(at("programs/calc/state"), "ready");
        ck_assert_str_eq(at("programs/calc/last_error"), "null");
        ck_assert_str_eq(at("programs/calc/workers/idle"), "1");
        ck_assert_str_eq(at("programs/calc/workers/busy"), "0");
        ck_assert_str_eq(at("programs/calc/workers/max"), "1");
        ck_assert_str_eq(at("programs/calc/queue/length"), "0");
        ck_assert_str_eq(at("programs/calc/requests/ok"), "1");
        ck_assert_str_eq(at("programs/calc/starts"), "1");
        ck_assert_str_eq(at("programs/calc/options/start_method"), "spawn");
        ck_assert_str_eq(at("programs/calc/options/min_workers"), "1");
        ck_assert_str_eq(at("programs/calc/options/restart_interval"), "1m");
        ck_assert_str_eq(at("programs/calc/run_time/count"), "1");
        ck_assert_str_eq(at("programs/calc/run_time/recent/count"), "1");
        ck_assert(atof(at("programs/calc/run_time/max")) > 0);
        ck_assert_str_eq(at("programs/calc/run_time/max"), at("programs/calc/run_time/p50"));
        ck_assert_str_eq(at("programs/calc/run_time/max"), at("programs/calc/run_time/total"));
        ck_assert_str_eq(at("programs/calc/queue_wait/count"), "1");
        ck_assert_str_eq(at("programs/calc/queue_wait/p99"), "0.000000");
        ck_assert_str_eq(at("programs/lazy/run_time/count"), "0");
        ck_assert_str_eq(at("programs/lazy/run_time/p99"), "0.000000");
        ck_assert_str_eq(at("programs/lazy/state"), "ready");
}
END_TEST

/* Goes on with one of the workers of which the reply tells. */
static void take_worker(size_t index, size_t of)
{
        struct json_object *workers = json_object_object_get(reply, "workers");

        ck_assert_uint_eq(json_object_array_length(workers), of);
        struct json_object *worker = json_object_get(json_object_array_get_idx(workers, index));
        json_object_put(reply);
        reply = worker;
}

START_TEST(each_worker_is_told_of)
{
        struct pool *pool = add("calc", "echo", 2);

        add("lazy", "echo", 0);
        wait_idle(pool, 2);
        submit_call(pool, "echo", "");
        loop_until(n_answers == 1);
        submit_call(pool, "hang", "");
        struct worker *busy = first_worker(pool, WORKER_BUSY);
        ck_assert(ask("jumpbootd.workers", ""));
        take_worker(busy->slot, 2);
        ck_assert_str_eq(at("program"), "calc");
        ck_assert_int_eq(atoi(at("pid")), busy->process.pid);
        ck_assert_int_eq(atoi(at("slot")), (int)busy->slot);
        ck_assert_str_eq(at("state"), "busy");
        ck_assert_str_eq(at("served"), "1");
        ck_assert_str_eq(at("function"), "hang");
        ck_assert_str_eq(at("is_interrupted"), "false");
        ck_assert_str_eq(at("request"), "2");
        ck_assert(atof(at("memory")) > 100000);
        ck_assert(atof(at("age")) >= atof(at("since")));
        ck_assert(atof(at("since")) >= atof(at("function_age")));
        ck_assert(ask("jumpbootd.workers", "{\"program\":\"calc\"}"));
        take_worker(1 - busy->slot, 2);
        ck_assert_str_eq(at("state"), "idle");
        ck_assert_str_eq(at("served"), "0");
        ck_assert_str_eq(at("function"), "null");
        ck_assert(!json_object_object_get_ex(reply, "function_age", NULL));
        ck_assert(ask("jumpbootd.workers", "{\"program\":\"lazy\"}"));
        take_worker(0, 0);
}
END_TEST

START_TEST(workers_come_and_go_before_the_eyes)
{
        struct pool *pool = add("calc", "deaf", 1);

        pool_maintain(pool, units_now());
        ck_assert(ask("jumpbootd.workers", ""));
        take_worker(0, 1);
        ck_assert_str_eq(at("state"), "starting");
        ck_assert_str_eq(at("since"), at("age"));
        wait_idle(pool, 1);
        worker_stop(first_worker(pool, WORKER_IDLE), units_now());
        ck_assert(ask("jumpbootd.workers", ""));
        take_worker(0, 1);
        ck_assert_str_eq(at("state"), "stopping");
        ck_assert(atof(at("age")) >= atof(at("since")));
}
END_TEST

START_TEST(ends_and_replacements_are_counted)
{
        struct pool *pool = add("calc", "echo", 1);

        ck_assert(ask("jumpbootd.status", ""));
        ck_assert_str_eq(at("programs/calc/deaths"), "0");
        ck_assert_str_eq(at("programs/calc/death_causes"), "{ }");
        ck_assert_str_eq(at("programs/calc/recycled"), "{ }");
        ck_assert_str_eq(at("programs/calc/last_renewal"), "null");
        wait_idle(pool, 1);
        submit_call(pool, "echo", "");
        submit_call(pool, "exit", "");
        submit_call(pool, "echo", "");
        loop_until(n_answers == 3);
        submit_call(pool, "segv", "");
        submit_call(pool, "echo", "");
        loop_until(n_answers == 5);
        submit_call(pool, "garbage", "");
        loop_until(n_answers == 6);
        wait_idle(pool, 1);
        ck_assert(ask("jumpbootd.status", ""));
        ck_assert_str_eq(at("programs/calc/deaths"), "3");
        ck_assert_str_eq(at("programs/calc/death_causes/exit"), "1");
        ck_assert_str_eq(at("programs/calc/death_causes/signal"), "1");
        ck_assert_str_eq(at("programs/calc/death_causes/fault"), "1");
        ck_assert_str_eq(at("programs/calc/respawns"), "3");
        ck_assert(atoi(at("programs/calc/maximum_reached")) > 0);
        ck_assert_str_eq(at("programs/calc/options/max_requests"), "0");
}
END_TEST

START_TEST(the_last_renewal_is_told)
{
        struct pool *pool = add("calc", "echo", 1);
        struct program_options *newer = new_options("calc", "exit3");

        wait_idle(pool, 1);
        pool_renew(pool, pool->options, units_now());
        submit_call(pool, "hang", "");
        loop_until(pool->renewal.n_good == 1);
        ck_assert(ask("jumpbootd.workers", ""));
        take_worker(0, 2);
        ck_assert_str_eq(at("due"), "renewed");
        ck_assert(ask("jumpbootd.status", ""));
        ck_assert_str_eq(at("programs/calc/last_renewal/ok"), "true");
        ck_assert_str_eq(at("programs/calc/last_renewal/error"), "null");
        ck_assert(atof(at("programs/calc/last_renewal/ago")) < 60);
        pool_renew(pool, newer, units_now());
        program_options_unref(newer);
        loop_until(pool->renewal.n_failed == 1);
        ck_assert(ask("jumpbootd.status", ""));
        ck_assert_str_eq(at("programs/calc/last_renewal/ok"), "false");
        ck_assert_str_eq(at("programs/calc/last_renewal/error/exit_status"), "3");
        ck_assert_str_eq(at("programs/calc/last_renewal/good"), "1");
        ck_assert_str_eq(at("programs/calc/last_renewal/failed"), "1");
        ck_assert(ask("jumpbootd.workers", ""));
        take_worker(1, 2);
        ck_assert_str_eq(at("due"), "null");
}
END_TEST

START_TEST(what_is_being_interrupted_is_still_told_of)
{
        struct pool *pool = add("calc", "able", 1);

        wait_idle(pool, 1);
        submit_call(pool, "patient", "");
        struct worker *busy = first_worker(pool, WORKER_BUSY);
        loop_until(buffer_is_empty(&busy->channel.to_worker));
        count_requests(busy, 1, 0);
        pool_maintain(pool, units_now() + pool->options->request_timeout);
        ck_assert_int_eq(last_status, RPC_TIMEOUT);
        ck_assert(ask("jumpbootd.workers", ""));
        take_worker(0, 1);
        ck_assert_str_eq(at("state"), "busy");
        ck_assert_str_eq(at("function"), "patient");
        ck_assert_str_eq(at("request"), "1");
        ck_assert_str_eq(at("is_interrupted"), "true");
        loop_until(busy->state == WORKER_IDLE);
        ck_assert(ask("jumpbootd.status", ""));
        ck_assert_str_eq(at("programs/calc/fates/interrupted"), "1");
        ck_assert_str_eq(at("programs/calc/fates/killed"), "0");
        ck_assert(ask("jumpbootd.workers", ""));
        take_worker(0, 1);
        ck_assert_str_eq(at("function"), "null");
}
END_TEST

START_TEST(the_state_follows_the_workers)
{
        struct pool *pool = add("calc", "exit3", 1);

        pool->options->restart_threshold = 1;
        ck_assert(ask("jumpbootd.status", "{\"program\":\"calc\"}"));
        ck_assert_str_eq(at("programs/calc/state"), "starting");
        loop_until(pool_is_unavailable(pool));
        ck_assert(ask("jumpbootd.status", ""));
        ck_assert_str_eq(at("programs/calc/state"), "unavailable");
        ck_assert_str_eq(at("programs/calc/last_error/exit_status"), "3");
        ck_assert_str_eq(at("programs/calc/start_failures"), "1");
}
END_TEST

START_TEST(the_status_of_one_program_may_be_asked_for)
{
        add("a", "echo", 0);
        add("b", "echo", 0);
        ck_assert(ask("jumpbootd.status", "{\"program\":\"b\"}"));
        ck_assert_str_eq(at("programs/b/state"), "ready");
        ck_assert(!json_object_object_get_ex(json_object_object_get(reply, "programs"), "a", NULL));
        ck_assert(ask("jumpbootd.status", "{\"program\":\"\xc3\xa9\"}"));
        ck_assert_int_eq(status, RPC_INVALID_PARAMS);
        ck_assert_str_eq(at("detail"), "there is no program \"\xc3\xa9\"");
}
END_TEST

START_TEST(other_params_are_refused)
{
        static const char *const params[] = {
                "{\"program\":17}",
                "{\"program\":null}",
                "{\"x\":1}",
                "[1]",
                "{\"program\":\"a\",\"x\":1}",
        };

        add("a", "echo", 0);
        for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
                ck_assert(ask("jumpbootd.status", params[i]));
                ck_assert_int_eq(status, RPC_INVALID_PARAMS);
                ck_assert(ask("jumpbootd.workers", params[i]));
                ck_assert_int_eq(status, RPC_INVALID_PARAMS);
                ck_assert(ask("jumpbootd.ping", params[i]));
                ck_assert_int_eq(status, RPC_INVALID_PARAMS);
        }
        ck_assert(ask("jumpbootd.ping", "{\"program\":\"a\"}"));
        ck_assert_int_eq(status, RPC_INVALID_PARAMS);
        ck_assert(ask("jumpbootd.ping", "[]"));
        ck_assert_int_eq(status, RPC_OK);
        ck_assert(ask("jumpbootd.status", "{}"));
        ck_assert_int_eq(status, RPC_OK);
}
END_TEST

START_TEST(params_that_are_far_too_large_are_refused)
{
        char params[20000] = "{\"program\":\"";

        memset(params + strlen(params), 'x', sizeof(params) - strlen(params));
        strcpy(params + sizeof(params) - 3, "\"}");
        ck_assert(ask("jumpbootd.status", params));
        ck_assert_int_eq(status, RPC_INVALID_PARAMS);
}
END_TEST

START_TEST(discovery_is_a_document)
{
        struct pool *pool = add("calc", "echo", 1);

        wait_idle(pool, 1);
        ck_assert(ask("rpc.discover", ""));
        ck_assert_str_eq(at("openrpc"), "1.3.2");
        ck_assert_uint_eq(json_object_array_length(json_object_object_get(reply, "methods")), 1);
}
END_TEST

/* One of the two programs is for user 1000 alone, who is also asked about. */
static struct pool *add_two(void)
{
        static const char *const names[] = {"alice"};
        struct pool *secret = add("secret", "echo", 1);

        secret->options->allow_users = id_list_new(names, (const id_t[]){1000}, 1);
        add("shown", "echo", 0);
        wait_idle(secret, 1);
        submit_call(secret, "hang", "");
        return secret;
}

static bool is_told_of(const char *program)
{
        return json_object_object_get_ex(json_object_object_get(reply, "programs"), program, NULL);
}

START_TEST(for_who_may_not_call_it_a_program_is_not_there)
{
        add_two();
        caller.peer.uid = 1001;
        ck_assert(ask("jumpbootd.status", ""));
        ck_assert(is_told_of("shown") && !is_told_of("secret"));
        ck_assert_str_eq(at("requests_in_flight"), "0");
        ck_assert(ask("jumpbootd.workers", ""));
        ck_assert_uint_eq(json_object_array_length(json_object_object_get(reply, "workers")), 0);
        ck_assert(ask("jumpbootd.status", "{\"program\":\"secret\"}"));
        ck_assert_int_eq(status, RPC_INVALID_PARAMS);
        ck_assert_str_eq(at("detail"), "there is no program \"secret\"");
        ck_assert(ask("rpc.discover", ""));
        ck_assert_uint_eq(json_object_array_length(json_object_object_get(reply, "methods")), 0);
        caller.peer.uid = 1000;
        ck_assert(ask("jumpbootd.status", "{\"program\":\"secret\"}"));
        ck_assert(is_told_of("secret"));
        ck_assert_str_eq(at("requests_in_flight"), "2");
        ck_assert(ask("rpc.discover", ""));
        ck_assert_uint_eq(json_object_array_length(json_object_object_get(reply, "methods")), 1);
}
END_TEST

/* Who manages the daemon sees what there is, whether he may call it or not. */
START_TEST(an_admin_sees_all_programs)
{
        static const char *const names[] = {"bob"};
        struct id_list *admins = id_list_new(names, (const id_t[]){1001}, 1);

        add_two();
        control.admins.users = admins;
        caller.peer.uid = 1001;
        ck_assert(ask("jumpbootd.status", ""));
        ck_assert(is_told_of("shown") && is_told_of("secret"));
        ck_assert_str_eq(at("requests_in_flight"), "2");
        ck_assert(ask("rpc.discover", ""));
        ck_assert_uint_eq(json_object_array_length(json_object_object_get(reply, "methods")), 0);
        id_list_unref(admins);
}
END_TEST

/* Answers that come later are test_worker_calls.c's. */
START_TEST(stack_and_kill_are_for_administrators)
{
        struct pool *pool = add("a", "able", 1);
        char params[64];

        wait_idle(pool, 1);
        snprintf(params, sizeof(params), "{\"pid\":%d}",
                 (int)first_worker(pool, WORKER_IDLE)->process.pid);
        caller.peer.uid = 1001;
        ck_assert(ask("jumpbootd.stack", params));
        ck_assert_int_eq(status, RPC_FORBIDDEN);
        ck_assert(strstr(at("detail"), "admin_users"));
        ck_assert(ask("jumpbootd.kill", params));
        ck_assert_int_eq(status, RPC_FORBIDDEN);
        ck_assert_uint_eq(count_workers(pool, WORKER_IDLE), 1);
        caller.peer.uid = 0;
        ck_assert(!ask("jumpbootd.kill", params));
        loop_until(n_answers == 1);
        ck_assert_ptr_nonnull(strstr(answers, "\"end\":\"exited with status 0\""));
        /* A shell that reads its input ends its reading by the signal; this function does not. */
        wait_idle(pool, 1);
        submit_call(pool, "patient", "");
        struct worker *worker = first_worker(pool, WORKER_BUSY);
        loop_until(buffer_is_empty(&worker->channel.to_worker));
        count_requests(worker, 1, 0);
        snprintf(params, sizeof(params), "{\"pid\":%d}", (int)worker->process.pid);
        ck_assert(!ask("jumpbootd.stack", params));
        loop_until(n_answers == 2);
        ck_assert_ptr_nonnull(strstr(answers, "\"stack\":\"the stack\""));
        control.is_stopping = true;
        ck_assert(ask("jumpbootd.stack", params));
        ck_assert_int_eq(status, RPC_SHUTTING_DOWN);
}
END_TEST

START_TEST(a_pid_is_a_number)
{
        static const char *const params[] = {
                "",
                "{}",
                "[1]",
                "{\"pid\":\"1\"}",
                "{\"pid\":0}",
                "{\"pid\":-1}",
                "{\"pid\":1.5}",
                "{\"pid\":4294967297}",
                "{\"pid\":99999999999999999999}",
                "{\"pid\":1,\"x\":1}",
                "{\"program\":\"a\"}",
        };

        add("a", "echo", 0);
        caller.peer.uid = 0;
        for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
                ck_assert(ask("jumpbootd.stack", params[i]));
                ck_assert_int_eq(status, RPC_INVALID_PARAMS);
                ck_assert_str_eq(at("detail"), "jumpbootd.stack takes {\"pid\": NUMBER}");
        }
        ck_assert(ask("jumpbootd.kill", "{\"pid\":1}"));
        ck_assert_int_eq(status, RPC_INVALID_PARAMS);
        ck_assert_str_eq(at("detail"), "no worker has the pid 1; jumpbootd.workers lists them");
}
END_TEST

START_TEST(what_changes_something_is_for_administrators)
{
        add("a", "echo", 0);
        caller.peer.uid = 1001;
        ck_assert(ask("jumpbootd.reload", ""));
        ck_assert_int_eq(status, RPC_FORBIDDEN);
        ck_assert(strstr(at("detail"), "admin_users"));
        ck_assert(ask("jumpbootd.restart", "{\"program\":\"a\"}"));
        ck_assert_int_eq(status, RPC_FORBIDDEN);
        caller.peer.uid = 0;
        ck_assert(ask("jumpbootd.restart", ""));
        ck_assert_int_eq(status, RPC_INVALID_PARAMS);
        ck_assert(ask("jumpbootd.restart", "{\"program\":\"b\"}"));
        ck_assert_int_eq(status, RPC_INVALID_PARAMS);
        ck_assert(ask("jumpbootd.reload", "{\"program\":\"a\"}"));
        ck_assert_int_eq(status, RPC_INVALID_PARAMS);
}
END_TEST

START_TEST(a_daemon_that_stops_begins_nothing)
{
        add("a", "echo", 0);
        caller.peer.uid = 0;
        control.is_stopping = true;
        ck_assert(ask("jumpbootd.reload", ""));
        ck_assert_int_eq(status, RPC_SHUTTING_DOWN);
        ck_assert(ask("jumpbootd.restart", "{\"program\":\"a\"}"));
        ck_assert_int_eq(status, RPC_SHUTTING_DOWN);
        ck_assert(ask("jumpbootd.ping", ""));
        ck_assert_int_eq(status, RPC_OK);
}
END_TEST

START_TEST(other_methods_are_not_there)
{
        static const char *const methods[] = {
                "jumpbootd.", "jumpbootd.pin", "jumpbootd.pings", "rpc.discovery", "rpc", "",
        };

        for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
                ck_assert(!ask(methods[i], ""));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("control");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, a_ping_tells_who_answers);
        tcase_add_test(tcase, the_status_tells_of_all);
        tcase_add_test(tcase, each_worker_is_told_of);
        tcase_add_test(tcase, workers_come_and_go_before_the_eyes);
        tcase_add_test(tcase, ends_and_replacements_are_counted);
        tcase_add_test(tcase, the_last_renewal_is_told);
        tcase_add_test(tcase, what_is_being_interrupted_is_still_told_of);
        tcase_add_test(tcase, the_state_follows_the_workers);
        tcase_add_test(tcase, the_status_of_one_program_may_be_asked_for);
        tcase_add_test(tcase, other_params_are_refused);
        tcase_add_test(tcase, params_that_are_far_too_large_are_refused);
        tcase_add_test(tcase, discovery_is_a_document);
        tcase_add_test(tcase, for_who_may_not_call_it_a_program_is_not_there);
        tcase_add_test(tcase, an_admin_sees_all_programs);
        tcase_add_test(tcase, stack_and_kill_are_for_administrators);
        tcase_add_test(tcase, a_pid_is_a_number);
        tcase_add_test(tcase, what_changes_something_is_for_administrators);
        tcase_add_test(tcase, a_daemon_that_stops_begins_nothing);
        tcase_add_test(tcase, other_methods_are_not_there);
        return run_suite(suite);
}
