/* SPDX-License-Identifier: MIT */
/*
 * Requests and the workers that they are given to. Time is what the test says it is:
 * pool_maintain() is called with any `now`.
 */
#include "daemon/pool.h"

#include "fixture_pool.h"

#include <poll.h>

static struct pool *pool;
static struct program_options *options;

static void setup(void)
{
        pools_begin();
        pool = NULL;
        options = NULL;
}

static void teardown(void)
{
        if (pool)
                pool_stop(pool, true, units_now());
        ck_assert_uint_eq(caller.n_requests, 0);
        pool_free(pool);
        workers_end();
}

static void begin(const char *mode, unsigned n_workers, unsigned max_queue_size)
{
        options = new_options("calc", mode);
        options->min_workers = options->max_workers = n_workers;
        options->max_queue_size = max_queue_size;
        pool = new_pool(options);
}

static void begin_idle(const char *mode, unsigned n_workers)
{
        begin(mode, n_workers, 1000);
        wait_idle(pool, n_workers);
}

/* Gives the only worker something to do, and waits until it has got it. */
static void occupy(const char *function)
{
        submit_call(pool, function, "");
        loop_until(buffer_is_empty(&first_worker(pool, WORKER_BUSY)->channel.to_worker));
}

START_TEST(an_idle_worker_answers)
{
        begin_idle("echo", 1);
        submit_call(pool, "echo", "{\"a\":1}");
        ck_assert_uint_eq(count_workers(pool, WORKER_BUSY), 1);
        loop_until(n_answers == 1);
        ck_assert_str_eq(answers, "1:ok {\"a\":1}|");
        wait_idle(pool, 1);
        ck_assert_uint_eq(pool->finished[RPC_OK], 1);
        ck_assert_uint_eq(pool->starts, 1);
}
END_TEST

START_TEST(the_queue_is_first_come_first_served)
{
        begin("echo", 1, 1000);
        for (int i = 1; i <= 5; i++)
                submit_call(pool, "echo", "[]");
        ck_assert_uint_eq(pool->queue_length, 5);
        loop_until(n_answers == 5);
        ck_assert_str_eq(answers, "1:ok []|2:ok []|3:ok []|4:ok []|5:ok []|");
        ck_assert_uint_eq(pool->queue_length, 0);
        ck_assert_uint_eq(pool->queue_high_water, 5);
}
END_TEST

START_TEST(the_worker_used_last_comes_first)
{
        begin_idle("echo", 3);
        for (unsigned i = 1; i <= 4; i++) {
                struct worker *last = first_worker(pool, WORKER_IDLE);
                char expected[64];
                answers[0] = '\0';
                snprintf(expected, sizeof(expected), "%u:ok %d|", i, (int)last->process.pid);
                submit_call(pool, "pid", "");
                loop_until(n_answers == i);
                ck_assert_str_eq(answers, expected);
                ck_assert_ptr_eq(first_worker(pool, WORKER_IDLE), last);
                ck_assert_uint_eq(last->served, i);
        }
}
END_TEST

START_TEST(each_worker_has_one_at_a_time)
{
        begin_idle("echo", 2);
        for (int i = 0; i < 3; i++)
                submit_call(pool, "hang", "");
        ck_assert_uint_eq(count_workers(pool, WORKER_BUSY), 2);
        ck_assert_uint_eq(pool->queue_length, 1);
        struct worker *worker;
        TAILQ_FOREACH (worker, &pool->workers.list[WORKER_BUSY], link) {
                struct request *request = ledger_first_request(&worker->ledger);
                ck_assert_int_eq(request->state, REQUEST_SENT);
                ck_assert_ptr_eq(request->worker, worker);
                ck_assert_uint_eq(worker->ledger.sent, worker->ledger.answered + 1);
        }
}
END_TEST

START_TEST(a_full_queue_refuses)
{
        begin("echo", 1, 2);
        wait_idle(pool, 1);
        occupy("hang");
        for (int i = 0; i < 3; i++)
                submit_call(pool, "echo", "");
        ck_assert_uint_eq(n_answers, 1);
        ck_assert_str_eq(answers, "4:overloaded {\"retry_after\":0.1,\"kind\":\"overloaded\"}|");
        ck_assert_uint_eq(pool->finished[RPC_OVERLOADED], 1);
        ck_assert_uint_eq(pool->queue_length, 2);
}
END_TEST

START_TEST(when_to_come_again_follows_from_how_fast_it_goes)
{
        begin("echo", 1, 2);
        wait_idle(pool, 1);
        occupy("hang");
        submit_call(pool, "echo", "");
        submit_call(pool, "echo", "");
        pool->run_time = 1260000;
        submit_call(pool, "echo", "");
        ck_assert_ptr_nonnull(strstr(answers, "{\"retry_after\":2.6,"));
        pool->run_time = 1000 * USEC_PER_SEC;
        submit_call(pool, "echo", "");
        ck_assert_ptr_nonnull(strstr(answers, "{\"retry_after\":60.0,"));
}
END_TEST

START_TEST(without_a_queue_only_idle_workers_take_any)
{
        begin("echo", 1, 0);
        submit_call(pool, "echo", "");
        ck_assert_int_eq(last_status, RPC_OVERLOADED);
        wait_idle(pool, 1);
        submit_call(pool, "echo", "");
        loop_until(n_answers == 2);
        ck_assert_int_eq(last_status, RPC_OK);
}
END_TEST

START_TEST(the_shorter_of_two_timeouts_counts)
{
        static const struct {
                uint64_t pool, caller, limit;
        } rows[] = {{30, 0, 30}, {30, 5, 5}, {30, 50, 30}, {0, 7, 7}, {0, 0, 0}};

        begin("never", 1, 1000);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct request *request = new_request("echo", "");
                options->request_timeout = rows[i].pool * USEC_PER_SEC;
                request->timeout = rows[i].caller * USEC_PER_SEC;
                uint64_t now = units_now();
                pool_submit(pool, request, now);
                ck_assert_uint_eq(request->deadline,
                                  rows[i].limit ? now + rows[i].limit * USEC_PER_SEC : 0);
        }
}
END_TEST

START_TEST(a_deadline_in_the_queue_is_told)
{
        begin("never", 1, 1000);
        uint64_t now = units_now();
        pool_submit(pool, new_request("echo", ""), now);
        pool_maintain(pool, now + options->request_timeout - 1);
        ck_assert_uint_eq(n_answers, 0);
        pool_maintain(pool, now + options->request_timeout);
        ck_assert_str_eq(answers,
                         "1:timeout {\"stage\":\"queue\",\"started\":false,\"kind\":\"timeout\"}|");
        ck_assert_uint_eq(pool->queue_length, 0);
        ck_assert_uint_eq(pool->deadlines.length, 0);
}
END_TEST

/* The story: a program that writes its answers without newlines was told of timeouts, and of
 * nothing else. */
START_TEST(a_line_without_an_end_is_told_at_the_deadline)
{
        begin_idle("echo", 1);
        occupy("endless");
        const struct worker *worker = first_worker(pool, WORKER_BUSY);
        loop_until(worker->channel.from_worker.length > 20);
        pool_maintain(pool, units_now() + options->request_timeout);
        ck_assert_ptr_nonnull(strstr(answers, "\"unfinished\":\"{\\\"request_id\\\":\\\"1\\\","
                                              "\\\"result\\\":1}\""));
        ck_assert_ptr_nonnull(strstr(answers, "no newline ends it"));
        wait_idle(pool, 1);
}
END_TEST

START_TEST(a_line_without_an_end_is_told_at_the_end)
{
        begin_idle("echo", 1);
        submit_call(pool, "half", "");
        loop_until(n_answers == 1);
        ck_assert_ptr_nonnull(strstr(answers, "worker_died"));
        ck_assert_ptr_nonnull(
                strstr(answers, "\"unfinished\":\"{\\\"request_id\\\":\\\"1\\\",\\\"resu\""));
        wait_idle(pool, 1);
}
END_TEST

START_TEST(who_counts_writes_whole_lines)
{
        begin_idle("counting", 1);
        occupy("endless");
        const struct worker *worker = first_worker(pool, WORKER_BUSY);
        loop_until(worker->channel.from_worker.length > 20);
        pool_maintain(pool, units_now() + options->request_timeout);
        ck_assert_uint_eq(n_answers, 1);
        ck_assert_ptr_null(strstr(answers, "unfinished"));
}
END_TEST

START_TEST(a_deadline_in_the_run_ends_the_worker)
{
        begin_idle("echo", 1);
        occupy("hang");
        struct worker *worker = first_worker(pool, WORKER_BUSY);
        pid_t pid = worker->process.pid;
        pool_maintain(pool, units_now() + options->request_timeout);
        ck_assert_str_eq(answers, "1:timeout {\"stage\":\"run\",\"started\":\"unknown\","
                                  "\"kind\":\"timeout\"}|");
        ck_assert_int_eq(worker->state, WORKER_STOPPING);
        ck_assert(log_has("past its deadline"));
        wait_idle(pool, 1);
        ck_assert_int_ne(first_worker(pool, WORKER_IDLE)->process.pid, pid);
        ck_assert_uint_eq(n_answers, 1);
        submit_call(pool, "echo", "");
        loop_until(n_answers == 2);
        ck_assert_uint_eq(pool->deaths, 0);
}
END_TEST

START_TEST(the_timer_keeps_the_deadline)
{
        begin("never", 1, 1000);
        uint64_t now = units_now();
        for (int i = 0; i < 3; i++) {
                struct request *request = new_request("echo", "");
                request->timeout = (uint64_t)(4 - i) * 1000;
                pool_submit(pool, request, now);
        }
        loop_until(n_answers == 3);
        ck_assert_uint_eq(pool->finished[RPC_TIMEOUT], 3);
        ck_assert_int_eq(strncmp(answers, "3:timeout", 9), 0);
}
END_TEST

/* The story: a request whose deadline had just passed was still handed to the worker that became
 * free, which was then ended for it. */
START_TEST(what_is_past_its_deadline_is_not_begun)
{
        begin_idle("echo", 1);
        submit_call(pool, "echo", "");
        struct request *late = new_request("hang", "");
        pool_submit(pool, late, units_now() - options->request_timeout);
        struct worker *worker = first_worker(pool, WORKER_BUSY);
        submit_call(pool, "echo", "");
        event_del(pool->timer);
        loop_until(n_answers == 3);
        ck_assert_ptr_nonnull(strstr(answers, "2:timeout {\"stage\":\"queue\""));
        ck_assert_ptr_nonnull(strstr(answers, "3:ok"));
        ck_assert_ptr_eq(first_worker(pool, WORKER_IDLE), worker);
}
END_TEST

START_TEST(a_withdrawn_request_is_forgotten)
{
        begin_idle("echo", 1);
        occupy("hang");
        submit_call(pool, "echo", "");
        struct request *request = TAILQ_FIRST(&pool->queue);
        submit_call(pool, "echo", "");
        pool_withdraw(pool, request);
        ck_assert_uint_eq(pool->queue_length, 1);
        ck_assert_uint_eq(pool->deadlines.length, 2);
        ck_assert_ptr_null(request->pool);
        ck_assert_int_eq(request->state, REQUEST_NEW);
        ck_assert_uint_eq(pool->finished[RPC_CANCELLED], 1);
        request_free(request);
}
END_TEST

/* Those that never end well are what quantiles are looked at for. */
START_TEST(every_end_of_a_request_is_timed)
{
        begin_idle("echo", 2);
        submit_call(pool, "echo", "");
        submit_call(pool, "exit", "");
        loop_until(n_answers == 2);
        ck_assert_uint_eq(pool->metrics.queue_wait.all.count, 2);
        ck_assert_uint_eq(pool->metrics.run_time.all.count, 2);
        wait_idle(pool, 2);
        occupy("hang");
        occupy("hang");
        submit_call(pool, "echo", "");
        pool_maintain(pool, units_now() + options->request_timeout);
        ck_assert_uint_eq(n_answers, 5);
        ck_assert_uint_eq(pool->metrics.queue_wait.all.count, 5);
        ck_assert_uint_eq(pool->metrics.run_time.all.count, 4);
}
END_TEST

START_TEST(a_death_is_told_and_the_others_go_on)
{
        begin_idle("echo", 2);
        occupy("hang");
        pid_t other = first_worker(pool, WORKER_BUSY)->process.pid;
        submit_call(pool, "exit", "");
        loop_until(n_answers == 1);
        ck_assert_int_eq(last_status, RPC_WORKER_DIED);
        ck_assert_ptr_nonnull(strstr(answers, "\"exit_status\":3"));
        ck_assert_ptr_nonnull(strstr(answers, "\"stderr\":\"farewell\\n\""));
        ck_assert_ptr_nonnull(strstr(answers, "\"started\":\"unknown\""));
        ck_assert_ptr_nonnull(strstr(answers, "\"kind\":\"worker_died\""));
        ck_assert_ptr_nonnull(strstr(answers, "exited with status 3\""));
        wait_idle(pool, 1);
        ck_assert_int_eq(first_worker(pool, WORKER_BUSY)->process.pid, other);
        ck_assert_uint_eq(pool->deaths, 1);
        ck_assert(log_has("error calc#2: exited with status 3"));
}
END_TEST

START_TEST(what_waits_is_answered_by_the_next_worker)
{
        begin_idle("echo", 1);
        submit_call(pool, "segv", "");
        submit_call(pool, "echo", "[2]");
        loop_until(n_answers == 2);
        ck_assert_int_eq(strncmp(answers, "1:worker_died ", 14), 0);
        ck_assert_ptr_nonnull(strstr(answers, "\"signal\":\"SIGSEGV\""));
        ck_assert_ptr_nonnull(strstr(answers, "2:ok [2]|"));
}
END_TEST

/* The story: a process answered and exited; its answer was seen before its end, and the next
 * request was given to it and died with it. */
START_TEST(a_request_that_a_dead_worker_got_goes_to_another)
{
        begin_idle("echo", 1);
        submit_call(pool, "last", "");
        submit_call(pool, "echo", "[2]");
        struct worker *worker = first_worker(pool, WORKER_BUSY);
        struct pollfd exited = {.fd = worker->process.pidfd, .events = POLLIN};
        loop_until(buffer_is_empty(&worker->channel.to_worker));
        ck_assert_int_eq(poll(&exited, 1, LOOP_DEADLINE / 1000), 1);
        loop_until(n_answers == 2);
        ck_assert_str_eq(answers, "1:ok \"last\"|2:ok [2]|");
}
END_TEST

/* What lies in the pipe of a worker that never came to read it has not begun. */
START_TEST(a_request_that_was_never_read_goes_to_another)
{
        begin_idle("echo", 1);
        pid_t pid = first_worker(pool, WORKER_IDLE)->process.pid;
        ck_assert_int_eq(kill(pid, SIGSTOP), 0);
        submit_call(pool, "echo", "[1]");
        struct worker *worker = first_worker(pool, WORKER_BUSY);
        loop_until(buffer_is_empty(&worker->channel.to_worker));
        ck_assert(channel_has_unread(&worker->channel));
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        loop_until(n_answers == 1);
        ck_assert_str_eq(answers, "1:ok [1]|");
        ck_assert_uint_eq(pool->deaths, 1);
}
END_TEST

/* It is far larger than a pipe, and each worker is killed before it has read it all. */
START_TEST(a_request_that_no_worker_reads_dies_with_the_fourth)
{
        static char params[3000001];

        begin_idle("echo", 1);
        memset(params, '7', sizeof(params) - 1);
        submit_call(pool, "echo", params);
        for (unsigned i = 1; i <= 4; i++) {
                loop_until(count_workers(pool, WORKER_BUSY) == 1 && pool->starts == i);
                loop_now();
                ck_assert_uint_eq(n_answers, 0);
                ck_assert_int_eq(kill(first_worker(pool, WORKER_BUSY)->process.pid, SIGKILL), 0);
        }
        loop_until(n_answers == 1);
        ck_assert_int_eq(last_status, RPC_WORKER_DIED);
        ck_assert_ptr_nonnull(strstr(answers, "\"started\":false"));
}
END_TEST

START_TEST(a_worker_that_closed_its_pipe_is_replaced)
{
        begin_idle("echo", 1);
        occupy("shut");
        loop_until(count_workers(pool, WORKER_STOPPING) == 1);
        ck_assert_uint_eq(n_answers, 0);
        pool_maintain(pool, units_now() + USEC_PER_SEC);
        loop_until(n_answers == 1);
        ck_assert_int_eq(last_status, RPC_WORKER_DIED);
        ck_assert_ptr_nonnull(strstr(answers, "\"reason\":\"it closed the pipe"));
        wait_idle(pool, 1);
}
END_TEST

START_TEST(stopping_refuses_all_and_lets_workers_leave)
{
        begin_idle("echo", 2);
        occupy("hang");
        submit_call(pool, "hang", "");
        submit_call(pool, "echo", "");
        n_changed = 0;
        pool_stop(pool, false, units_now());
        ck_assert_uint_eq(n_answers, 3);
        ck_assert_uint_eq(pool->finished[RPC_SHUTTING_DOWN], 3);
        ck_assert_ptr_nonnull(strstr(answers, "1:shutting_down {\"started\":\"unknown\""));
        ck_assert_ptr_nonnull(strstr(answers, "3:shutting_down {\"started\":false"));
        submit_call(pool, "echo", "");
        ck_assert_uint_eq(n_answers, 4);
        ck_assert_int_eq(last_status, RPC_SHUTTING_DOWN);
        ck_assert(pool_has_workers(pool));
        loop_until(n_changed > 0 && !pool_has_workers(pool));
        ck_assert_uint_eq(pool->starts, 2);
        ck_assert_uint_eq(pool->deaths, 0);
        ck_assert_uint_eq(pool->start_failures, 0);
}
END_TEST

START_TEST(stopping_asks_an_idle_worker_kindly)
{
        begin_idle("echo", 1);
        pool_stop(pool, false, units_now());
        loop_until(!pool_has_workers(pool));
        ck_assert(log_has("calc#0: exited with status 0"));
}
END_TEST

START_TEST(one_that_does_not_leave_is_killed_in_time)
{
        begin_idle("deaf", 1);
        uint64_t now = units_now();
        pool_stop(pool, false, now);
        loop_now();
        ck_assert_uint_eq(count_workers(pool, WORKER_STOPPING), 1);
        pool_maintain(pool, now + options->terminate_timeout);
        ck_assert_int_eq(first_worker(pool, WORKER_STOPPING)->process.next_signal, SIGKILL);
        pool_maintain(pool, now + 2 * options->terminate_timeout);
        loop_until(!pool_has_workers(pool));
        ck_assert(log_has("was killed by SIGKILL"));
}
END_TEST

START_TEST(in_a_hurry_they_are_killed)
{
        begin_idle("deaf", 2);
        submit_call(pool, "stop", "");
        pool_stop(pool, false, units_now());
        pool_stop(pool, true, units_now());
        loop_until(!pool_has_workers(pool));
        ck_assert_int_eq(last_status, RPC_SHUTTING_DOWN);
}
END_TEST

START_TEST(it_may_be_freed_at_any_time)
{
        begin_idle("echo", 2);
        submit_call(pool, "last", "");
        loop_until(n_answers == 1 && pool->starts == 3);
        pool = pool_free(pool);
        ck_assert_ptr_null(pool_free(NULL));
        loop_now();
}
END_TEST

START_TEST(run_times_are_averaged)
{
        begin_idle("echo", 1);
        for (unsigned i = 1; i <= 20; i++) {
                submit_call(pool, "echo", "");
                loop_until(n_answers == i);
        }
        ck_assert_uint_gt(pool->run_time, 0);
        ck_assert_uint_lt(pool->run_time, 60 * USEC_PER_SEC);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pool");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, an_idle_worker_answers);
        tcase_add_test(tcase, the_queue_is_first_come_first_served);
        tcase_add_test(tcase, the_worker_used_last_comes_first);
        tcase_add_test(tcase, each_worker_has_one_at_a_time);
        tcase_add_test(tcase, a_full_queue_refuses);
        tcase_add_test(tcase, when_to_come_again_follows_from_how_fast_it_goes);
        tcase_add_test(tcase, without_a_queue_only_idle_workers_take_any);
        tcase_add_test(tcase, the_shorter_of_two_timeouts_counts);
        tcase_add_test(tcase, a_deadline_in_the_queue_is_told);
        tcase_add_test(tcase, a_line_without_an_end_is_told_at_the_deadline);
        tcase_add_test(tcase, a_line_without_an_end_is_told_at_the_end);
        tcase_add_test(tcase, who_counts_writes_whole_lines);
        tcase_add_test(tcase, a_deadline_in_the_run_ends_the_worker);
        tcase_add_test(tcase, the_timer_keeps_the_deadline);
        tcase_add_test(tcase, what_is_past_its_deadline_is_not_begun);
        tcase_add_test(tcase, a_withdrawn_request_is_forgotten);
        tcase_add_test(tcase, every_end_of_a_request_is_timed);
        tcase_add_test(tcase, a_death_is_told_and_the_others_go_on);
        tcase_add_test(tcase, what_waits_is_answered_by_the_next_worker);
        tcase_add_test(tcase, a_request_that_a_dead_worker_got_goes_to_another);
        tcase_add_test(tcase, a_request_that_was_never_read_goes_to_another);
        tcase_add_test(tcase, a_request_that_no_worker_reads_dies_with_the_fourth);
        tcase_add_test(tcase, a_worker_that_closed_its_pipe_is_replaced);
        tcase_add_test(tcase, stopping_refuses_all_and_lets_workers_leave);
        tcase_add_test(tcase, stopping_asks_an_idle_worker_kindly);
        tcase_add_test(tcase, one_that_does_not_leave_is_killed_in_time);
        tcase_add_test(tcase, in_a_hurry_they_are_killed);
        tcase_add_test(tcase, it_may_be_freed_at_any_time);
        tcase_add_test(tcase, run_times_are_averaged);
        return run_suite(suite);
}
