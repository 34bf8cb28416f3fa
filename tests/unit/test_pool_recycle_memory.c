/* SPDX-License-Identifier: MIT */
/*
 * Workers that are replaced for their memory: when it is looked at, and what comes of it. Time is
 * what the test says it is.
 */
#include "fixture_recycle.h"

#define MEGABYTE (1024ULL * 1024)

START_TEST(memory_is_looked_at_after_an_answer_and_not_at_each)
{
        begin(1, 1);
        options->max_worker_memory = 100 * MEGABYTE;
        struct worker *worker = first_worker(pool, WORKER_IDLE);
        pool_maintain(pool, units_now() + 100 * USEC_PER_SEC);
        ck_assert_uint_eq(n_looks, 0);
        memory = 100 * MEGABYTE;
        answer("echo");
        ck_assert_uint_eq(n_looks, 1);
        ck_assert_uint_eq(worker->memory, memory);
        ck_assert_uint_ge(worker->memory_look_at, worker->idle_since + RECYCLE_MEMORY_INTERVAL);
        worker->memory_look_at += 100 * USEC_PER_SEC;
        answer("echo");
        ck_assert_uint_eq(n_looks, 1);
        memory = 100 * MEGABYTE + 5000;
        worker->memory_look_at = 0;
        answer("echo");
        ck_assert_uint_eq(n_looks, 2);
        ck_assert_int_eq(worker->due, WORKER_DUE_MEMORY);
        memory = 0;
        watch_replacements(1, 2, 1);
        ck_assert_uint_eq(recycled(WORKER_DUE_MEMORY), 1);
        ck_assert(log_has("it uses 102404K of memory, more than max_worker_memory, 100M"));
}
END_TEST

START_TEST(memory_of_an_idle_one_is_looked_at_too)
{
        begin(1, 1);
        options->max_worker_memory = 100 * MEGABYTE;
        struct worker *worker = first_worker(pool, WORKER_IDLE);
        answer("echo");
        worker->memory_look_at += 50 * USEC_PER_SEC;
        answer("echo");
        ck_assert_uint_eq(n_looks, 1);
        /* It has worked since it was seen. */
        uint64_t when = worker->memory_look_at;
        ck_assert_uint_eq(recycle_next_look(worker), when);
        ck_assert_uint_le(pool->timer_at, when);
        pool_maintain(pool, when - 1);
        ck_assert_uint_eq(n_looks, 1);
        pool_maintain(pool, when);
        ck_assert_uint_eq(n_looks, 2);
        /* It has not. */
        when = worker->memory_look_at + RECYCLE_MEMORY_IDLE_INTERVAL;
        ck_assert_uint_eq(recycle_next_look(worker), when);
        pool_maintain(pool, when - 1);
        ck_assert_uint_eq(n_looks, 2);
        memory = 200 * MEGABYTE;
        pool_maintain(pool, when);
        ck_assert_uint_eq(n_looks, 3);
        ck_assert_int_eq(worker->due, WORKER_DUE_MEMORY);
        memory = 0;
        watch_replacements(1, 2, 1);
}
END_TEST

START_TEST(memory_is_never_looked_at_in_mid_request)
{
        begin(1, 1);
        options->max_worker_memory = 100 * MEGABYTE;
        answer("echo");
        memory = 200 * MEGABYTE;
        submit_call(pool, "hang", "");
        struct worker *worker = first_worker(pool, WORKER_BUSY);
        pool_maintain(pool, worker->memory_look_at + 20 * USEC_PER_SEC);
        ck_assert_uint_eq(n_looks, 1);
}
END_TEST

/* A worker that is too large from its beginning would be replaced by its like for ever. */
START_TEST(one_that_has_done_nothing_is_not_too_large)
{
        begin(1, 1);
        options->max_worker_memory = MEGABYTE;
        memory = 10 * MEGABYTE;
        answer("echo");
        watch_replacements(1, 2, 1);
        pool_maintain(pool, units_now() + 1000 * USEC_PER_SEC);
        loop_now();
        ck_assert_uint_eq(pool->starts, 2);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pool_recycle_memory");
        TCase *tcase = loop_case(suite, recycle_setup, recycle_teardown);

        tcase_add_test(tcase, memory_is_looked_at_after_an_answer_and_not_at_each);
        tcase_add_test(tcase, memory_of_an_idle_one_is_looked_at_too);
        tcase_add_test(tcase, memory_is_never_looked_at_in_mid_request);
        tcase_add_test(tcase, one_that_has_done_nothing_is_not_too_large);
        return run_suite(suite);
}
