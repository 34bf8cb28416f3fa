/* SPDX-License-Identifier: MIT */
/*
 * Single workers, whose pool is the test: what they tell it, and how they end.
 */
#include "daemon/worker.h"

#include "fixture_request.h"
#include "fixture_worker.h"

#include "daemon/death.h"

#include <json-c/json.h>
#include <sys/wait.h>

static struct worker_lists lists;
static struct worker *worker;
static struct program_options *options;
static char error[SPAWN_ERROR_MAX];
static unsigned n_ready, n_methods, n_late, n_leaving, n_exited;

static void on_ready(void *pool, struct worker *which)
{
        ck_assert_ptr_eq(pool, &lists);
        ck_assert_ptr_eq(which, worker);
        n_ready++;
}

static void on_methods(void *pool, struct worker *which)
{
        ck_assert_ptr_eq(pool, &lists);
        ck_assert_ptr_eq(which, worker);
        n_methods++;
}

static void on_answered(void *pool, struct worker *which, struct request *request,
                        const struct rpc_answer *answer, uint64_t now)
{
        ck_assert_ptr_eq(pool, &lists);
        ck_assert_ptr_eq(which, worker);
        ck_assert_uint_ge(now, worker->ledger.head_since);
        if (request)
                request_finish(request, answer);
        else
                n_late++;
        if (worker->state == WORKER_BUSY && ledger_is_empty(&worker->ledger))
                worker_set_state(worker, WORKER_IDLE);
}

static void on_leaving(void *pool, struct worker *which)
{
        ck_assert_ptr_eq(pool, &lists);
        ck_assert_ptr_eq(which, worker);
        n_leaving++;
}

static void on_exited(void *pool, struct worker *which)
{
        ck_assert_ptr_eq(pool, &lists);
        ck_assert_ptr_eq(which, worker);
        ck_assert_int_eq(worker->state, WORKER_DEAD);
        n_exited++;
}

static const struct worker_events events = {
        .ready = on_ready,
        .methods = on_methods,
        .answered = on_answered,
        .leaving = on_leaving,
        .exited = on_exited,
};

static void setup(void)
{
        workers_begin();
        requests_begin();
        for (enum worker_state state = 0; state < WORKER_STATES; state++)
                TAILQ_INIT(&lists.list[state]);
        options = NULL;
        worker = NULL;
        n_ready = n_methods = n_late = n_leaving = n_exited = 0;
}

static void teardown(void)
{
        requests_end();
        worker_free(worker);
        for (enum worker_state state = 0; state < WORKER_STATES; state++) {
                ck_assert_uint_eq(lists.count[state], 0);
                ck_assert(TAILQ_EMPTY(&lists.list[state]));
        }
        program_options_unref(options);
        workers_end();
}

static int start_as(const char *mode)
{
        options = new_options("calc", mode);
        return worker_new(&around, options, NULL, 7, &lists, &events, &lists, units_now(), &worker,
                          error);
}

static void start(const char *mode)
{
        ck_assert_int_eq(start_as(mode), 0);
}

static void start_ready(const char *mode)
{
        start(mode);
        loop_until(n_ready == 1);
}

static void send_call(const char *function)
{
        worker_send(worker, new_request(function, "[1]"), units_now());
}

/* Whether the worker stands on the list of its state, and there alone. */
static void check_lists(enum worker_state expected)
{
        ck_assert_int_eq(worker->state, expected);
        for (enum worker_state state = 0; state < WORKER_STATES; state++) {
                ck_assert_uint_eq(lists.count[state], state == expected);
                ck_assert_ptr_eq(TAILQ_FIRST(&lists.list[state]),
                                 state == expected ? worker : NULL);
        }
}

static void check_death(const char *expected)
{
        char text[DEATH_TEXT_MAX];

        loop_until(n_exited == 1);
        check_lists(WORKER_DEAD);
        ck_assert_str_eq(death_text(&worker->process, text), expected);
        ck_assert_int_eq(kill(worker->process.pid, 0), -1);
        ck_assert_int_eq(errno, ESRCH);
}

START_TEST(every_move_but_the_legal_ones_is_refused)
{
        static const bool legal[WORKER_STATES][WORKER_STATES] = {
                [WORKER_STARTING] = {[WORKER_IDLE] = true, [WORKER_STOPPING] = true},
                [WORKER_IDLE] = {[WORKER_BUSY] = true, [WORKER_STOPPING] = true},
                [WORKER_BUSY] = {[WORKER_IDLE] = true, [WORKER_STOPPING] = true},
                [WORKER_STOPPING] = {[WORKER_DEAD] = true},
        };
        struct worker paper = {.lists = &lists};

        worker = &paper;
        for (enum worker_state from = 0; from < WORKER_STATES; from++) {
                for (enum worker_state to = 0; to < WORKER_STATES; to++) {
                        paper.state = from;
                        TAILQ_INSERT_TAIL(&lists.list[from], worker, link);
                        lists.count[from] = 1;
                        log_forget();
                        worker_set_state(worker, to);
                        check_lists(legal[from][to] ? to : from);
                        ck_assert_int_eq(log_has("refusing to go from"), !legal[from][to]);
                        ck_assert(log_has(worker_state_name(from)) &&
                                  log_has(worker_state_name(to)));
                        TAILQ_REMOVE(&lists.list[paper.state], worker, link);
                        lists.count[paper.state] = 0;
                }
        }
        worker = NULL;
}
END_TEST

START_TEST(it_becomes_ready_and_tells_its_methods)
{
        start("echo");
        check_lists(WORKER_STARTING);
        ck_assert_int_gt(worker->process.pid, 0);
        ck_assert_int_eq(worker->process.context.slot, 7);
        loop_until(n_ready == 1);
        check_lists(WORKER_IDLE);
        ck_assert_uint_ge(worker->process.ready, worker->process.started);
        ck_assert_ptr_nonnull(json_object_object_get(worker->methods, "echo"));
}
END_TEST

START_TEST(it_answers)
{
        start_ready("echo");
        send_call("echo");
        check_lists(WORKER_BUSY);
        loop_until(n_answers == 1);
        ck_assert_str_eq(answers, "1:ok [1]|");
        check_lists(WORKER_IDLE);
        ck_assert_uint_eq(worker->served, 1);
        send_call("fail");
        loop_until(n_answers == 2);
        ck_assert_int_eq(last_status, RPC_EXCEPTION);
}
END_TEST

START_TEST(it_answers_what_it_was_sent_in_that_order)
{
        start_ready("echo");
        for (int i = 0; i < 20; i++)
                send_call("pid");
        loop_until(n_answers == 20);
        ck_assert_uint_eq(worker->served, 20);
        const char *first = strstr(answers, "1:ok"), *last = strstr(answers, "20:ok");
        ck_assert(first && last && first < last);
}
END_TEST

START_TEST(its_counters_tell_what_has_begun)
{
        start_ready("counting");
        ck_assert(worker->has_counters);
        for (int i = 0; i < 3; i++)
                send_call("hang");
        ck_assert_int_eq(worker_has_begun(worker, 1), BEGUN_NO);
        count_requests(worker, 2, 1);
        ck_assert_int_eq(worker_has_begun(worker, 1), BEGUN_YES);
        ck_assert_int_eq(worker_has_begun(worker, 2), BEGUN_YES);
        ck_assert_int_eq(worker_has_begun(worker, 3), BEGUN_NO);
        ck_assert_int_eq(worker_give_up(worker, 3, true), BEGUN_NO);
        ck_assert_uint_eq(worker->pages.wanted[3], 3 << 1 | 1);
        check_lists(WORKER_BUSY);
}
END_TEST

/* Answered <= finished <= started <= sent, or else they are not believed. */
START_TEST(counters_that_cannot_be_are_a_fault)
{
        static const struct {
                uint64_t started, finished;
        } rows[] = {{3, 1}, {1, 0}, {0, 0}, {1, 2}, {UINT64_MAX, 1}};

        start_ready("counting");
        send_call("echo");
        loop_until(n_answers == 1);
        send_call("hang");
        count_requests(worker, rows[_i].started, rows[_i].finished);
        ck_assert_int_eq(worker_has_begun(worker, 2), BEGUN_UNKNOWN);
        check_death("was ended: it counted other requests than it was sent");
        ck_assert_int_eq(worker_has_begun(worker, 2), BEGUN_UNKNOWN);
}
END_TEST

START_TEST(without_counters_only_what_lies_unread_at_the_end_is_known)
{
        start_ready("echo");
        ck_assert(!worker->has_counters);
        ck_assert_int_eq(kill(worker->process.pid, SIGSTOP), 0);
        send_call("echo");
        send_call("echo");
        loop_until(buffer_is_empty(&worker->channel.to_worker));
        ck_assert_int_eq(worker_has_begun(worker, 2), BEGUN_UNKNOWN);
        ck_assert_int_eq(kill(worker->process.pid, SIGKILL), 0);
        loop_until(n_exited == 1);
        ck_assert_int_eq(worker_has_begun(worker, 1), BEGUN_UNKNOWN);
        ck_assert_int_eq(worker_has_begun(worker, 2), BEGUN_NO);
}
END_TEST

START_TEST(a_late_answer_reaches_nobody)
{
        start_ready("echo");
        send_call("echo");
        struct request *request = ledger_first_request(&worker->ledger);
        ledger_at(&worker->ledger, request->ordinal)->request = NULL;
        request_free(request);
        send_call("pid");
        loop_until(n_answers == 1);
        ck_assert_uint_eq(n_late, 1);
        ck_assert_int_eq(strncmp(answers, "2:ok", 4), 0);
        check_lists(WORKER_IDLE);
}
END_TEST

START_TEST(one_with_counters_answers_in_order)
{
        start_ready("counting");
        send_call("keep");
        send_call("swap");
        check_death("was ended: it answered its requests out of their order");
        ck_assert_uint_eq(n_answers, 0);
}
END_TEST

START_TEST(one_with_a_loop_of_its_own_answers_in_any_order)
{
        start_ready("echo");
        send_call("keep");
        send_call("swap");
        loop_until(n_answers == 2);
        ck_assert_str_eq(answers, "2:ok 2|1:ok 1|");
        check_lists(WORKER_IDLE);
}
END_TEST

START_TEST(odd_status_lines_do_no_harm)
{
        start_ready("odd");
        loop_until(log_has("too late") || log_has("Traceback of late"));
        ck_assert(log_has("warning calc#0: hear me"));
        ck_assert_uint_eq(n_ready, 1);
        ck_assert_ptr_null(worker->process.start_error);
        send_call("echo");
        loop_until(n_answers == 1);
}
END_TEST

START_TEST(it_may_tell_other_methods_later)
{
        start_ready("changing");
        ck_assert(worker->takes_any);
        ck_assert_int_eq(json_object_object_length(worker->methods), 0);
        send_call("change");
        loop_until(n_answers == 1 && n_methods == 1);
        ck_assert_ptr_nonnull(json_object_object_get(worker->methods, "late"));
        ck_assert(!worker->takes_any);
}
END_TEST

START_TEST(what_it_prints_is_logged_with_its_request)
{
        start_ready("echo");
        send_call("noisy");
        loop_until(n_answers == 1 && log_has("out\n") && log_has("err\n"));
        ck_assert(log_has("info calc#1: out"));
        ck_assert(log_has("warning calc#1: err"));
}
END_TEST

START_TEST(a_flood_on_stderr_is_taken)
{
        start_ready("echo");
        send_call("flood");
        loop_until(n_answers == 1 && log_has("number 2999"));
        ck_assert_uint_le(worker->process.err.tail_length, OUTPUT_TAIL_MAX);
        send_call("exit");
        check_death("exited with status 3");
        ck_assert_uint_eq(worker->process.err.tail_length, strlen("farewell\n"));
}
END_TEST

START_TEST(it_leaves_when_it_is_told_to)
{
        start_ready("echo");
        worker_stop(worker, units_now());
        check_lists(WORKER_STOPPING);
        check_death("exited with status 0");
        ck_assert(worker->process.is_asked);
        worker_stop(worker, units_now());
        process_kill(&worker->process);
        process_terminate(&worker->process, units_now());
        process_fail(&worker->process, "late");
        check_lists(WORKER_DEAD);
        ck_assert_uint_eq(n_exited, 1);
}
END_TEST

/* End of input, then SIGTERM, then SIGKILL, each terminate_timeout after the last. */
START_TEST(one_that_does_not_leave_is_killed)
{
        uint64_t now = units_now(), wait;

        start_ready("deaf");
        wait = options->terminate_timeout;
        worker_stop(worker, now);
        ck_assert_uint_eq(process_escalate(&worker->process, now), now + wait);
        ck_assert_uint_eq(process_escalate(&worker->process, now + wait - 1), now + wait);
        ck_assert_int_eq(worker->process.next_signal, SIGTERM);
        now += wait;
        ck_assert_uint_eq(process_escalate(&worker->process, now), now + wait);
        ck_assert_int_eq(worker->process.next_signal, SIGKILL);
        ck_assert_uint_eq(process_escalate(&worker->process, now + wait), 0);
        check_death("was killed by SIGKILL");
}
END_TEST

START_TEST(terminating_begins_with_the_signal)
{
        start_ready("echo");
        send_call("hang");
        loop_now();
        uint64_t now = units_now();
        process_terminate(&worker->process, now);
        ck_assert_int_eq(worker->process.next_signal, SIGKILL);
        ck_assert_uint_eq(worker->process.signal_at, now + options->terminate_timeout);
        check_death("was killed by SIGTERM");
        ck_assert_uint_eq(caller.n_requests, 1);
        ck_assert_ptr_eq(ledger_first_request(&worker->ledger), TAILQ_FIRST(&caller.requests));
}
END_TEST

START_TEST(killing_needs_no_consent)
{
        start_ready("deaf");
        send_call("stop");
        process_kill(&worker->process);
        check_death("was killed by SIGKILL");
}
END_TEST

START_TEST(its_death_is_told)
{
        static const struct {
                const char *function, *death;
        } rows[] = {
                {"exit", "exited with status 3"},
                {"garbage", "was ended: it wrote to the answer pipe what is not JSON"},
                {"binary", "was ended: it wrote to the answer pipe what is not JSON"},
                {"half", "exited with status 3"},
        };

        start_ready("echo");
        send_call(rows[_i].function);
        check_death(rows[_i].death);
        ck_assert_uint_eq(n_answers, 0);
        ck_assert(!worker->process.is_asked);
}
END_TEST

START_TEST(its_death_by_a_signal_is_told)
{
        char text[DEATH_TEXT_MAX];

        start_ready("echo");
        send_call("segv");
        loop_until(n_exited == 1);
        ck_assert_int_eq(strncmp(death_text(&worker->process, text), "was killed by SIGSEGV", 21),
                         0);
}
END_TEST

START_TEST(an_answer_before_its_death_counts)
{
        start_ready("echo");
        send_call("last");
        loop_until(n_exited == 1);
        ck_assert_str_eq(answers, "1:ok \"last\"|");
        ck_assert(ledger_is_empty(&worker->ledger));
}
END_TEST

/* Of three answers that it was about to write together the pipe has got one, and half of the next.
 */
START_TEST(what_it_held_counts_after_its_death)
{
        start_ready("counting");
        send_call("echo");
        for (int i = 0; i < 3; i++)
                send_call("half");
        count_requests(worker, 3, 3);
        hold_answers(worker, 1,
                     "{\"request_id\":\"1\",\"result\":[1]}\n{\"request_id\":\"2\",\"result\":2}\n"
                     "{\"request_id\":\"3\",\"result\":3}\n{\"request_id\":\"4\",\"resu");
        loop_until(n_exited == 1);
        ck_assert_str_eq(answers, "1:ok [1]|2:ok 2|3:ok 3|");
        ck_assert_uint_eq(worker->ledger.answered, 3);
        ck_assert_uint_eq(worker->served, 3);
}
END_TEST

/* And lives on. */
START_TEST(what_it_held_counts_when_it_closes_its_pipe)
{
        start_ready("counting");
        count_requests(worker, 1, 1);
        hold_answers(worker, 1, "{\"request_id\":\"1\",\"result\":1}\n");
        send_call("shut");
        loop_until(n_answers == 1);
        ck_assert_uint_eq(n_exited, 0);
        ck_assert_str_eq(answers, "1:ok 1|");
}
END_TEST

START_TEST(what_it_holds_is_taken_once)
{
        start_ready("counting");
        send_call("keep");
        worker_take_held(worker);
        ck_assert_uint_eq(n_answers, 0);
        count_requests(worker, 1, 1);
        hold_answers(worker, 1, "{\"request_id\":\"1\",\"result\":1}\n");
        worker_take_held(worker);
        worker_take_held(worker);
        ck_assert_str_eq(answers, "1:ok 1|");
        check_lists(WORKER_IDLE);
        /* Before it has written them it may be sent more than the ledger remembers. */
        for (unsigned i = 0; i < LEDGER_SIZE; i++)
                send_call("both_kept");
        loop_until(n_answers == 2);
        ck_assert_str_eq(answers, "1:ok 1|2:ok 2|");
        check_death("was ended: it answered a request that it does not have");
}
END_TEST

START_TEST(what_it_holds_is_no_answer_without_counters)
{
        start_ready("echo");
        send_call("exit");
        hold_answers(worker, 1, "{\"request_id\":\"1\",\"result\":1}\n");
        loop_until(n_exited == 1);
        ck_assert_uint_eq(n_answers, 0);
}
END_TEST

START_TEST(it_does_not_hold_what_is_no_answer)
{
        start_ready("counting");
        send_call("hang");
        hold_answers(worker, 1, "nonsense\n");
        worker_take_held(worker);
        check_death("was ended: it wrote to the answer pipe what is not JSON");
        ck_assert_uint_eq(n_answers, 0);
}
END_TEST

START_TEST(an_answer_before_it_is_ready_is_to_nobody)
{
        start_ready("early");
        loop_until(log_has("ignoring an answer that is to none of its requests"));
        send_call("echo");
        loop_until(n_answers == 1);
        ck_assert_str_eq(answers, "1:ok [1]|");
}
END_TEST

START_TEST(without_a_request_id_it_answers_the_only_request)
{
        start_ready("echo");
        send_call("unnamed");
        loop_until(n_answers == 1);
        ck_assert_str_eq(answers, "1:ok 1|");
        check_lists(WORKER_IDLE);
}
END_TEST

/* The second one is to nobody, also where the next request has been sent meanwhile. */
START_TEST(what_is_written_twice_is_no_answer_to_the_next_request)
{
        static const char *const functions[] = {"twice", "unnamed2"};

        start_ready("echo");
        ck_assert_int_eq(kill(worker->process.pid, SIGSTOP), 0);
        send_call(functions[_i]);
        loop_until(buffer_is_empty(&worker->channel.to_worker));
        ck_assert_int_eq(kill(worker->process.pid, SIGCONT), 0);
        loop_until(n_answers == 1);
        send_call("echo");
        loop_until(n_answers == 2);
        ck_assert_str_eq(answers, "1:ok 1|2:ok [1]|");
        loop_until(log_has("ignoring an answer that is to none of its requests"));
        check_lists(WORKER_IDLE);
}
END_TEST

START_TEST(what_is_no_answer_is_an_error_of_its_request)
{
        static const struct {
                const char *function, *message;
        } rows[] = {
                {"nothing", "without exactly one of result and error"},
                {"both", "without exactly one of result and error"},
                {"other", "a request_id that it was not given"},
                {"foreign", "a request_id that it was not given"},
        };

        start_ready("echo");
        send_call(rows[_i].function);
        loop_until(n_answers == 1);
        ck_assert_int_eq(last_status, RPC_EXCEPTION);
        ck_assert(log_has(rows[_i].message));
        send_call("echo");
        loop_until(n_answers == 2);
        ck_assert_int_eq(last_status, RPC_OK);
        check_lists(WORKER_IDLE);
}
END_TEST

/* Of two requests nobody can tell which one it is for: neither gets what may be the other's. */
START_TEST(an_answer_that_may_be_to_either_is_a_fault)
{
        static const char *const functions[] = {"unnamed", "foreign"};

        start_ready("echo");
        send_call("keep");
        send_call(functions[_i]);
        check_death("was ended: it wrote an answer that does not say to which of its requests");
        ck_assert_uint_eq(n_answers, 0);
        ck_assert_uint_eq(ledger_count_requests(&worker->ledger), 2);
}
END_TEST

START_TEST(one_with_our_loop_keeps_to_the_rules)
{
        static const struct {
                const char *function, *death;
        } rows[] = {
                {"foreign", "was ended: it answered a request that it does not have"},
                {"twice", "was ended: it answered a request that it does not have"},
                {"unnamed", "was ended: it answered a request that it does not have"},
                {"nothing",
                 "was ended: it wrote an answer without exactly one of result and error"},
        };

        start_ready("counting");
        count_requests(worker, 0, 0);
        send_call(rows[_i].function);
        check_death(rows[_i].death);
}
END_TEST

START_TEST(an_answer_that_is_too_large_says_so_to_its_request)
{
        static const char *const modes[] = {"echo", "counting"};

        start_ready(modes[_i]);
        send_call("large");
        check_death("was ended: its answer is far over max_response_size");
        ck_assert_uint_eq(n_answers, 1);
        ck_assert_int_eq(last_status, RPC_TOO_LARGE);
        ck_assert_uint_eq(ledger_count_requests(&worker->ledger), 0);
}
END_TEST

START_TEST(garbage_on_the_status_pipe_is_a_fault)
{
        start("garbage");
        check_death("was ended: it wrote a line to the status pipe that is no JSON object");
}
END_TEST

START_TEST(a_start_that_fails_leaves_its_exception)
{
        start("exception");
        check_death("exited with status 1");
        struct json_object *why = death_start_error(&worker->process);
        ck_assert_str_eq(json_object_get_string(json_object_object_get(why, "message")),
                         "no numpy");
        json_object_put(why);
}
END_TEST

/* The story: a thread of a program whose main module raised kept the process alive, and the failure
 * was told only at the end of startup_timeout. */
START_TEST(a_start_that_failed_has_a_grace_to_end)
{
        start("linger");
        loop_until(n_leaving == 1);
        check_lists(WORKER_STOPPING);
        ck_assert(!worker->process.is_asked);
        ck_assert_uint_eq(process_escalate(&worker->process, worker->process.signal_at), 0);
        check_death("was killed by SIGKILL");
        struct json_object *why = death_start_error(&worker->process);
        ck_assert_str_eq(json_object_get_string(json_object_object_get(why, "message")),
                         "no numpy");
        json_object_put(why);
}
END_TEST

/* One that closed a pipe has a second to exit by itself. */
START_TEST(a_closed_pipe_has_a_grace)
{
        start_ready("echo");
        send_call("shut");
        loop_until(n_leaving == 1);
        check_lists(WORKER_STOPPING);
        ck_assert_ptr_nonnull(worker->process.closed);
        ck_assert_ptr_null(worker->process.fault);
        ck_assert_uint_eq(process_escalate(&worker->process, worker->process.signal_at - 1),
                          worker->process.signal_at);
        ck_assert_uint_eq(process_escalate(&worker->process, worker->process.signal_at), 0);
        check_death("was ended: it closed the pipe that it answers on");
}
END_TEST

START_TEST(what_cannot_be_executed_is_told)
{
        options = new_options("calc", "echo");
        free(options->python);
        options->python = strdup(folder_at("no-such-python"));
        ck_assert_int_eq(
                worker_new(&around, options, NULL, 0, &lists, &events, &lists, 1, &worker, error),
                -ENOENT);
        ck_assert_ptr_nonnull(strstr(error, "no-such-python"));
}
END_TEST

START_TEST(freeing_kills_what_still_lives)
{
        start_ready("deaf");
        pid_t pid = worker->process.pid;
        send_call("stop");
        worker = worker_free(worker);
        ck_assert_ptr_null(worker);
        ck_assert_int_eq(kill(pid, 0), -1);
        ck_assert_ptr_null(worker_free(NULL));
}
END_TEST

/* The story: a worker that was buried and then freed with its pool stayed in its grave. */
START_TEST(one_that_is_buried_may_be_freed)
{
        start_ready("echo");
        worker_stop(worker, units_now());
        loop_until(n_exited == 1);
        turn_bury(&turn, &worker->grave);
        worker = worker_free(worker);
        loop_now();
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("worker");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, every_move_but_the_legal_ones_is_refused);
        tcase_add_test(tcase, it_becomes_ready_and_tells_its_methods);
        tcase_add_test(tcase, it_answers);
        tcase_add_test(tcase, it_answers_what_it_was_sent_in_that_order);
        tcase_add_test(tcase, its_counters_tell_what_has_begun);
        tcase_add_loop_test(tcase, counters_that_cannot_be_are_a_fault, 0, 5);
        tcase_add_test(tcase, without_counters_only_what_lies_unread_at_the_end_is_known);
        tcase_add_test(tcase, a_late_answer_reaches_nobody);
        tcase_add_test(tcase, one_with_counters_answers_in_order);
        tcase_add_test(tcase, one_with_a_loop_of_its_own_answers_in_any_order);
        tcase_add_test(tcase, odd_status_lines_do_no_harm);
        tcase_add_test(tcase, it_may_tell_other_methods_later);
        tcase_add_test(tcase, what_it_prints_is_logged_with_its_request);
        tcase_add_test(tcase, a_flood_on_stderr_is_taken);
        tcase_add_test(tcase, it_leaves_when_it_is_told_to);
        tcase_add_test(tcase, one_that_does_not_leave_is_killed);
        tcase_add_test(tcase, terminating_begins_with_the_signal);
        tcase_add_test(tcase, killing_needs_no_consent);
        tcase_add_loop_test(tcase, its_death_is_told, 0, 4);
        tcase_add_test(tcase, its_death_by_a_signal_is_told);
        tcase_add_test(tcase, an_answer_before_its_death_counts);
        tcase_add_test(tcase, what_it_held_counts_after_its_death);
        tcase_add_test(tcase, what_it_held_counts_when_it_closes_its_pipe);
        tcase_add_test(tcase, what_it_holds_is_taken_once);
        tcase_add_test(tcase, what_it_holds_is_no_answer_without_counters);
        tcase_add_test(tcase, it_does_not_hold_what_is_no_answer);
        tcase_add_test(tcase, an_answer_before_it_is_ready_is_to_nobody);
        tcase_add_test(tcase, without_a_request_id_it_answers_the_only_request);
        tcase_add_loop_test(tcase, what_is_written_twice_is_no_answer_to_the_next_request, 0, 2);
        tcase_add_loop_test(tcase, what_is_no_answer_is_an_error_of_its_request, 0, 4);
        tcase_add_loop_test(tcase, an_answer_that_may_be_to_either_is_a_fault, 0, 2);
        tcase_add_loop_test(tcase, one_with_our_loop_keeps_to_the_rules, 0, 4);
        tcase_add_loop_test(tcase, an_answer_that_is_too_large_says_so_to_its_request, 0, 2);
        tcase_add_test(tcase, garbage_on_the_status_pipe_is_a_fault);
        tcase_add_test(tcase, a_start_that_fails_leaves_its_exception);
        tcase_add_test(tcase, a_start_that_failed_has_a_grace_to_end);
        tcase_add_test(tcase, a_closed_pipe_has_a_grace);
        tcase_add_test(tcase, what_cannot_be_executed_is_told);
        tcase_add_test(tcase, freeing_kills_what_still_lives);
        tcase_add_test(tcase, one_that_is_buried_may_be_freed);
        return run_suite(suite);
}
