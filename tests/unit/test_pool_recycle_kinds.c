/* SPDX-License-Identifier: MIT */
/*
 * Programs whose workers are replaced in other ways: those that serve one request each, and those
 * whose number counts.
 */
#include "fixture_recycle.h"

/* Begins a pool each of whose workers serves one request. */
static void begin_once(unsigned min_workers, unsigned max_workers)
{
        options = new_options("calc", "echo");
        options->min_workers = min_workers;
        options->max_workers = max_workers;
        options->max_requests = 1;
        pool = new_pool(options);
        wait_idle(pool, min_workers);
}

START_TEST(with_one_request_each_no_worker_gets_a_second)
{
        enum { CALLS = 12 };
        long pids[CALLS];

        begin_once(1, 2);
        for (int i = 0; i < CALLS; i++)
                submit_call(pool, "pid", "");
        while (n_answers < CALLS) {
                loop_once();
                ck_assert_uint_le(count_all(pool), 3);
                ck_assert_uint_le(count_workers(pool, WORKER_BUSY), 2);
        }
        char *at = answers;
        for (int i = 0; i < CALLS; i++) {
                at = strstr(at, ":ok ");
                ck_assert_ptr_nonnull(at);
                pids[i] = strtol(at + 4, &at, 10);
                for (int k = 0; k < i; k++)
                        ck_assert_int_ne(pids[i], pids[k]);
        }
        ck_assert_uint_eq(recycled(WORKER_DUE_REQUESTS), CALLS);
        ck_assert(!log_has("info calc#0: retiring it"));
        wait_idle(pool, 1);
        loop_until(count_all(pool) == 1);
        ck_assert_uint_eq(pool->respawns, pool->starts - 2);
}
END_TEST

START_TEST(with_one_request_each_the_next_worker_starts_during_it)
{
        begin_once(1, 1);
        submit_call(pool, "hold", "");
        wait_idle(pool, 1);
        ck_assert_uint_eq(count_workers(pool, WORKER_BUSY), 1);
        loop_now();
        ck_assert_uint_eq(count_all(pool), 2);
        submit_call(pool, "echo", "7");
        loop_now();
        ck_assert_uint_eq(pool->queue_length, 1);
        ck_assert_uint_eq(count_all(pool), 2);
        /* The one that has begun and goes on is ended, and the other's turn comes. */
        loop_until(log_has("holding"));
        kill(first_worker(pool, WORKER_BUSY)->process.pid, SIGKILL);
        loop_until(n_answers == 2);
        ck_assert_ptr_nonnull(strstr(answers, "1:worker_died"));
        ck_assert_ptr_nonnull(strstr(answers, "2:ok 7|"));
}
END_TEST

static bool slots_are_below(unsigned limit)
{
        struct worker *worker;

        for (enum worker_state state = WORKER_STARTING; state <= WORKER_STOPPING; state++)
                TAILQ_FOREACH (worker, &pool->workers.list[state], link)
                        if (worker->slot >= limit)
                                return false;
        return true;
}

START_TEST(one_whose_number_counts_leaves_first)
{
        begin(3, 3);
        options->uses_slot = true;
        age();
        ck_assert_uint_eq(count_workers(pool, WORKER_STOPPING), 1);
        ck_assert_uint_eq(count_workers(pool, WORKER_STARTING), 0);
        ck_assert_int_eq(pool->recycle.credit, -1);
        while (recycled(WORKER_DUE_LIFETIME) < 3 || count_serving(pool) < 3) {
                ck_assert_uint_le(count_all(pool), 3);
                ck_assert_uint_ge(count_serving(pool), 2);
                ck_assert(slots_are_below(3));
                loop_once();
        }
        loop_now();
        ck_assert_int_eq(pool->recycle.credit, 0);
        ck_assert_uint_eq(pool->starts, 6);
        ck_assert_uint_eq(pool->respawns, 3);
}
END_TEST

START_TEST(where_its_number_counts_a_busy_one_leaves_after_its_request)
{
        begin(1, 1);
        options->uses_slot = true;
        struct worker *old = first_worker(pool, WORKER_IDLE);
        kill(old->process.pid, SIGSTOP);
        submit_call(pool, "pid", "");
        submit_call(pool, "pid", "");
        age();
        loop_now();
        ck_assert_int_eq(old->due, WORKER_DUE_LIFETIME);
        ck_assert_uint_eq(pool->starts, 1);
        pid_t pid = old->process.pid;
        kill(pid, SIGCONT);
        loop_until(n_answers == 2);
        ck_assert_uint_eq(pool->starts, 2);
        ck_assert_int_ne(
                first_worker(pool, count_workers(pool, WORKER_BUSY) ? WORKER_BUSY : WORKER_IDLE)
                        ->process.pid,
                pid);
        ck_assert(slots_are_below(1));
}
END_TEST

START_TEST(where_its_number_counts_and_one_is_free_the_replacement_comes_first)
{
        begin(1, 2);
        options->uses_slot = true;
        age();
        ck_assert_uint_eq(count_workers(pool, WORKER_STARTING), 1);
        watch_replacements(1, 2, 1);
}
END_TEST

/* Only one of them is given up for a start that fails. */
START_TEST(where_its_number_counts_a_failure_costs_no_second_one)
{
        begin(3, 3);
        options->uses_slot = true;
        options->restart_threshold = 1;
        set_mode(options, "exit3");
        age();
        loop_until(pool->retry_at != 0);
        for (int i = 0; i < 3; i++) {
                uint64_t n = pool->start_failures;
                pool_maintain(pool, pool->retry_at);
                loop_until(pool->start_failures == n + 1);
                ck_assert_uint_eq(count_serving(pool), 2);
        }
        set_mode(options, "echo");
        pool_maintain(pool, pool->retry_at);
        loop_until(recycled(WORKER_DUE_LIFETIME) == 3 && count_workers(pool, WORKER_IDLE) == 3);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pool_recycle_kinds");
        TCase *tcase = loop_case(suite, recycle_setup, recycle_teardown);

        tcase_add_test(tcase, with_one_request_each_no_worker_gets_a_second);
        tcase_add_test(tcase, with_one_request_each_the_next_worker_starts_during_it);
        tcase_add_test(tcase, one_whose_number_counts_leaves_first);
        tcase_add_test(tcase, where_its_number_counts_a_busy_one_leaves_after_its_request);
        tcase_add_test(tcase, where_its_number_counts_and_one_is_free_the_replacement_comes_first);
        tcase_add_test(tcase, where_its_number_counts_a_failure_costs_no_second_one);
        return run_suite(suite);
}
