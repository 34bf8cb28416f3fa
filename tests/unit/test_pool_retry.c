/* SPDX-License-Identifier: MIT */
/*
 * What becomes of the requests of workers that died: which of them another worker gets, how often,
 * and what the others are told.
 */
#include "daemon/pool_retry.h"

#include "fixture_pool.h"

static struct pool *pool;
static struct program_options *options;

static void setup(void)
{
        pools_begin();
        pool = NULL;
}

static void teardown(void)
{
        pool_stop(pool, true, units_now());
        ck_assert_uint_eq(caller.n_requests, 0);
        pool_free(pool);
        workers_end();
}

static void begin(const char *mode, bool is_idempotent)
{
        options = new_options("calc", mode);
        options->min_workers = 1;
        options->idempotent = is_idempotent;
        pool = new_pool(options);
        wait_idle(pool, 1);
}

/* Sends it more than one at a time, which it never reads. */
static struct worker *burden(unsigned n)
{
        struct worker *worker = first_worker(pool, WORKER_IDLE);

        ck_assert_int_eq(kill(worker->process.pid, SIGSTOP), 0);
        for (unsigned i = 0; i < n; i++) {
                struct request *request = new_request("echo", "[1]");
                request->pool = pool;
                worker_send(worker, request, units_now());
        }
        loop_until(buffer_is_empty(&worker->channel.to_worker));
        return worker;
}

START_TEST(what_has_not_begun_goes_to_another_in_its_order)
{
        begin("counting", false);
        struct worker *worker = burden(3);
        count_requests(worker, 1, 0);
        submit_call(pool, "echo", "[4]");
        ck_assert_int_eq(kill(worker->process.pid, SIGKILL), 0);
        loop_until(n_answers == 4);
        ck_assert_int_eq(strncmp(answers, "1:worker_died ", 14), 0);
        ck_assert_ptr_nonnull(strstr(answers, "\"started\":true"));
        ck_assert_ptr_nonnull(strstr(answers, "|2:ok [1]|3:ok [1]|4:ok [4]|"));
}
END_TEST

START_TEST(without_counters_only_the_last_is_known_not_to_have_begun)
{
        begin("echo", false);
        struct worker *worker = burden(2);
        ck_assert_int_eq(kill(worker->process.pid, SIGKILL), 0);
        loop_until(n_answers == 2);
        ck_assert_int_eq(strncmp(answers, "1:worker_died ", 14), 0);
        ck_assert_ptr_nonnull(strstr(answers, "\"started\":\"unknown\""));
        ck_assert_ptr_nonnull(strstr(answers, "|2:ok [1]|"));
}
END_TEST

START_TEST(what_may_run_twice_is_retried)
{
        begin("echo", true);
        submit_call(pool, "first", "");
        loop_until(n_answers == 1);
        ck_assert_str_eq(answers, "1:ok 1|");
        ck_assert_uint_eq(pool->deaths, 1);
        ck_assert_uint_eq(pool->death_causes[DEATH_EXIT], 1);
        ck_assert(log_has("notice calc#1: its worker died: another one gets the request"));
}
END_TEST

START_TEST(it_is_retried_once)
{
        begin("echo", true);
        submit_call(pool, "fatal", "");
        loop_until(n_answers == 1);
        ck_assert_int_eq(last_status, RPC_WORKER_DIED);
        ck_assert_uint_eq(pool->death_causes[DEATH_SIGNAL], 2);
}
END_TEST

START_TEST(what_may_not_run_twice_is_not_retried)
{
        begin("echo", false);
        submit_call(pool, "first", "");
        loop_until(n_answers == 1);
        ck_assert_int_eq(last_status, RPC_WORKER_DIED);
}
END_TEST

/* The deadline counts over all tries. */
START_TEST(a_deadline_is_final)
{
        begin("echo", true);
        submit_call(pool, "hang", "");
        pool_maintain(pool, units_now() + options->request_timeout);
        ck_assert_int_eq(last_status, RPC_TIMEOUT);
        loop_until(pool->starts == 2);
        wait_idle(pool, 1);
        ck_assert_uint_eq(n_answers, 1);
}
END_TEST

START_TEST(the_stack_that_it_left_is_told)
{
        begin("counting", false);
        submit_call(pool, "fatal", "");
        count_requests(first_worker(pool, WORKER_BUSY), 1, 0);
        loop_until(n_answers == 1);
        ck_assert_ptr_nonnull(strstr(answers, "\"stack\":\"the last stack\""));
        ck_assert_ptr_nonnull(strstr(answers, "\"started\":true"));
        ck_assert(log_has("error calc#1: was killed by SIGSEGV"));
        ck_assert(log_has("\nthe last stack\n"));
}
END_TEST

/* A worker that runs something, as its counters say. */
static struct worker *hold(void)
{
        submit_call(pool, "hold", "");
        struct worker *worker = first_worker(pool, WORKER_BUSY);
        loop_until(log_has("holding"));
        count_requests(worker, 1, 0);
        return worker;
}

/* Whoever is told that it has not begun may think that nothing has happened. */
START_TEST(what_is_retried_has_begun)
{
        begin("counting", true);
        struct worker *worker = hold();
        set_mode(options, "never");
        ck_assert_int_eq(kill(worker->process.pid, SIGKILL), 0);
        loop_until(pool->queue_length == 1);
        pool_cancel(pool, TAILQ_FIRST(&pool->queue), units_now());
        ck_assert_str_eq(answers, "1:cancelled {\"started\":true,\"kind\":\"cancelled\"}|");
}
END_TEST

/* The story: one that was in C code showed its stack when nobody waited for it any more, and the
 * next request's death was told with it. */
START_TEST(a_stack_that_was_asked_for_is_not_what_it_left)
{
        static const char text[] = "of another request\n";

        begin("counting", false);
        struct worker *worker = hold();
        ck_assert_int_eq(write(worker->pages.fd[PAGES_COUNTERS], text, sizeof(text)), sizeof(text));
        ck_assert_int_eq(kill(worker->process.pid, SIGKILL), 0);
        loop_until(n_answers == 1);
        ck_assert_int_eq(last_status, RPC_WORKER_DIED);
        ck_assert_ptr_null(strstr(answers, "of another"));
        ck_assert(!log_has("of another"));
}
END_TEST

/* It is on its way out, but its request is still to be answered. */
START_TEST(a_pool_is_drained_when_nobody_waits_for_one_that_leaves)
{
        begin("echo", false);
        submit_call(pool, "shut", "");
        loop_until(count_workers(pool, WORKER_STOPPING) == 1);
        pool_drain(pool, units_now());
        loop_until(n_answers == 1);
        ck_assert_int_eq(last_status, RPC_WORKER_DIED);
        loop_until(!pool_has_workers(pool));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pool_retry");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, what_has_not_begun_goes_to_another_in_its_order);
        tcase_add_test(tcase, without_counters_only_the_last_is_known_not_to_have_begun);
        tcase_add_test(tcase, what_may_run_twice_is_retried);
        tcase_add_test(tcase, it_is_retried_once);
        tcase_add_test(tcase, what_may_not_run_twice_is_not_retried);
        tcase_add_test(tcase, a_deadline_is_final);
        tcase_add_test(tcase, the_stack_that_it_left_is_told);
        tcase_add_test(tcase, what_is_retried_has_begun);
        tcase_add_test(tcase, a_stack_that_was_asked_for_is_not_what_it_left);
        tcase_add_test(tcase, a_pool_is_drained_when_nobody_waits_for_one_that_leaves);
        return run_suite(suite);
}
