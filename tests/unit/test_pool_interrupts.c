/* SPDX-License-Identifier: MIT */
/*
 * Requests that are answered before their workers are done with them, and what becomes of these.
 * Time is what the test says it is.
 */
#include "daemon/pool_interrupts.h"

#include "fixture_pool.h"

#include "daemon/handled.h"

static struct pool *pool;
static struct program_options *options;
static struct worker *worker;

static void setup(void)
{
        pools_begin();
        pool = NULL;
}

static void teardown(void)
{
        if (pool)
                pool_stop(pool, true, units_now());
        ck_assert_uint_eq(caller.n_requests, 0);
        pool_free(pool);
        workers_end();
}

/* One worker, which runs the function; `mode` "able" can be interrupted and shows its stack. */
static void run(const char *mode, const char *function)
{
        options = new_options("calc", mode);
        options->min_workers = 1;
        pool = new_pool(options);
        wait_idle(pool, 1);
        submit_call(pool, function, "[1]");
        worker = first_worker(pool, WORKER_BUSY);
        wait_read(worker);
        if (worker->has_counters)
                count_requests(worker, 1, 0);
}

static uint64_t reach_deadline(void)
{
        uint64_t now = units_now() + options->request_timeout;

        pool_maintain(pool, now);
        return now;
}

static void wait_exit(void)
{
        uint64_t starts = pool->starts;

        loop_until(pool->starts > starts && count_workers(pool, WORKER_STOPPING) == 0);
}

static void check_fates(uint64_t interrupted, uint64_t terminated, uint64_t killed)
{
        ck_assert_uint_eq(pool->fates[FATE_INTERRUPTED], interrupted);
        ck_assert_uint_eq(pool->fates[FATE_TERMINATED], terminated);
        ck_assert_uint_eq(pool->fates[FATE_KILLED], killed);
        ck_assert_uint_eq(pool->deaths, 0);
}

START_TEST(one_that_comes_back_serves_on)
{
        run("able", "patient");
        pid_t pid = worker->process.pid;
        reach_deadline();
        ck_assert_str_eq(answers,
                         "1:timeout {\"stage\":\"run\",\"started\":true,\"kind\":\"timeout\"}|");
        ck_assert_int_eq(worker->state, WORKER_BUSY);
        ck_assert_uint_eq(worker->pages.wanted[1], 1 << 1);
        submit_call(pool, "pid", "");
        ck_assert_uint_eq(pool->queue_length, 1);
        count_requests(worker, 2, 1);
        loop_until(n_answers == 2);
        char expected[64];
        snprintf(expected, sizeof(expected), "|2:ok %d|", (int)pid);
        ck_assert_ptr_nonnull(strstr(answers, expected));
        ck_assert(log_has("warning calc#1: interrupted: the request has run past its deadline; it "
                          "came back after"));
        ck_assert(log_has("the stack"));
        loop_until(TAILQ_EMPTY(&pool->watched));
        check_fates(1, 0, 0);
        ck_assert_uint_eq(pool->starts, 1);
}
END_TEST

/* The first signal comes when the worker is just about to wait. */
START_TEST(one_that_takes_no_notice_is_told_again)
{
        run("able", "drowsy");
        pid_t pid = worker->process.pid;
        pool_cancel(pool, ledger_first_request(&worker->ledger), units_now());
        loop_until(count_workers(pool, WORKER_IDLE) == 1);
        ck_assert_int_eq(first_worker(pool, WORKER_IDLE)->process.pid, pid);
        check_fates(1, 0, 0);
}
END_TEST

START_TEST(not_all_stacks_fit_into_the_log)
{
        uint64_t now = 1000 * USEC_PER_SEC;

        options = new_options("calc", "never");
        pool = new_pool(options);
        for (int i = 0; i < 10; i++)
                ck_assert_str_eq(interrupts_loggable(pool, "text", now + (uint64_t)i), "text");
        ck_assert_str_eq(interrupts_loggable(pool, "text", now + 10 * USEC_PER_SEC),
                         "(too many stacks: left out)");
        ck_assert_ptr_null(interrupts_loggable(pool, NULL, now));
        ck_assert_str_eq(interrupts_loggable(pool, "text", now + 10 * USEC_PER_SEC + 1), "text");
}
END_TEST

START_TEST(one_that_does_not_come_back_is_terminated)
{
        run("able", "stubborn");
        uint64_t now = reach_deadline();
        while (!pages_text_has_ended(&worker->pages))
                usleep(1000); /* of this nobody tells */
        pool_maintain(pool, now + options->interrupt_timeout - 1);
        ck_assert_int_eq(worker->state, WORKER_BUSY);
        pool_maintain(pool, now + options->interrupt_timeout);
        ck_assert_int_eq(worker->state, WORKER_STOPPING);
        ck_assert(
                log_has("warning calc#1: ending it: the request has run past its deadline, and it "
                        "did not come back within interrupt_timeout\nthe stack\n"));
        wait_exit();
        check_fates(0, 1, 0);
        ck_assert(log_has("did not come back, and was killed by SIGTERM"));
        ck_assert_uint_eq(n_answers, 1);
}
END_TEST

/* It is stopped, and says that it has not begun. */
START_TEST(one_that_takes_no_notice_at_all_is_killed)
{
        run("able", "patient");
        ck_assert_int_eq(kill(worker->process.pid, SIGSTOP), 0);
        count_requests(worker, 0, 0);
        uint64_t now = reach_deadline();
        ck_assert_str_eq(answers,
                         "1:timeout {\"stage\":\"run\",\"started\":false,\"kind\":\"timeout\"}|");
        now += options->interrupt_timeout;
        pool_maintain(pool, now);
        ck_assert_int_eq(worker->process.last_signal, SIGTERM);
        now += options->terminate_timeout;
        pool_maintain(pool, now - 1);
        ck_assert_int_eq(worker->process.last_signal, SIGTERM);
        pool_maintain(pool, now);
        wait_exit();
        check_fates(0, 0, 1);
}
END_TEST

START_TEST(without_interrupts_it_is_ended_at_once)
{
        run("able", "patient");
        options->interrupt_timeout = 0;
        reach_deadline();
        ck_assert_int_eq(worker->state, WORKER_STOPPING);
        ck_assert_int_eq(worker->process.last_signal, SIGTERM);
        wait_exit();
        check_fates(0, 1, 0);
}
END_TEST

/* The signal would kill it, and nobody would know why. */
/* Somebody looks at it: it runs on, and what it comes to is dropped. */
START_TEST(one_with_a_debugger_is_left_alone)
{
        run("able", "keep");
        options->debug_port = 5678;
        uint64_t now = reach_deadline();
        pool_maintain(pool, now + 2 * options->interrupt_timeout);
        ck_assert_int_eq(worker->state, WORKER_BUSY);
        ck_assert_int_eq(worker->process.last_signal, 0);
        ck_assert_uint_eq(worker->interruption.ordinal, 0);
        ck_assert_uint_eq(pool->finished[RPC_TIMEOUT], 1);
        check_fates(0, 0, 0);
}
END_TEST

START_TEST(one_that_has_no_handler_is_not_interrupted)
{
        run("counting", "stubborn");
        reach_deadline();
        ck_assert_int_eq(worker->process.last_signal, SIGTERM);
        wait_exit();
        ck_assert(log_has("was killed by SIGTERM"));
}
END_TEST

START_TEST(one_with_a_loop_of_its_own_is_not_interrupted)
{
        run("echo", "hang");
        reach_deadline();
        ck_assert_int_eq(worker->process.last_signal, SIGTERM);
        ck_assert_ptr_nonnull(strstr(answers, "\"started\":\"unknown\""));
        wait_exit();
        check_fates(0, 1, 0);
}
END_TEST

START_TEST(counters_that_cannot_be_end_it)
{
        run("able", "patient");
        count_requests(worker, 7, 0);
        reach_deadline();
        ck_assert_ptr_nonnull(strstr(answers, "\"started\":\"unknown\""));
        ck_assert_str_eq(worker->process.fault, "it counted other requests than it was sent");
        wait_exit();
        ck_assert_uint_eq(pool->deaths, 1);
        ck_assert_uint_eq(n_answers, 1);
}
END_TEST

START_TEST(a_cancelled_one_is_interrupted_as_well)
{
        run("able", "patient");
        pool_cancel(pool, ledger_first_request(&worker->ledger), units_now());
        ck_assert_int_eq(last_status, RPC_CANCELLED);
        ck_assert_uint_eq(worker->pages.wanted[1], 1 << 1 | 1);
        loop_until(count_workers(pool, WORKER_IDLE) == 1);
        check_fates(1, 0, 0);
        ck_assert(log_has("debug calc#1: interrupted: the request was cancelled"));
        ck_assert_uint_eq(n_answers, 1);
}
END_TEST

START_TEST(what_it_had_behind_it_goes_to_another)
{
        run("able", "stubborn");
        worker_send(worker, new_request("echo", "[2]"), units_now());
        ledger_at(&worker->ledger, 2)->request->pool = pool;
        uint64_t now = reach_deadline();
        ck_assert_uint_eq(n_answers, 1);
        pool_maintain(pool, now + options->interrupt_timeout);
        loop_until(n_answers == 2);
        ck_assert_ptr_nonnull(strstr(answers, "|2:ok [2]|"));
}
END_TEST

START_TEST(of_two_that_are_unwanted_the_second_has_a_time_of_its_own)
{
        run("able", "patient");
        worker_send(worker, new_request("patient", ""), units_now());
        struct request *second = ledger_at(&worker->ledger, 2)->request;
        second->pool = pool;
        count_requests(worker, 2, 1); /* its answer to the first is on its way */
        pool_cancel(pool, second, units_now());
        ck_assert_uint_eq(worker->interruption.ordinal, 0);
        ck_assert_uint_eq(worker->pages.wanted[2], 2 << 1 | 1);
        pool_cancel(pool, ledger_first_request(&worker->ledger), units_now());
        ck_assert_uint_eq(worker->interruption.ordinal, 1);
        loop_until(worker->interruption.ordinal == 2);
        ck_assert_uint_eq(pool->fates[FATE_INTERRUPTED], 1);
        loop_until(count_workers(pool, WORKER_IDLE) == 1);
        ck_assert_uint_eq(n_answers, 2);
        check_fates(2, 0, 0);
}
END_TEST

/* Nobody has looked at it before: its turn comes when the first is answered. */
START_TEST(one_that_was_given_up_in_its_worker_is_interrupted_in_its_turn)
{
        options = new_options("calc", "able");
        options->min_workers = 1;
        pool = new_pool(options);
        wait_idle(pool, 1);
        submit_call(pool, "echo", "[1]");
        worker = first_worker(pool, WORKER_BUSY);
        worker_send(worker, new_request("patient", ""), units_now());
        struct request *second = ledger_at(&worker->ledger, 2)->request;
        second->pool = pool;
        count_requests(worker, 2, 1); /* its answer to the first is on its way */
        pool_cancel(pool, second, units_now());
        ck_assert_uint_eq(worker->interruption.ordinal, 0);
        loop_until(n_answers == 2 && count_workers(pool, WORKER_IDLE) == 1);
        check_fates(1, 0, 0);
        ck_assert(log_has("debug calc#2: interrupted: the request was cancelled"));
}
END_TEST

/* The story: no timer was set for it, if no other one was. */
START_TEST(one_that_is_ended_for_a_cancel_gets_all_its_signals)
{
        options = new_options("calc", "deaf");
        options->min_workers = 1;
        options->startup_timeout = options->request_timeout = 0;
        options->terminate_timeout = 1000;
        pool = new_pool(options);
        wait_idle(pool, 1);
        submit_call(pool, "hang", "");
        worker = first_worker(pool, WORKER_BUSY);
        loop_until(buffer_is_empty(&worker->channel.to_worker));
        pool_cancel(pool, ledger_first_request(&worker->ledger), units_now());
        ck_assert_int_eq(worker->process.last_signal, SIGTERM);
        wait_exit();
        check_fates(0, 0, 1);
}
END_TEST

START_TEST(a_busy_one_that_is_killed_comes_back_and_leaves)
{
        run("able", "patient");
        ck_assert(pool_kill_worker(pool, worker, units_now()));
        ck_assert_int_eq(last_status, RPC_CANCELLED);
        ck_assert_int_eq(worker->state, WORKER_BUSY);
        loop_until(worker->state == WORKER_STOPPING);
        ck_assert(!pool_kill_worker(pool, worker, units_now()));
        wait_exit();
        ck_assert(log_has("calc#0: exited with status 0"));
        check_fates(1, 0, 0);
}
END_TEST

START_TEST(an_idle_one_that_is_killed_leaves)
{
        run("able", "echo");
        loop_until(count_workers(pool, WORKER_IDLE) == 1);
        ck_assert(pool_kill_worker(pool, worker, units_now()));
        ck_assert_int_eq(worker->state, WORKER_STOPPING);
        wait_exit();
        ck_assert(log_has("calc#0: exited with status 0"));
}
END_TEST

START_TEST(a_starting_one_that_is_killed_is_terminated)
{
        options = new_options("calc", "never");
        pool = new_pool(options);
        loop_until((worker = first_worker(pool, WORKER_STARTING)));
        ck_assert(pool_kill_worker(pool, worker, units_now()));
        wait_exit();
        ck_assert(log_has("was killed by SIGTERM"));
        ck_assert_uint_eq(pool->start_failures, 0);
}
END_TEST

/* Somebody who asks for a stack. */
struct curious {
        struct stack_asker asker;
        char text[64], why_not[64];
        unsigned n;
};

static void on_done(struct stack_asker *asker, const char *text, const char *why_not)
{
        struct curious *curious = CONTAINER_OF(asker, struct curious, asker);

        ck_assert(!text != !why_not);
        ck_assert_ptr_null(asker->stack);
        snprintf(curious->text, sizeof(curious->text), "%s", text ? text : "");
        snprintf(curious->why_not, sizeof(curious->why_not), "%s", why_not ? why_not : "");
        curious->n++;
}

static struct curious curious_one(void)
{
        return (struct curious){.asker.done = on_done};
}

static const char *ask(struct curious *curious, uint64_t now)
{
        return pool_ask_stack(pool, worker, &curious->asker, now);
}

START_TEST(its_stack_is_taken_and_it_runs_on)
{
        struct curious one = curious_one(), two = curious_one(), three = curious_one();

        run("able", "patient");
        ck_assert_ptr_null(ask(&one, units_now()));
        ck_assert_ptr_null(ask(&two, units_now()));
        ck_assert_ptr_null(ask(&three, units_now()));
        stack_forget(&two.asker);
        loop_until(one.n == 1);
        ck_assert_str_eq(one.text, "the stack");
        ck_assert_str_eq(three.text, "the stack");
        ck_assert_uint_eq(two.n, 0);
        loop_until(TAILQ_EMPTY(&pool->watched));
        ck_assert_ptr_null(ask(&one, units_now()));
        loop_until(one.n == 2);
        ck_assert_str_eq(one.text, "the stack");
        ck_assert_int_eq(worker->state, WORKER_BUSY);
        ck_assert_uint_eq(n_answers, 0);
}
END_TEST

START_TEST(a_stack_without_an_end_is_taken_when_it_stands_still)
{
        struct curious one = curious_one();

        run("able", "mumble");
        loop_until(handled_by(worker->process.pid, SIGUSR1));
        event_del(pool->timer);
        uint64_t now = units_now();
        do { /* until the function has set up its handler */
                ck_assert_ptr_null(ask(&one, now));
                while (pages_text(&worker->pages, NULL, 0) == 0)
                        usleep(1000);
                pool_maintain(pool, now);
                pool_maintain(pool, now + 199999);
        } while (one.n == 1 && strcmp(one.text, "half") != 0 && (one.n = 0) == 0);
        ck_assert_uint_eq(one.n, 0);
        pool_maintain(pool, now + 200000);
        ck_assert_uint_eq(one.n, 1);
        ck_assert_str_eq(one.text, "half");
}
END_TEST

START_TEST(one_in_c_code_is_asked_for_a_dump)
{
        struct curious one = curious_one();

        run("able", "dump");
        while (!handled_by(worker->process.pid, SIGRTMIN + 9))
                usleep(1000);
        event_del(pool->timer);
        uint64_t now = units_now();
        ck_assert_ptr_null(ask(&one, now));
        pool_maintain(pool, now + 199999);
        ck_assert(!worker->stack.is_dumped);
        pool_maintain(pool, now + 200000);
        ck_assert(worker->stack.is_dumped);
        while (pages_text(&worker->pages, NULL, 0) < strlen("dumped"))
                usleep(1000);
        pool_maintain(pool, now + 250000);
        ck_assert_uint_eq(one.n, 0);
        pool_maintain(pool, now + 450000);
        ck_assert_str_eq(one.text, "dumped");
}
END_TEST

/* There was no stack in the log where interrupt_timeout was as short as the wait for Python. */
START_TEST(one_in_c_code_is_asked_in_time)
{
        run("able", "dump");
        while (!handled_by(worker->process.pid, SIGRTMIN + 9))
                usleep(1000);
        event_del(pool->timer);
        options->interrupt_timeout = 60000;
        uint64_t now = reach_deadline();
        pool_maintain(pool, now + 29999);
        ck_assert(!worker->stack.is_dumped);
        pool_maintain(pool, now + 30000);
        ck_assert(worker->stack.is_dumped);
        while (pages_text(&worker->pages, NULL, 0) < strlen("dumped"))
                usleep(1000);
        pool_maintain(pool, now + 60000);
        ck_assert(log_has("did not come back within interrupt_timeout\ndumped\n"));
        wait_exit();
}
END_TEST

START_TEST(one_that_shows_nothing_is_given_up)
{
        struct curious one = curious_one();

        run("able", "patient");
        ck_assert_int_eq(kill(worker->process.pid, SIGSTOP), 0);
        uint64_t now = units_now();
        ck_assert_ptr_null(ask(&one, now));
        pool_maintain(pool, now + USEC_PER_SEC - 1);
        ck_assert_uint_eq(one.n, 0);
        pool_maintain(pool, now + USEC_PER_SEC);
        ck_assert_str_eq(one.why_not, "it has not shown its stack within a second");
}
END_TEST

START_TEST(one_that_ends_meanwhile_is_told)
{
        struct curious one = curious_one();

        run("able", "patient");
        ck_assert_int_eq(kill(worker->process.pid, SIGSTOP), 0);
        ck_assert_ptr_null(ask(&one, units_now()));
        ck_assert_int_eq(kill(worker->process.pid, SIGKILL), 0);
        loop_until(one.n == 1);
        ck_assert(one.why_not[0]);
        loop_until(n_answers == 1);
}
END_TEST

START_TEST(one_without_a_handler_is_not_asked)
{
        struct curious one = curious_one();

        run("counting", "stubborn");
        ck_assert_str_eq(ask(&one, units_now()),
                         "it does not handle the signal that asks for its stack");
        pool_maintain(pool, units_now() + 2 * USEC_PER_SEC);
        ck_assert_uint_eq(one.n, 0);
        ck_assert_int_eq(worker->state, WORKER_BUSY);
}
END_TEST

START_TEST(one_that_is_not_ready_is_not_asked)
{
        struct curious one = curious_one();

        options = new_options("calc", "never");
        pool = new_pool(options);
        loop_until((worker = first_worker(pool, WORKER_STARTING)));
        ck_assert_str_eq(ask(&one, units_now()), "it is not ready yet");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pool_interrupts");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, one_that_comes_back_serves_on);
        tcase_add_test(tcase, one_that_takes_no_notice_is_told_again);
        tcase_add_test(tcase, not_all_stacks_fit_into_the_log);
        tcase_add_test(tcase, one_that_does_not_come_back_is_terminated);
        tcase_add_test(tcase, one_that_takes_no_notice_at_all_is_killed);
        tcase_add_test(tcase, without_interrupts_it_is_ended_at_once);
        tcase_add_test(tcase, one_with_a_debugger_is_left_alone);
        tcase_add_test(tcase, one_that_has_no_handler_is_not_interrupted);
        tcase_add_test(tcase, one_with_a_loop_of_its_own_is_not_interrupted);
        tcase_add_test(tcase, counters_that_cannot_be_end_it);
        tcase_add_test(tcase, a_cancelled_one_is_interrupted_as_well);
        tcase_add_test(tcase, what_it_had_behind_it_goes_to_another);
        tcase_add_test(tcase, of_two_that_are_unwanted_the_second_has_a_time_of_its_own);
        tcase_add_test(tcase, one_that_was_given_up_in_its_worker_is_interrupted_in_its_turn);
        tcase_add_test(tcase, one_that_is_ended_for_a_cancel_gets_all_its_signals);
        tcase_add_test(tcase, a_busy_one_that_is_killed_comes_back_and_leaves);
        tcase_add_test(tcase, an_idle_one_that_is_killed_leaves);
        tcase_add_test(tcase, a_starting_one_that_is_killed_is_terminated);
        tcase_add_test(tcase, its_stack_is_taken_and_it_runs_on);
        tcase_add_test(tcase, a_stack_without_an_end_is_taken_when_it_stands_still);
        tcase_add_test(tcase, one_in_c_code_is_asked_for_a_dump);
        tcase_add_test(tcase, one_in_c_code_is_asked_in_time);
        tcase_add_test(tcase, one_that_shows_nothing_is_given_up);
        tcase_add_test(tcase, one_that_ends_meanwhile_is_told);
        tcase_add_test(tcase, one_without_a_handler_is_not_asked);
        tcase_add_test(tcase, one_that_is_not_ready_is_not_asked);
        return run_suite(suite);
}
