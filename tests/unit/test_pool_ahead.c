/* SPDX-License-Identifier: MIT */
/*
 * Requests that stand with a worker behind others. The workers are stopped, mostly, so that they
 * stay as they are: what they have begun is what the test has counted for them.
 */
#include "daemon/pool_ahead.h"

#include "fixture_pool.h"

#include "daemon/pool_queue.h"

static struct pool *pool;
static struct program_options *options;
static struct worker *worker;

static void setup(void)
{
        pools_begin();
        pool = NULL;
        worker = NULL;
}

static void teardown(void)
{
        pool_stop(pool, true, units_now());
        ck_assert_uint_eq(caller.n_requests, 0);
        pool_free(pool);
        workers_end();
}

/* All of its functions take so long, in microseconds. */
static void know(uint64_t taken)
{
        struct json_object *methods = json_tokener_parse(
                "{\"echo\":{},\"hang\":{},\"skip\":{},\"slow\":{},\"later\":{\"async\":true}}");
        static const char *const names[] = {"echo", "hang", "skip", "later"};

        ck_assert_int_eq(run_times_learn(&pool->run_times, methods), 0);
        json_object_put(methods);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                for (unsigned n = 0; n < 2 * RUN_TIMES_LONG; n++)
                        run_time_record(
                                run_times_find(&pool->run_times, names[i], strlen(names[i])),
                                1000 * taken);
        for (unsigned n = 0; n < RUN_TIMES_LONG; n++)
                run_time_record(run_times_find(&pool->run_times, "slow", 4), 1000000);
}

static void begin(const char *mode, unsigned min_workers, unsigned max_workers, uint64_t taken)
{
        options = new_options("calc", mode);
        options->min_workers = min_workers;
        options->max_workers = max_workers;
        pool = new_pool(options);
        wait_idle(pool, min_workers);
        know(taken);
}

static void stop(const struct worker *who)
{
        ck_assert_int_eq(kill(who->process.pid, SIGSTOP), 0);
}

/* One worker, stopped, which is sent so many. */
static void begin_with(unsigned n, unsigned max_workers, uint64_t taken)
{
        begin("counting", 1, max_workers, taken);
        worker = first_worker(pool, WORKER_IDLE);
        stop(worker);
        for (unsigned i = 0; i < n; i++)
                submit_call(pool, "echo", "[1]");
        ck_assert_uint_eq(count_workers(pool, WORKER_BUSY), 1);
}

static void check(unsigned with_worker, unsigned in_queue)
{
        ck_assert_uint_eq(ledger_count_requests(&worker->ledger), with_worker);
        ck_assert_uint_eq(pool->queue_length, in_queue);
}

/* The serials of those that wait, first to last. */
static void check_queue(const char *expected)
{
        struct request *request;
        char text[256] = "";

        TAILQ_FOREACH (request, &pool->queue, place)
                sprintf(text + strlen(text), "%" PRIu64 " ", request->serial);
        ck_assert_str_eq(text, expected);
}

START_TEST(short_ones_are_sent_ahead)
{
        begin_with(5, 1, 1);
        check(5, 0);
        ck_assert_uint_eq(pool->ahead.n_sent, 4);
        ck_assert_uint_eq(ahead_count(pool), 4);
        kill(worker->process.pid, SIGCONT);
        loop_until(n_answers == 5);
        ck_assert_str_eq(answers, "1:ok [1]|2:ok [1]|3:ok [1]|4:ok [1]|5:ok [1]|");
        ck_assert_int_eq(worker->state, WORKER_IDLE);
        ck_assert_uint_eq(worker->served, 5);
        ck_assert_uint_eq(worker->ledger.expected, 0);
        ck_assert_uint_eq(worker->ledger.bytes, 0);
        pool_maintain(pool, units_now() + USEC_PER_SEC);
        ck_assert_uint_eq(ahead_count(pool), 0);
        ck_assert(!worker->ahead.is_crowded);
}
END_TEST

START_TEST(what_stands_before_one_takes_less_than_prefetch_time)
{
        begin_with(10, 1, 60);
        check(4, 6); /* 180 us stand before the fourth, 240 us would before a fifth */
        kill(worker->process.pid, SIGCONT);
        loop_until(n_answers == 10);
        ck_assert_uint_eq(pool->queue_length, 0);
}
END_TEST

START_TEST(nothing_is_sent_behind_a_slow_one)
{
        begin("counting", 1, 1, 1);
        worker = first_worker(pool, WORKER_IDLE);
        stop(worker);
        submit_call(pool, "slow", "");
        submit_call(pool, "echo", "");
        check(1, 1);
}
END_TEST

START_TEST(nothing_that_may_be_slow_is_sent_ahead)
{
        static const char *const rows[] = {"slow", "later", "never_seen"};

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                if (i == 0)
                        begin_with(1, 1, 1);
                submit_call(pool, rows[i], "");
                submit_call(pool, "echo", ""); /* it stands behind that one */
                check(1, (unsigned)(2 * i + 2));
        }
}
END_TEST

START_TEST(it_can_be_turned_off)
{
        begin("counting", 1, 1, 1);
        options->prefetch_time = 0;
        worker = first_worker(pool, WORKER_IDLE);
        stop(worker);
        submit_call(pool, "echo", "");
        submit_call(pool, "echo", "");
        check(1, 1);
}
END_TEST

START_TEST(one_that_counts_nothing_has_one)
{
        begin("echo", 1, 1, 1);
        worker = first_worker(pool, WORKER_IDLE);
        stop(worker);
        submit_call(pool, "echo", "");
        submit_call(pool, "echo", "");
        check(1, 1);
}
END_TEST

START_TEST(idle_ones_come_first_and_busy_ones_in_turn)
{
        struct worker *one;

        begin("counting", 3, 3, 1);
        TAILQ_FOREACH (one, &pool->workers.list[WORKER_IDLE], link)
                stop(one);
        for (int i = 0; i < 3; i++)
                submit_call(pool, "echo", "");
        ck_assert_uint_eq(count_workers(pool, WORKER_BUSY), 3);
        ck_assert_uint_eq(pool->ahead.n_sent, 0);
        for (int i = 0; i < 9; i++)
                submit_call(pool, "echo", "");
        TAILQ_FOREACH (one, &pool->workers.list[WORKER_BUSY], link)
                ck_assert_uint_eq(ledger_length(&one->ledger), 4);
}
END_TEST

START_TEST(there_are_places_for_no_more_than_the_ledger_has)
{
        begin_with(100, 1, 0);
        check(63, 37);
        kill(worker->process.pid, SIGCONT);
        loop_until(n_answers == 100);
}
END_TEST

START_TEST(a_pipe_is_not_filled)
{
        static char params[20003];

        begin("counting", 1, 1, 1);
        worker = first_worker(pool, WORKER_IDLE);
        stop(worker);
        snprintf(params, sizeof(params), "[\"%015000d\"]", 0);
        for (int i = 0; i < 4; i++)
                submit_call(pool, "echo", params);
        check(3, 1);
        pool_cancel(pool, TAILQ_FIRST(&pool->queue), units_now());
        submit_call(pool, "echo", "[1]");
        check(3, 1);
        kill(worker->process.pid, SIGCONT);
        loop_until(n_answers == 5);
        stop(worker);
        submit_call(pool, "echo", "[1]");
        snprintf(params, sizeof(params), "[\"%019998d\"]", 0);
        submit_call(pool, "echo", params);
        check(1, 1); /* too large to be sent ahead at all */
}
END_TEST

START_TEST(none_gets_more_than_it_may_serve)
{
        begin("counting", 1, 1, 1);
        worker = first_worker(pool, WORKER_IDLE);
        worker->max_requests = 3;
        stop(worker);
        for (int i = 0; i < 5; i++)
                submit_call(pool, "echo", "");
        check(3, 2);
        kill(worker->process.pid, SIGCONT);
        loop_until(n_answers == 5);
}
END_TEST

START_TEST(one_that_is_to_leave_gets_nothing_more)
{
        for (int i = 0; i < 3; i++) {
                if (i == 0)
                        begin_with(1, 1, 1);
                worker->due = i == 0 ? WORKER_DUE_LIFETIME : WORKER_NOT_DUE;
                worker->is_unwanted = i == 1;
                worker->interruption.ordinal = i == 2;
                submit_call(pool, "echo", "");
                check(1, (unsigned)i + 1);
        }
        worker->interruption.ordinal = 0;
        pool_resume(pool, units_now());
        check(1, 3); /* it stands on the list again when it has answered */
        kill(worker->process.pid, SIGCONT);
        loop_until(n_answers == 4);
}
END_TEST

/* Else one that is never free would never be looked at. */
START_TEST(one_whose_memory_is_to_be_looked_at_gets_free)
{
        begin("counting", 1, 1, 1);
        options->max_worker_memory = 1024;
        worker = first_worker(pool, WORKER_IDLE);
        stop(worker);
        worker->memory_look_at = units_now() + 1000 * USEC_PER_SEC;
        submit_call(pool, "echo", "");
        submit_call(pool, "echo", "");
        check(2, 0);
        worker->memory_look_at = units_now();
        submit_call(pool, "echo", "");
        check(2, 1);
}
END_TEST

/* One is stuck at the first it has, where another can come for the rest. */
START_TEST(what_would_wait_for_long_is_taken_back)
{
        begin_with(5, 2, 1);
        count_requests(worker, 1, 0);
        uint64_t now = units_now();
        pool_maintain(pool, now);
        check(5, 0);
        pool_maintain(pool, now + 900);
        check(5, 0);
        pool_maintain(pool, now + 1100);
        check(1, 4);
        check_queue("2 3 4 5 ");
        ck_assert_uint_eq(pool->ahead.n_taken_back, 4);
        for (uint64_t ordinal = 2; ordinal <= 5; ordinal++)
                ck_assert_uint_eq(worker->pages.wanted[ordinal], ordinal << 1);
        submit_call(pool, "echo", "[6]");
        check_queue("2 3 4 5 6 ");
        options->prefetch_time = 0; /* the other one counts nothing */
        loop_until(n_answers == 5);
        ck_assert_str_eq(answers, "2:ok [1]|3:ok [1]|4:ok [1]|5:ok [1]|6:ok [6]|");
        kill(worker->process.pid, SIGCONT);
        loop_until(n_answers == 6 && ledger_is_empty(&worker->ledger));
        ck_assert_int_eq(last_status, RPC_OK);
        ck_assert_uint_eq(worker->served, 1);
        ck_assert_uint_eq(worker->interruption.ordinal, 0);
}
END_TEST

START_TEST(one_that_goes_on_keeps_what_it_has)
{
        begin_with(5, 2, 1);
        uint64_t now = units_now();
        for (unsigned i = 1; i <= 5; i++) {
                count_requests(worker, i, i - 1);
                pool_maintain(pool, now + 900 * i);
        }
        check(5, 0);
}
END_TEST

START_TEST(what_has_begun_is_not_taken_back)
{
        begin_with(5, 2, 1);
        count_requests(worker, 3, 2);
        ahead_take_back(pool, worker);
        check(3, 2);
        check_queue("4 5 ");
        ck_assert_uint_eq(worker->pages.wanted[3], 0);
        ck_assert(!ledger_at(&worker->ledger, 3)->may_be_skipped);
        count_requests(worker, 5, 5);
}
END_TEST

START_TEST(where_there_is_nobody_else_it_stays)
{
        begin_with(5, 1, 1);
        count_requests(worker, 1, 0);
        uint64_t now = units_now();
        pool_maintain(pool, now);
        pool_maintain(pool, now + 5000);
        check(5, 0);
        submit_call(pool, "echo", "");
        check(5, 1); /* but it gets nothing more */
}
END_TEST

START_TEST(what_takes_long_is_known_to_be_slow)
{
        begin_with(5, 1, 1);
        count_requests(worker, 1, 0);
        uint64_t now = units_now();
        pool_maintain(pool, now);
        pool_maintain(pool, now + 20000);
        ck_assert_uint_ge(run_time_expected(run_times_find(&pool->run_times, "echo", 4)), 20000000);
}
END_TEST

START_TEST(answers_that_it_holds_are_taken)
{
        begin_with(4, 1, 1);
        count_requests(worker, 3, 2);
        hold_answers(
                worker, 1,
                "{\"request_id\":\"1\",\"result\":11}\n{\"request_id\":\"2\",\"result\":12}\n");
        uint64_t now = units_now();
        pool_maintain(pool, now);
        ck_assert_uint_eq(n_answers, 0);
        pool_maintain(pool, now + 1100);
        ck_assert_str_eq(answers, "1:ok 11|2:ok 12|");
        check(2, 0);
        count_requests(worker, 4, 4);
        kill(worker->process.pid, SIGCONT);
        loop_until(n_answers == 4);
        ck_assert_uint_eq(worker->served, 4);
}
END_TEST

/* However long others may have to wait there. */
START_TEST(finished_answers_do_not_wait_for_prefetch_time)
{
        begin_with(4, 1, 1);
        options->prefetch_time = USEC_PER_SEC;
        count_requests(worker, 3, 2);
        hold_answers(
                worker, 1,
                "{\"request_id\":\"1\",\"result\":11}\n{\"request_id\":\"2\",\"result\":12}\n");
        uint64_t now = units_now();
        pool_maintain(pool, now);
        pool_maintain(pool, now + 1100);
        ck_assert_str_eq(answers, "1:ok 11|2:ok 12|");
        check(2, 0);
}
END_TEST

START_TEST(one_that_is_stuck_for_long_is_looked_at_now_and_then)
{
        begin_with(3, 1, 1);
        count_requests(worker, 1, 0);
        uint64_t now = units_now();
        ck_assert_uint_eq(ahead_maintain(pool, now), now + 2000);
        ck_assert_uint_eq(ahead_maintain(pool, now + 8000), now + 11000);
        ck_assert_uint_eq(ahead_maintain(pool, now + 80000), now + 92000);
        ck_assert_uint_eq(ahead_maintain(pool, now + 8000000), now + 8052000);
        count_requests(worker, 2, 1);
        ck_assert_uint_eq(ahead_maintain(pool, now + 8052000), now + 8054000);
        hold_answers(worker, 1,
                     "{\"request_id\":\"1\",\"result\":1}\n{\"request_id\":\"2\",\"result\":2}\n");
        count_requests(worker, 3, 2);
        ck_assert_uint_eq(ahead_maintain(pool, now + 8054000), now + 8056000);
        ck_assert_uint_eq(ahead_maintain(pool, now + 8056000), 0); /* it has one left */
}
END_TEST

/* It had looked before the daemon said that it was wanted after all. */
START_TEST(what_is_skipped_all_the_same_waits_again)
{
        begin("counting", 1, 1, 1);
        worker = first_worker(pool, WORKER_IDLE);
        stop(worker);
        submit_call(pool, "echo", "");
        submit_call(pool, "skip", "");
        count_requests(worker, 2, 1);
        ledger_at(&worker->ledger, 2)->may_be_skipped = true;
        kill(worker->process.pid, SIGCONT);
        loop_until(n_answers == 1 && worker->ledger.sent == 3);
        ck_assert_uint_eq(worker->served, 1);
        ck_assert_uint_eq(ledger_first_request(&worker->ledger)->serial, 2);
        loop_until(n_answers == 2);
        ck_assert_int_eq(last_status, RPC_EXCEPTION); /* nobody had asked it to */
}
END_TEST

START_TEST(a_cancelled_one_is_skipped)
{
        begin_with(3, 1, 1);
        count_requests(worker, 1, 0);
        pool_cancel(pool, ledger_at(&worker->ledger, 2)->request, units_now());
        ck_assert_str_eq(answers, "2:cancelled {\"started\":false,\"kind\":\"cancelled\"}|");
        ck_assert_uint_eq(worker->interruption.ordinal, 0);
        ck_assert_uint_eq(worker->pages.wanted[2], 2 << 1 | 1);
        check(2, 0);
}
END_TEST

/* That is not what it ran out of time in. */
START_TEST(one_that_is_late_behind_others_has_waited)
{
        begin_with(2, 1, 1);
        count_requests(worker, 1, 0);
        uint64_t now = units_now();
        pool_maintain(pool, now + options->request_timeout);
        ck_assert_ptr_nonnull(strstr(answers, "1:timeout {\"stage\":\"run\",\"started\":true,"));
        ck_assert_ptr_nonnull(strstr(answers, "2:timeout {\"stage\":\"queue\",\"started\":false,"));
}
END_TEST

/* Its worker skips it by itself. */
START_TEST(one_that_was_late_in_its_turn_interrupts_nobody)
{
        begin_with(3, 1, 1);
        count_requests(worker, 1, 0);
        pool_cancel(pool, ledger_at(&worker->ledger, 2)->request, units_now());
        ck_assert(ledger_at(&worker->ledger, 2)->is_skipped);
        kill(worker->process.pid, SIGCONT);
        loop_until(n_answers == 3);
        ck_assert_uint_eq(worker->interruption.ordinal, 0);
        ck_assert_uint_eq(worker->served, 2);
}
END_TEST

START_TEST(when_one_is_interrupted_the_others_are_taken_back)
{
        begin_with(3, 1, 1);
        count_requests(worker, 1, 0);
        pool_cancel(pool, ledger_first_request(&worker->ledger), units_now());
        ck_assert_uint_eq(n_answers, 1);
        check_queue("2 3 ");
        check(0, 2);
}
END_TEST

START_TEST(one_that_is_asked_to_leave_gives_back_what_it_has)
{
        begin_with(3, 1, 1);
        count_requests(worker, 1, 0);
        pool_kill_worker(pool, worker, units_now());
        check_queue("2 3 ");
        loop_until(n_answers == 3);
        ck_assert_ptr_nonnull(strstr(answers, "|2:ok [1]|3:ok [1]|"));
}
END_TEST

START_TEST(of_one_that_is_asked_to_leave_it_is_what_runs_that_is_cancelled)
{
        begin_with(2, 1, 1);
        count_requests(worker, 2, 1);
        hold_answers(worker, 1, "{\"request_id\":\"1\",\"result\":11}\n");
        pool_kill_worker(pool, worker, units_now());
        ck_assert_str_eq(answers, "1:ok 11|2:cancelled {\"started\":true,\"kind\":\"cancelled\"}|");
        ck_assert_uint_eq(worker->ledger.answered, 1);
}
END_TEST

/* A call of the worker's own, within what it runs. */
static void call(struct worker *within, struct request *parent)
{
        struct request *request = request_new(&within->caller, &buffers, "\"py-1\"", 6, "echo", 4,
                                              &(struct rpc_part){0});

        request->serial = 100;
        request->parent = parent;
        pool_submit(pool, request, units_now());
}

/* The end of one request ends a call, and what stands behind that is taken back. */
START_TEST(what_is_taken_back_while_the_pool_stops_is_refused_too)
{
        begin("counting", 2, 2, 1);
        worker = first_worker(pool, WORKER_IDLE);
        stop(worker);
        submit_call(pool, "echo", "");
        struct worker *other = first_worker(pool, WORKER_IDLE);
        stop(other);
        submit_call(pool, "echo", "");
        call(other, ledger_first_request(&other->ledger));
        submit_call(pool, "echo", "");
        check(3, 0);
        count_requests(worker, 2, 1);
        hold_answers(worker, 1, "{\"request_id\":\"1\",\"result\":1}\n");
        worker_take_held(worker);
        check(2, 0);
        ck_assert_ptr_eq(first_worker(pool, WORKER_BUSY), other);
        pool_stop(pool, false, units_now());
        check(0, 0);
        ck_assert_uint_eq(caller.n_requests, 0);
        ck_assert_uint_eq(n_answers, 3);
        ck_assert_int_eq(last_status, RPC_SHUTTING_DOWN);
}
END_TEST

/* It ends by itself, sooner or later. */
START_TEST(what_one_that_is_ending_has_not_begun_is_taken_back)
{
        begin_with(3, 2, 1);
        count_requests(worker, 1, 0);
        process_closed(&worker->process, "it closed its pipe");
        ck_assert_int_eq(worker->state, WORKER_STOPPING);
        check(1, 2);
        check_queue("2 3 ");
}
END_TEST

START_TEST(what_was_sent_is_taken_back_also_from_one_that_is_stopping)
{
        begin_with(2, 1, 1);
        count_requests(worker, 1, 0);
        struct request *second = ledger_at(&worker->ledger, 2)->request;
        process_terminate(&worker->process, units_now());
        ck_assert(pool_take_back(pool, second));
        check(1, 1);
}
END_TEST

START_TEST(a_caller_that_goes_takes_its_own_with_it)
{
        begin_with(3, 1, 1);
        count_requests(worker, 1, 0);
        struct request *first = ledger_at(&worker->ledger, 1)->request,
                       *second = ledger_at(&worker->ledger, 2)->request;
        ck_assert(!pool_take_back(pool, first));
        ck_assert(pool_take_back(pool, second));
        ck_assert_int_eq(second->state, REQUEST_QUEUED);
        pool_withdraw(pool, second);
        request_free(second);
        check(2, 0);
}
END_TEST

START_TEST(of_a_death_those_behind_notice_nothing)
{
        begin_with(3, 1, 1);
        count_requests(worker, 1, 0);
        ck_assert_int_eq(kill(worker->process.pid, SIGKILL), 0);
        loop_until(n_answers == 1);
        ck_assert_int_eq(last_status, RPC_WORKER_DIED);
        worker = NULL;
        loop_until(n_answers == 3);
        ck_assert_ptr_nonnull(strstr(answers, "|2:ok [1]|3:ok [1]|"));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pool_ahead");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, short_ones_are_sent_ahead);
        tcase_add_test(tcase, what_stands_before_one_takes_less_than_prefetch_time);
        tcase_add_test(tcase, nothing_is_sent_behind_a_slow_one);
        tcase_add_test(tcase, nothing_that_may_be_slow_is_sent_ahead);
        tcase_add_test(tcase, it_can_be_turned_off);
        tcase_add_test(tcase, one_that_counts_nothing_has_one);
        tcase_add_test(tcase, idle_ones_come_first_and_busy_ones_in_turn);
        tcase_add_test(tcase, there_are_places_for_no_more_than_the_ledger_has);
        tcase_add_test(tcase, a_pipe_is_not_filled);
        tcase_add_test(tcase, none_gets_more_than_it_may_serve);
        tcase_add_test(tcase, one_that_is_to_leave_gets_nothing_more);
        tcase_add_test(tcase, one_whose_memory_is_to_be_looked_at_gets_free);
        tcase_add_test(tcase, what_would_wait_for_long_is_taken_back);
        tcase_add_test(tcase, one_that_goes_on_keeps_what_it_has);
        tcase_add_test(tcase, what_has_begun_is_not_taken_back);
        tcase_add_test(tcase, where_there_is_nobody_else_it_stays);
        tcase_add_test(tcase, what_takes_long_is_known_to_be_slow);
        tcase_add_test(tcase, answers_that_it_holds_are_taken);
        tcase_add_test(tcase, finished_answers_do_not_wait_for_prefetch_time);
        tcase_add_test(tcase, one_that_is_stuck_for_long_is_looked_at_now_and_then);
        tcase_add_test(tcase, what_is_skipped_all_the_same_waits_again);
        tcase_add_test(tcase, a_cancelled_one_is_skipped);
        tcase_add_test(tcase, one_that_is_late_behind_others_has_waited);
        tcase_add_test(tcase, one_that_was_late_in_its_turn_interrupts_nobody);
        tcase_add_test(tcase, when_one_is_interrupted_the_others_are_taken_back);
        tcase_add_test(tcase, one_that_is_asked_to_leave_gives_back_what_it_has);
        tcase_add_test(tcase, of_one_that_is_asked_to_leave_it_is_what_runs_that_is_cancelled);
        tcase_add_test(tcase, what_is_taken_back_while_the_pool_stops_is_refused_too);
        tcase_add_test(tcase, what_one_that_is_ending_has_not_begun_is_taken_back);
        tcase_add_test(tcase, what_was_sent_is_taken_back_also_from_one_that_is_stopping);
        tcase_add_test(tcase, a_caller_that_goes_takes_its_own_with_it);
        tcase_add_test(tcase, of_a_death_those_behind_notice_nothing);
        return run_suite(suite);
}
