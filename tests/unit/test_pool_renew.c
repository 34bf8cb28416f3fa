/* SPDX-License-Identifier: MIT */
/*
 * New options for a pool that works. Time is what the test says it is.
 */
#include "daemon/pool_renew.h"

#include "fixture_pool.h"

#include "daemon/pool_starts.h"

static struct pool *pool;
static struct program_options *options, *newer;

static void setup(void)
{
        pools_begin();
        pool = NULL;
        newer = NULL;
}

static void teardown(void)
{
        if (pool)
                pool_stop(pool, true, units_now());
        ck_assert_uint_eq(caller.n_requests, 0);
        pool_free(pool);
        program_options_unref(newer);
        workers_end();
}

static void begin(const char *mode, unsigned min_workers, unsigned max_workers)
{
        options = new_options("calc", mode);
        options->min_workers = min_workers;
        options->max_workers = max_workers;
        pool = new_pool(options);
}

static void begin_idle(unsigned min_workers, unsigned max_workers)
{
        begin("echo", min_workers, max_workers);
        wait_idle(pool, min_workers);
}

/* Tries options with workers of the given mode; `newer` keeps a reference to them. */
static void renew(const char *mode, unsigned min_workers, unsigned max_workers)
{
        program_options_unref(newer);
        newer = new_options("calc", mode);
        newer->min_workers = min_workers;
        newer->max_workers = max_workers;
        pool_renew(pool, newer, units_now());
}

/* All workers have these options, and none is on its way. */
static bool all_have(const struct program_options *these)
{
        struct worker *worker;

        for (enum worker_state state = WORKER_STARTING; state <= WORKER_STOPPING; state++)
                TAILQ_FOREACH (worker, &pool->workers.list[state], link)
                        if (worker->options != these)
                                return false;
        return count_all(pool) == count_serving(pool);
}

START_TEST(a_good_one_replaces_all_workers)
{
        begin_idle(3, 3);
        renew("echo", 3, 3);
        ck_assert_str_eq(renewals, "");
        ck_assert_ptr_eq(pool->options, options);
        while (!all_have(newer)) {
                loop_once();
                ck_assert_uint_le(count_all(pool), 4);
                ck_assert_uint_ge(count_serving(pool), 3);
        }
        ck_assert_str_eq(renewals, "ok|");
        ck_assert_ptr_eq(pool->options, newer);
        ck_assert_uint_eq(pool->starts, 6);
        ck_assert_uint_eq(pool->recycle.recycled[WORKER_DUE_RENEWED], 3);
        ck_assert_uint_eq(pool->renewal.n_good, 1);
        ck_assert_uint_gt(pool->renewal.ended_at, 0);
        ck_assert_ptr_null(pool->renewal.error);
        loop_now();
        ck_assert_uint_eq(count_all(pool), 3);
}
END_TEST

static void begin_debugged(void)
{
        begin("debugged", 1, 1);
        options->debug_port = 5678;
        options->uses_slot = true;
        loop_until(starts_waiting(pool));
}

/* Nobody waits for it: it may be hours before somebody comes to look at it. */
START_TEST(one_that_waits_for_a_debugger_has_come_up)
{
        begin_debugged();
        ck_assert(starts_are_settled(pool));
        submit_call(pool, "echo", "1");
        ck_assert_uint_eq(pool->queue_length, 1);
        open_gate();
        loop_until(n_answers == 1);
        ck_assert_ptr_null(starts_waiting(pool));
        ck_assert_uint_eq(pool->starts, 1);
}
END_TEST

/* The port is the old one's: it leaves first, though it would wait for ever. */
START_TEST(one_that_waits_for_a_debugger_makes_room)
{
        begin_debugged();
        pid_t pid = starts_waiting(pool)->process.pid;
        pool_renew(pool, options, units_now());
        while (!renewals[0]) {
                loop_once();
                ck_assert_uint_le(count_all(pool), 1);
        }
        ck_assert_str_eq(renewals, "ok|");
        ck_assert_int_ne(starts_waiting(pool)->process.pid, pid);
        open_gate();
        loop_until(count_workers(pool, WORKER_IDLE) == 1);
        ck_assert_uint_eq(count_all(pool), 1);
        ck_assert_uint_eq(pool->starts, 2);
}
END_TEST

START_TEST(the_same_options_will_do)
{
        begin_idle(1, 1);
        pid_t pid = first_worker(pool, WORKER_IDLE)->process.pid;
        pool_renew(pool, options, units_now());
        loop_until(pool->recycle.recycled[WORKER_DUE_RENEWED] == 1 && count_all(pool) == 1);
        ck_assert_str_eq(renewals, "ok|");
        ck_assert_int_ne(first_worker(pool, WORKER_IDLE)->process.pid, pid);
}
END_TEST

START_TEST(no_request_notices)
{
        begin_idle(2, 2);
        renew("echo", 2, 2);
        for (int i = 0; i < 300; i++) {
                submit_call(pool, "echo", "1");
                loop_once();
                ck_assert_uint_le(count_all(pool), 3);
        }
        loop_until(n_answers == 300 && all_have(newer));
        ck_assert_uint_eq(pool->finished[RPC_OK], 300);
        ck_assert_str_eq(renewals, "ok|");
}
END_TEST

START_TEST(a_bad_one_changes_nothing)
{
        begin_idle(2, 2);
        options->restart_threshold = 1;
        pid_t pid = first_worker(pool, WORKER_IDLE)->process.pid;
        renew("exit3", 2, 2);
        newer->restart_threshold = 1;
        loop_until(renewals[0]);
        ck_assert_str_eq(renewals, "error: the worker exited with status 3 before it was ready|");
        loop_now();
        ck_assert_ptr_eq(pool->options, options);
        ck_assert_uint_eq(count_workers(pool, WORKER_IDLE), 2);
        ck_assert_int_eq(first_worker(pool, WORKER_IDLE)->process.pid, pid);
        ck_assert_uint_eq(pool->starts, 3);
        ck_assert_uint_eq(pool->retry_at, 0);
        ck_assert_ptr_null(pool->last_error);
        ck_assert_uint_eq(pool->renewal.n_failed, 1);
        ck_assert_ptr_nonnull(pool->renewal.error);
        ck_assert(log_has("it cannot be renewed"));
        renew("echo", 2, 2);
        loop_until(all_have(newer));
        ck_assert_ptr_null(pool->renewal.error);
}
END_TEST

START_TEST(one_that_is_not_ready_in_time_is_a_bad_one)
{
        begin_idle(1, 1);
        renew("never", 1, 1);
        newer->startup_timeout = 7 * USEC_PER_SEC;
        loop_until(count_workers(pool, WORKER_STARTING) == 1);
        struct worker *trial = first_worker(pool, WORKER_STARTING);
        ck_assert_ptr_eq(trial, pool->renewal.trial);
        pool_maintain(pool, trial->process.started + newer->startup_timeout - 1);
        ck_assert_int_eq(trial->state, WORKER_STARTING);
        pool_maintain(pool, trial->process.started + newer->startup_timeout);
        loop_until(renewals[0]);
        ck_assert_ptr_nonnull(strstr(renewals, "was not ready within startup_timeout"));
        ck_assert_uint_eq(count_serving(pool), 1);
}
END_TEST

START_TEST(one_that_cannot_be_executed_is_a_bad_one)
{
        begin_idle(1, 1);
        newer = new_options("calc", "echo");
        free(newer->python);
        newer->python = strdup(folder_at("gone"));
        pool_renew(pool, newer, units_now());
        ck_assert_str_eq(renewals, "");
        loop_until(renewals[0]);
        ck_assert_int_eq(strncmp(renewals, "error: cannot execute ", 22), 0);
        ck_assert_uint_eq(pool->retry_at, 0);
        ck_assert_uint_eq(pool->slots.bits[0], 1);
}
END_TEST

START_TEST(a_later_one_takes_its_place)
{
        begin_idle(1, 1);
        renew("never", 1, 1);
        loop_until(count_workers(pool, WORKER_STARTING) == 1);
        renew("echo", 1, 1);
        ck_assert_str_eq(renewals, "error: a later change of the program came before it|");
        loop_until(all_have(newer));
        ck_assert_str_eq(renewals, "error: a later change of the program came before it|ok|");
        ck_assert_uint_eq(pool->start_failures, 0);
}
END_TEST

START_TEST(a_pool_that_stops_is_not_renewed)
{
        begin_idle(1, 1);
        pool_stop(pool, false, units_now());
        renew("echo", 1, 1);
        ck_assert_str_eq(renewals, "error: the program is being stopped|");
        loop_until(!pool_has_workers(pool));
        ck_assert_uint_eq(pool->starts, 1);
}
END_TEST

START_TEST(one_under_way_ends_with_the_pool)
{
        begin_idle(1, 1);
        renew("never", 1, 1);
        loop_until(count_workers(pool, WORKER_STARTING) == 1);
        pool_stop(pool, false, units_now());
        ck_assert_str_eq(renewals, "error: the program is being stopped|");
        loop_until(!pool_has_workers(pool));
        ck_assert_str_eq(renewals, "error: the program is being stopped|");
}
END_TEST

START_TEST(a_pool_may_be_freed_with_one_under_way)
{
        begin_idle(1, 1);
        renew("never", 1, 1);
        loop_until(count_workers(pool, WORKER_STARTING) == 1);
        pool = pool_free(pool);
        ck_assert_str_eq(renewals, "");
}
END_TEST

START_TEST(without_any_worker_one_is_tried)
{
        begin("echo", 0, 2);
        loop_now();
        renew("echo", 0, 2);
        wait_idle(pool, 1);
        ck_assert_str_eq(renewals, "ok|");
        loop_now();
        ck_assert_uint_eq(pool->starts, 1);
        pool_maintain(pool, units_now() + newer->idle_timeout);
        loop_until(count_all(pool) == 0);
        loop_now();
        ck_assert_uint_eq(pool->starts, 1);
}
END_TEST

START_TEST(an_unavailable_program_is_made_good_at_once)
{
        begin("exit3", 2, 2);
        options->restart_threshold = 1;
        loop_until(pool->start_failures == 2);
        pool->retry_at += 1000 * USEC_PER_SEC;
        ck_assert(pool_is_unavailable(pool));
        renew("echo", 2, 2);
        loop_until(all_have(newer) && count_workers(pool, WORKER_IDLE) == 2);
        ck_assert_str_eq(renewals, "ok|");
        ck_assert(!pool_is_unavailable(pool));
        ck_assert_uint_eq(pool->back_off, 0);
        ck_assert_uint_eq(pool->failures, 0);
        ck_assert_ptr_null(pool->last_error);
}
END_TEST

START_TEST(an_unavailable_program_stays_so_with_a_bad_one)
{
        begin("exception", 1, 1);
        options->restart_threshold = 1;
        loop_until(pool->retry_at != 0);
        uint64_t retry_at = pool->retry_at;
        renew("exit3", 1, 1);
        loop_until(renewals[0]);
        ck_assert_uint_eq(pool->retry_at, retry_at);
        submit_call(pool, "echo", "");
        ck_assert_ptr_nonnull(strstr(answers, "\"exception\":\"ImportError\""));
}
END_TEST

START_TEST(old_ones_that_still_start_are_not_waited_for)
{
        begin("never", 2, 2);
        loop_now();
        ck_assert_uint_eq(count_workers(pool, WORKER_STARTING), 2);
        submit_call(pool, "echo", "7");
        renew("echo", 2, 2);
        loop_until(n_answers == 1 && all_have(newer) && count_workers(pool, WORKER_IDLE) == 2);
        ck_assert_str_eq(answers, "1:ok 7|");
        ck_assert_uint_eq(pool->start_failures, 0);
}
END_TEST

START_TEST(a_smaller_pool_lets_go_whom_it_does_not_need)
{
        begin_idle(5, 5);
        renew("echo", 1, 2);
        loop_until(all_have(newer));
        ck_assert_uint_eq(count_serving(pool), 2);
        ck_assert_uint_eq(pool->starts, 7);
        ck_assert_uint_eq(pool->recycle.recycled[WORKER_DUE_RENEWED], 5);
        ck_assert_int_eq(pool->recycle.credit, 0);
}
END_TEST

START_TEST(a_larger_pool_has_numbers_for_all)
{
        begin_idle(1, 1);
        renew("echo", 70, 70);
        newer->max_starting = 70;
        loop_until(all_have(newer) && count_serving(pool) == 70);
        ck_assert_uint_eq(pool->slots.n_words, 2);
        struct worker *worker;
        unsigned highest = 0;
        TAILQ_FOREACH (worker, &pool->workers.list[WORKER_IDLE], link)
                highest = worker->slot > highest ? worker->slot : highest;
        ck_assert_uint_le(highest, 70);
        ck_assert_uint_ge(highest, 69);
}
END_TEST

START_TEST(it_waits_for_its_turn_and_then_comes_first)
{
        begin_idle(1, 1);
        options->max_worker_lifetime = 1000 * USEC_PER_SEC;
        set_mode(options, "gated");
        pool_maintain(pool, units_now() + options->max_worker_lifetime);
        ck_assert_uint_eq(count_all(pool), 2);
        renew("echo", 1, 1);
        loop_now();
        ck_assert_ptr_null(pool->renewal.trial);
        open_gate();
        while (!all_have(newer)) {
                loop_once();
                ck_assert_uint_le(count_all(pool), 2);
                ck_assert_uint_ge(count_serving(pool), 1);
        }
        ck_assert_str_eq(renewals, "ok|");
        ck_assert_uint_eq(pool->starts, 3);
}
END_TEST

/* The place beyond max_workers is always taken there, by the worker for the next request. */
START_TEST(workers_of_one_request_make_room)
{
        begin("echo", 1, 1);
        options->max_requests = 1;
        wait_idle(pool, 1);
        submit_call(pool, "hang", "");
        wait_idle(pool, 1);
        loop_now();
        ck_assert_uint_eq(count_all(pool), 2);
        renew("echo", 1, 1);
        loop_until(renewals[0]);
        ck_assert_str_eq(renewals, "ok|");
        ck_assert_uint_eq(count_workers(pool, WORKER_BUSY), 1);
}
END_TEST

START_TEST(where_numbers_count_an_old_one_makes_room)
{
        begin_idle(2, 2);
        options->uses_slot = true;
        renew("echo", 2, 2);
        newer->uses_slot = true;
        while (!all_have(newer) || count_serving(pool) < 2) {
                struct worker *worker;
                loop_once();
                ck_assert_uint_le(count_all(pool), 2);
                ck_assert_uint_ge(count_serving(pool), 1);
                for (enum worker_state state = WORKER_STARTING; state <= WORKER_STOPPING; state++)
                        TAILQ_FOREACH (worker, &pool->workers.list[state], link)
                                ck_assert_uint_lt(worker->slot, 2);
        }
        ck_assert_str_eq(renewals, "ok|");
        ck_assert_uint_eq(pool->starts, 4);
        ck_assert_int_eq(pool->recycle.credit, 0);
}
END_TEST

START_TEST(where_numbers_count_a_bad_one_gives_the_room_back)
{
        begin_idle(2, 2);
        options->uses_slot = true;
        renew("exit3", 2, 2);
        newer->uses_slot = true;
        loop_until(renewals[0]);
        ck_assert_int_eq(strncmp(renewals, "error: ", 7), 0);
        wait_idle(pool, 2);
        ck_assert(all_have(options));
        ck_assert_uint_eq(pool->starts, 4);
        loop_now();
        ck_assert_int_eq(pool->recycle.credit, 0);
}
END_TEST

START_TEST(where_numbers_count_a_busy_one_makes_room_after_its_request)
{
        begin_idle(1, 1);
        options->uses_slot = true;
        pid_t pid = first_worker(pool, WORKER_IDLE)->process.pid;
        kill(pid, SIGSTOP);
        submit_call(pool, "echo", "1");
        submit_call(pool, "echo", "2");
        renew("echo", 1, 1);
        newer->uses_slot = true;
        loop_now();
        ck_assert_ptr_null(pool->renewal.trial);
        kill(pid, SIGCONT);
        loop_until(n_answers == 2 && all_have(newer));
        ck_assert_str_eq(answers, "1:ok 1|2:ok 2|");
        ck_assert_str_eq(renewals, "ok|");
        ck_assert_uint_eq(pool->starts, 2);
}
END_TEST

/* Its workers have to have numbers below the new max_workers, which old ones still hold. */
START_TEST(where_numbers_count_they_fit_a_smaller_pool)
{
        begin_idle(4, 4);
        options->uses_slot = true;
        renew("echo", 2, 2);
        newer->uses_slot = true;
        loop_until(all_have(newer) && count_serving(pool) == 2);
        struct worker *worker;
        TAILQ_FOREACH (worker, &pool->workers.list[WORKER_IDLE], link)
                ck_assert_uint_lt(worker->slot, 2);
        loop_now();
        ck_assert_uint_eq(count_all(pool), 2);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pool_renew");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, a_good_one_replaces_all_workers);
        tcase_add_test(tcase, one_that_waits_for_a_debugger_has_come_up);
        tcase_add_test(tcase, one_that_waits_for_a_debugger_makes_room);
        tcase_add_test(tcase, the_same_options_will_do);
        tcase_add_test(tcase, no_request_notices);
        tcase_add_test(tcase, a_bad_one_changes_nothing);
        tcase_add_test(tcase, one_that_is_not_ready_in_time_is_a_bad_one);
        tcase_add_test(tcase, one_that_cannot_be_executed_is_a_bad_one);
        tcase_add_test(tcase, a_later_one_takes_its_place);
        tcase_add_test(tcase, a_pool_that_stops_is_not_renewed);
        tcase_add_test(tcase, one_under_way_ends_with_the_pool);
        tcase_add_test(tcase, a_pool_may_be_freed_with_one_under_way);
        tcase_add_test(tcase, without_any_worker_one_is_tried);
        tcase_add_test(tcase, an_unavailable_program_is_made_good_at_once);
        tcase_add_test(tcase, an_unavailable_program_stays_so_with_a_bad_one);
        tcase_add_test(tcase, old_ones_that_still_start_are_not_waited_for);
        tcase_add_test(tcase, a_smaller_pool_lets_go_whom_it_does_not_need);
        tcase_add_test(tcase, a_larger_pool_has_numbers_for_all);
        tcase_add_test(tcase, it_waits_for_its_turn_and_then_comes_first);
        tcase_add_test(tcase, workers_of_one_request_make_room);
        tcase_add_test(tcase, where_numbers_count_an_old_one_makes_room);
        tcase_add_test(tcase, where_numbers_count_a_bad_one_gives_the_room_back);
        tcase_add_test(tcase, where_numbers_count_a_busy_one_makes_room_after_its_request);
        tcase_add_test(tcase, where_numbers_count_they_fit_a_smaller_pool);
        return run_suite(suite);
}
