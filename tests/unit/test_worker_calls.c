/* SPDX-License-Identifier: MIT */
/*
 * What is asked of one worker, and answered later.
 */
#include "daemon/worker_calls.h"

#include "fixture_pool.h"

#include "daemon/registry.h"

static struct registry registry;
static struct pool *pool;
static struct worker *worker;
static struct rpc_answer answer;

static void setup(void)
{
        pools_begin();
        registry = (struct registry){0};
        rpc_answer_init(&answer, &buffers);
}

static void teardown(void)
{
        rpc_answer_clear(&answer);
        for (size_t i = 0; i < registry.n_pools; i++)
                pool_stop(registry.pools[i], true, units_now());
        registry_clear(&registry);
        ck_assert_uint_eq(caller.n_requests, 0);
        workers_end();
}

static struct pool *add(const char *name, const char *mode)
{
        struct program_options *options = new_options(name, mode);

        options->min_workers = 1;
        struct pool *added = new_pool(options);
        ck_assert_int_eq(registry_add(&registry, added), 0);
        return added;
}

/* A worker of the second of two programs, which runs a function unless it is "". */
static void run(const char *mode, const char *function)
{
        wait_idle(add("another", "echo"), 1);
        pool = add("calc", mode);
        wait_idle(pool, 1);
        worker = first_worker(pool, WORKER_IDLE);
        if (!*function)
                return;
        submit_call(pool, function, "");
        loop_until(buffer_is_empty(&worker->channel.to_worker));
        if (worker->has_counters)
                count_requests(worker, 1, 0);
}

static struct request *call(void)
{
        return new_request("control", "");
}

static void expect_refusal(enum rpc_status status, const char *detail)
{
        char text[1024];

        ck_assert_int_eq(answer.status, status);
        put_answer_part(&answer.data, text, sizeof(text));
        ck_assert_msg(strstr(text, detail) != NULL, "%s", text);
        request_free(TAILQ_LAST(&caller.requests, request_list));
        ck_assert_uint_eq(n_answers, 0);
}

START_TEST(a_stack_is_answered_when_it_is_there)
{
        char expected[256];

        run("able", "patient");
        pid_t pid = worker->process.pid;
        ck_assert(worker_call_stack(&registry, pid, call(), &answer));
        ck_assert(worker_call_stack(&registry, pid, call(), &answer));
        ck_assert_uint_eq(n_answers, 0);
        loop_until(n_answers == 2);
        snprintf(expected, sizeof(expected),
                 "2:ok {\"pid\":%d,\"program\":\"calc\",\"stack\":\"the stack\"}|", (int)pid);
        ck_assert_int_eq(strncmp(answers, expected, strlen(expected)), 0);
        ck_assert_int_eq(worker->state, WORKER_BUSY);
}
END_TEST

START_TEST(a_stack_of_one_that_stands_still_is_refused)
{
        run("able", "mute");
        ck_assert(worker_call_stack(&registry, worker->process.pid, call(), &answer));
        pool_maintain(pool, units_now() + 2 * USEC_PER_SEC);
        ck_assert_uint_eq(n_answers, 1);
        ck_assert_ptr_nonnull(strstr(answers, "2:unavailable {"));
        ck_assert_ptr_nonnull(strstr(answers, "cannot be taken: it has not shown its stack"));
}
END_TEST

START_TEST(a_stack_is_refused_at_once_where_it_cannot_be_asked_for)
{
        run("echo", "");
        ck_assert(!worker_call_stack(&registry, worker->process.pid, call(), &answer));
        expect_refusal(RPC_UNAVAILABLE, "cannot be taken: it does not handle the signal");
}
END_TEST

START_TEST(a_worker_that_ends_has_no_stack)
{
        run("able", "mute");
        ck_assert(worker_call_stack(&registry, worker->process.pid, call(), &answer));
        ck_assert_int_eq(kill(worker->process.pid, SIGKILL), 0);
        loop_until(n_answers == 2);
        ck_assert_ptr_nonnull(strstr(answers, "2:unavailable {"));
        ck_assert_ptr_nonnull(strstr(answers, "cannot be taken: it has ended"));
}
END_TEST

START_TEST(a_caller_that_goes_is_not_missed)
{
        run("able", "patient");
        struct request *stack = call(), *end = call();
        ck_assert(worker_call_stack(&registry, worker->process.pid, stack, &answer));
        ck_assert(worker_call_kill(&registry, worker->process.pid, end, &answer));
        request_free(stack);
        request_free(end);
        loop_until(pool->starts == 2 && count_workers(pool, WORKER_IDLE) == 1);
        ck_assert_uint_eq(n_answers, 1);
        ck_assert_ptr_nonnull(strstr(answers, "1:cancelled"));
}
END_TEST

START_TEST(a_kill_is_answered_when_it_has_ended)
{
        char expected[256];

        run("able", "");
        pid_t pid = worker->process.pid;
        ck_assert(worker_call_kill(&registry, pid, call(), &answer));
        /* One that is on its way out is waited for. */
        ck_assert(worker_call_kill(&registry, pid, call(), &answer));
        ck_assert_uint_eq(n_answers, 0);
        loop_until(n_answers == 2);
        snprintf(expected, sizeof(expected),
                 "1:ok {\"pid\":%d,\"program\":\"calc\",\"end\":\"exited with status 0\"}|",
                 (int)pid);
        ck_assert_int_eq(strncmp(answers, expected, strlen(expected)), 0);
        wait_idle(pool, 1);
        ck_assert_int_ne(first_worker(pool, WORKER_IDLE)->process.pid, pid);
        ck_assert_uint_eq(pool->deaths, 0);
}
END_TEST

START_TEST(one_that_runs_is_killed_as_at_a_deadline)
{
        run("echo", "hang");
        ck_assert(worker_call_kill(&registry, worker->process.pid, call(), &answer));
        ck_assert_str_eq(answers, "1:cancelled {\"started\":\"unknown\",\"kind\":\"cancelled\"}|");
        loop_until(n_answers == 2);
        ck_assert_ptr_nonnull(strstr(answers, "\"end\":\"was killed by SIGTERM\""));
        ck_assert_uint_eq(pool->fates[FATE_TERMINATED], 1);
}
END_TEST

START_TEST(other_pids_are_refused)
{
        run("echo", "");
        ck_assert(!worker_call_stack(&registry, getpid(), call(), &answer));
        expect_refusal(RPC_INVALID_PARAMS, "no worker has the pid");
        rpc_answer_clear(&answer);
        rpc_answer_init(&answer, &buffers);
        ck_assert(!worker_call_kill(&registry, 1, call(), &answer));
        expect_refusal(RPC_INVALID_PARAMS, "no worker has the pid 1; jumpbootd.workers");
        ck_assert_int_eq(worker->state, WORKER_IDLE);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("worker_calls");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, a_stack_is_answered_when_it_is_there);
        tcase_add_test(tcase, a_stack_of_one_that_stands_still_is_refused);
        tcase_add_test(tcase, a_stack_is_refused_at_once_where_it_cannot_be_asked_for);
        tcase_add_test(tcase, a_worker_that_ends_has_no_stack);
        tcase_add_test(tcase, a_caller_that_goes_is_not_missed);
        tcase_add_test(tcase, a_kill_is_answered_when_it_has_ended);
        tcase_add_test(tcase, one_that_runs_is_killed_as_at_a_deadline);
        tcase_add_test(tcase, other_pids_are_refused);
        return run_suite(suite);
}
