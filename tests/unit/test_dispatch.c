/* SPDX-License-Identifier: MIT */
/*
 * Calls that workers make: a fake worker writes the line that it gets as its argument, and answers
 * with the line that comes back.
 */
#include "daemon/dispatch.h"

#include "fixture_pool.h"

#include "daemon/registry.h"
#include "daemon/worker_answers.h"

#include <string.h>

static struct registry registry;
static struct pool *alpha, *beta;

static void on_called(void *userdata, struct worker *worker, const struct channel_call *call)
{
        (void)userdata;
        dispatch_call(&registry, worker, call);
}

static const struct pool_events calling_events = {
        .changed = on_pool_changed,
        .renewed = on_pool_renewed,
        .called = on_called,
};

static struct pool *add_pool(const char *name)
{
        struct program_options *options = new_options(name, "echo");
        struct pool *pool;

        ck_assert_int_eq(pool_new(&around, options, &calling_events, NULL, &pool), 0);
        ck_assert_int_eq(registry_add(&registry, pool), 0);
        program_options_unref(options);
        return pool;
}

static void setup(void)
{
        pools_begin();
        registry = (struct registry){.leaving = LIST_HEAD_INITIALIZER(registry.leaving)};
        alpha = add_pool("alpha");
        beta = add_pool("beta");
        wait_idle(alpha, 1);
        wait_idle(beta, 1);
}

static void teardown(void)
{
        pool_stop(alpha, true, units_now());
        pool_stop(beta, true, units_now());
        registry_clear(&registry);
        requests_end();
        workers_end();
}

/* What a call by alpha's worker is answered. */
static const char *answer_to(const char *line)
{
        unsigned before = n_answers;

        answers[0] = '\0';
        submit_call(alpha, "relay", line);
        loop_until(n_answers > before);
        return answers;
}

static void assert_answered(const char *line, const char *expected)
{
        const char *answer = answer_to(line);

        ck_assert_msg(strstr(answer, expected), "%s\nhas not\n%s", answer, expected);
}

START_TEST(a_call_gets_its_result_under_its_id)
{
        assert_answered(
                "{\"request_id\":\"py-1\",\"command\":\"beta.echo\",\"data\":{\"a\":[1, 2]}}",
                "{\"request_id\":\"py-1\",\"result\":{\"a\":[1, 2]}}");
        assert_answered(
                "{\"request_id\":\"py-1\",\"command\":\"beta.echo\",\"data\":[1],\"timeout\":9}",
                "{\"request_id\":\"py-1\",\"result\":[1]}");
        ck_assert_uint_eq(beta->finished[RPC_OK], 2);
}
END_TEST

START_TEST(what_is_neither_object_nor_array_is_the_only_argument)
{
        static const char *const values[] = {"17", "null", "true", "\"text\"", "-1.5e3"};
        char line[256], expected[64];

        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
                snprintf(line, sizeof(line),
                         "{\"request_id\":\"py-1\",\"command\":\"beta.echo\",\"data\":%s}",
                         values[i]);
                snprintf(expected, sizeof(expected), "\"result\":[%s]}", values[i]);
                assert_answered(line, expected);
        }
        assert_answered("{\"request_id\":\"py-1\",\"command\":\"beta.echo\"}", "\"result\":{}}");
}
END_TEST

START_TEST(an_error_comes_whole)
{
        assert_answered("{\"request_id\":\"py-1\",\"command\":\"beta.fail\",\"data\":[]}",
                        "{\"request_id\":\"py-1\",\"error\":{\"code\":-32000,\"message\":\"boom\","
                        "\"data\":{\"kind\":\"exception\"");
}
END_TEST

START_TEST(what_is_wrong_with_a_call_is_told_to_it_alone)
{
        static const struct {
                const char *line, *expected;
        } cases[] = {
                {"{\"request_id\":\"17\",\"command\":\"beta.echo\"}",
                 "\"17\",\"error\":{\"code\":-32600"},
                {"{\"request_id\":17,\"command\":\"beta.echo\"}", ":17,\"error\":{\"code\":-32600"},
                {"{\"request_id\":{},\"command\":\"beta.echo\"}",
                 ":null,\"error\":{\"code\":-32600"},
                {"{\"command\":\"beta.echo\"}", ":null,\"error\":{\"code\":-32600"},
                {"{\"request_id\":\"py-1\",\"command\":17}", "\"program.function\\\""},
                {"{\"request_id\":\"py-1\",\"command\":null}", "\"code\":-32600"},
                {"{\"request_id\":\"py-1\",\"command\":\"beta.echo\",\"timeout\":\"1\"}",
                 "timeout is a"},
                {"{\"request_id\":\"py-1\",\"command\":\"beta.echo\",\"timeout\":0}",
                 "timeout is a"},
                {"{\"request_id\":\"py-1\",\"command\":\"beta.echo\",\"for\":\"999\"}",
                 "\\\"for\\\" is"},
                {"{\"request_id\":\"py-1\",\"command\":\"beta.echo\",\"for\":7}", "\\\"for\\\" is"},
                {"{\"request_id\":\"py-1\",\"command\":\"beta.echo\",\"for\":\"1x\"}",
                 "\\\"for\\\" is"},
                {"{\"request_id\":\"py-1\",\"command\":\"bet.echo\"}", "did you mean \\\"beta\\\""},
                {"{\"request_id\":\"py-1\",\"command\":\"beta\"}", "\"code\":-32601"},
                {"{\"request_id\":\"py-1\",\"command\":\"jumpbootd.ping\"}", "\"code\":-32007"},
                {"{\"request_id\":\"py-1\",\"command\":\"alpha.echo\"}", "\"reason\":\"deadlock\""},
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                assert_answered(cases[i].line, cases[i].expected);
        ck_assert_uint_eq(alpha->deaths, 0);
        assert_answered("{\"request_id\":\"py-1\",\"command\":\"beta.echo\"}", "\"result\":{}}");
}
END_TEST

START_TEST(an_id_that_is_too_long)
{
        char line[512], id[REQUEST_ID_MAX + 2];

        memset(id, 'x', sizeof(id) - 1);
        memcpy(id, "py-", 3);
        id[sizeof(id) - 1] = '\0';
        snprintf(line, sizeof(line), "{\"request_id\":\"%s\",\"command\":\"beta.echo\"}", id);
        assert_answered(line, "{\"request_id\":null,\"error\":{\"code\":-32600");
        id[REQUEST_ID_MAX - 2] = '\0';
        snprintf(line, sizeof(line), "{\"request_id\":\"%s\",\"command\":\"beta.echo\"}", id);
        assert_answered(line, "xx\",\"result\":{}}");
}
END_TEST

START_TEST(an_id_that_is_under_way_is_not_answered_twice)
{
        unsigned before = n_answers;

        submit_call(alpha, "relay_twice", "{\"request_id\":\"py-1\",\"command\":\"beta.echo\"}");
        loop_until(n_answers > before);
        ck_assert(strstr(answers, "{\"request_id\":null,\"error\":{\"code\":-32600"));
        ck_assert(strstr(answers, "{\"request_id\":\"py-1\",\"result\":{}}"));
}
END_TEST

START_TEST(a_call_that_is_too_large_or_too_deep)
{
        char line[512];

        around.max_request_size = 200;
        snprintf(line, sizeof(line),
                 "{\"request_id\":\"py-1\",\"command\":\"beta.echo\",\"data\":[%150d]}", 1);
        assert_answered(line, "\"code\":-32008");
        around.max_call_depth = 0;
        assert_answered("{\"request_id\":\"py-1\",\"command\":\"beta.echo\"}",
                        "\"reason\":\"depth\"");
}
END_TEST

/* Alpha's worker waits for beta's. */
static void wait_both(void)
{
        submit_call(alpha, "relay_and_hang", "{\"request_id\":\"py-1\",\"command\":\"beta.hang\"}");
        loop_until(count_workers(beta, WORKER_BUSY) == 1);
        ck_assert(worker_is_waiting(first_worker(alpha, WORKER_BUSY)));
        ck_assert(!worker_is_waiting(first_worker(beta, WORKER_BUSY)));
}

START_TEST(a_deadline_is_that_of_whoever_calls)
{
        alpha->options->request_timeout = 10 * USEC_PER_SEC;
        wait_both();
        const struct request *request =
                ledger_first_request(&first_worker(beta, WORKER_BUSY)->ledger);
        ck_assert_uint_eq(request->deadline, request->parent->deadline);
        ck_assert_ptr_eq(request_origin(request->parent), &caller);
        pool_maintain(alpha, request->deadline);
        ck_assert_uint_eq(n_answers, 1);
        ck_assert_int_eq(last_status, RPC_TIMEOUT);
        ck_assert_uint_eq(beta->finished[RPC_CANCELLED], 1);
        ck_assert_uint_eq(pool_count_requests(beta), 0);
}
END_TEST

START_TEST(a_cancel_goes_on_to_what_was_called)
{
        wait_both();
        pool_cancel(alpha, TAILQ_FIRST(&caller.requests), units_now());
        ck_assert_int_eq(last_status, RPC_CANCELLED);
        ck_assert_uint_eq(beta->finished[RPC_CANCELLED], 1);
}
END_TEST

START_TEST(a_worker_that_dies_takes_its_calls_with_it)
{
        wait_both();
        kill(first_worker(alpha, WORKER_BUSY)->process.pid, SIGKILL);
        loop_until(n_answers == 1);
        ck_assert_int_eq(last_status, RPC_WORKER_DIED);
        ck_assert_uint_eq(beta->finished[RPC_CANCELLED], 1);
        wait_idle(alpha, 1);
}
END_TEST

START_TEST(a_worker_whose_callee_dies_is_told)
{
        assert_answered("{\"request_id\":\"py-1\",\"command\":\"beta.segv\"}", "\"code\":-32003");
}
END_TEST

START_TEST(a_line_that_cancels_is_not_answered)
{
        unsigned before = n_answers;

        submit_call(alpha, "relay_and_cancel",
                    "{\"request_id\":\"py-1\",\"command\":\"beta.hang\"}");
        loop_until(n_answers > before);
        ck_assert(strstr(answers, "{\"request_id\":\"py-1\",\"error\":{\"code\":-32006"));
        ck_assert_uint_eq(beta->finished[RPC_CANCELLED], 1);
}
END_TEST

START_TEST(a_program_that_leaves_can_still_be_called_by_those_that_leave)
{
        registry_remove(&registry, alpha);
        alpha->is_draining = true;
        ck_assert_ptr_eq(registry_find_leaving(&registry, "alpha", 5), alpha);
        ck_assert_ptr_null(registry_find_leaving(&registry, "beta", 4));
        assert_answered("{\"request_id\":\"py-1\",\"command\":\"alpha.echo\"}",
                        "\"reason\":\"deadlock\"");
        registry_forget(alpha);
        registry_add(&registry, alpha);
}
END_TEST

START_TEST(answers_that_nobody_reads_are_bounded)
{
        struct rpc_answer answer;
        struct buffer large;
        char id[32];

        wait_both();
        struct worker *worker = first_worker(alpha, WORKER_BUSY);
        kill(worker->process.pid, SIGSTOP);
        buffer_init(&large, &buffers);
        for (unsigned i = 0; i < 100000; i++)
                ck_assert_int_eq(buffer_append(&large, "1", 1), 0);
        rpc_answer_init(&answer, &buffers);
        answer.result = (struct rpc_part){&large, 0, large.length};
        for (unsigned i = 0; i < 20; i++) {
                snprintf(id, sizeof(id), "\"py-%u\"", i + 2);
                worker_answer_call(worker, id, strlen(id), &answer);
        }
        ck_assert_uint_le(worker->channel.to_worker.length, around.max_unread + 20 * 1000);
        ck_assert_ptr_null(worker->process.fault);
        for (unsigned i = 0; i < 20000 && !worker->process.fault; i++)
                worker_answer_call(worker, "\"py-1000\"", 9, &answer);
        ck_assert_ptr_nonnull(worker->process.fault);
        rpc_answer_clear(&answer);
        buffer_clear(&large);
        loop_until(n_answers == 1);
}
END_TEST

/* A call by beta.echo of `length` bytes, as if the worker had written it. What it is answered at
 * once lies in its channel then. */
static void call_directly(struct worker *worker, const char *id, size_t length)
{
        static char text[10000];
        struct buffer source;
        size_t id_length = strlen(id);
        struct channel_call call = {
                .source = &source,
                .length = length,
                .id = {.type = ENVELOPE_STRING, .offset = 0, .length = id_length},
                .command = {.type = ENVELOPE_STRING, .offset = id_length, .length = 11},
                .data = {.type = ENVELOPE_STRING,
                         .offset = id_length + 11,
                         .length = length - id_length - 11},
        };

        memset(text, 'x', sizeof(text));
        memcpy(stpcpy(text, id), "\"beta.echo\"\"", 12);
        text[length - 1] = '"';
        buffer_init(&source, &buffers);
        ck_assert_int_eq(buffer_append(&source, text, length), 0);
        dispatch_call(&registry, worker, &call);
        buffer_clear(&source);
}

/* The story: clients were held back at max_buffered, and the calls of workers never. */
START_TEST(of_large_calls_one_does_while_the_buffers_are_full)
{
        submit_call(alpha, "relay_and_hang", "{\"request_id\":\"py-1\",\"command\":\"beta.hang\"}");
        loop_until(count_workers(beta, WORKER_BUSY) == 1);
        struct worker *worker = first_worker(alpha, WORKER_BUSY);
        around.max_buffered = 0;
        call_directly(worker, "\"py-2\"", 9000);
        ck_assert_uint_eq(worker->channel.to_worker.length, 0);
        ck_assert_uint_eq(beta->queue_length, 1);
        call_directly(worker, "\"py-3\"", 9000);
        ck_assert_uint_eq(beta->queue_length, 1);
        const char *told = buffer_text(&worker->channel.to_worker);
        ck_assert_ptr_nonnull(strstr(told, "\"py-3\",\"error\":{\"code\":-32001"));
        ck_assert_ptr_nonnull(strstr(told, "\"retry_after\":0.5"));
        ck_assert_ptr_nonnull(strstr(told, "max_buffered"));
        buffer_clear(&worker->channel.to_worker);
        call_directly(worker, "\"py-4\"", 900);
        around.max_buffered = 1 << 30;
        call_directly(worker, "\"py-5\"", 9000);
        ck_assert_uint_eq(worker->channel.to_worker.length, 0);
        ck_assert_uint_eq(beta->queue_length, 3);
        kill(worker->process.pid, SIGKILL);
        loop_until(n_answers == 1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("dispatch");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, a_call_gets_its_result_under_its_id);
        tcase_add_test(tcase, what_is_neither_object_nor_array_is_the_only_argument);
        tcase_add_test(tcase, an_error_comes_whole);
        tcase_add_test(tcase, what_is_wrong_with_a_call_is_told_to_it_alone);
        tcase_add_test(tcase, an_id_that_is_too_long);
        tcase_add_test(tcase, an_id_that_is_under_way_is_not_answered_twice);
        tcase_add_test(tcase, a_call_that_is_too_large_or_too_deep);
        tcase_add_test(tcase, a_deadline_is_that_of_whoever_calls);
        tcase_add_test(tcase, a_cancel_goes_on_to_what_was_called);
        tcase_add_test(tcase, a_worker_that_dies_takes_its_calls_with_it);
        tcase_add_test(tcase, a_worker_whose_callee_dies_is_told);
        tcase_add_test(tcase, a_line_that_cancels_is_not_answered);
        tcase_add_test(tcase, a_program_that_leaves_can_still_be_called_by_those_that_leave);
        tcase_add_test(tcase, answers_that_nobody_reads_are_bounded);
        tcase_add_test(tcase, of_large_calls_one_does_while_the_buffers_are_full);
        return run_suite(suite);
}
