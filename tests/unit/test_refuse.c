/* SPDX-License-Identifier: MIT */
/*
 * What a request is told that gets no result: each refusal ends it, once, with its data.
 */
#include "daemon/refuse.h"

#include "fixture_pool.h"

#include "daemon/pool_queue.h"

#include <json-c/json.h>

static struct pool *pool;

/* A pool whose one worker never becomes ready. */
static void setup(void)
{
        pools_begin();
        pool = new_pool(new_options("calc", "never"));
}

static void teardown(void)
{
        pool_stop(pool, true, units_now());
        loop_until(!pool_has_workers(pool));
        pool_free(pool);
        workers_end();
}

/* Puts a request into the queue. */
static struct request *queued(void)
{
        struct request *request = new_request("f", "");

        pool_submit(pool, request, units_now());
        ck_assert_int_eq(request->state, REQUEST_QUEUED);
        return request;
}

static void check_end(const char *answer)
{
        ck_assert_uint_eq(n_answers, 1);
        ck_assert_str_eq(answers, answer);
        ck_assert_uint_eq(pool->queue_length, 0);
        ck_assert_uint_eq(pool->finished[last_status], 1);
        ck_assert_ptr_null(deadlines_first(&pool->deadlines));
}

START_TEST(overloaded_tells_when_to_come_again)
{
        pool->run_time = 2300000;
        refuse_overloaded(pool, queued());
        check_end("1:overloaded {\"retry_after\":2.3,\"kind\":\"overloaded\"}|");
}
END_TEST

START_TEST(when_to_come_again_has_bounds)
{
        pool->run_time = 0;
        refuse_overloaded(pool, queued());
        ck_assert_ptr_nonnull(strstr(answers, "\"retry_after\":0.1,"));
        pool->run_time = 1000 * USEC_PER_SEC;
        refuse_overloaded(pool, queued());
        ck_assert_ptr_nonnull(strstr(answers, "\"retry_after\":60.0,"));
}
END_TEST

START_TEST(unavailable_tells_the_last_error)
{
        pool->last_error = json_tokener_parse("{\"message\":\"no numpy\"}");
        refuse_unavailable(pool, queued());
        check_end("1:unavailable {\"error\":{\"message\":\"no numpy\"},\"started\":false,"
                  "\"kind\":\"unavailable\"}|");
}
END_TEST

/* It has gone back into the queue from a worker that died with it, and no other one comes up. */
START_TEST(unavailable_tells_that_it_had_begun)
{
        struct request *request = queued();

        request->begun = BEGUN_YES;
        refuse_unavailable(pool, request);
        check_end("1:unavailable {\"error\":null,\"started\":true,\"kind\":\"unavailable\"}|");
}
END_TEST

START_TEST(in_the_queue_it_has_not_begun)
{
        refuse_timeout(pool, queued());
        check_end("1:timeout {\"stage\":\"queue\",\"started\":false,\"kind\":\"timeout\"}|");
}
END_TEST

START_TEST(shutting_down_tells_whether_it_may_have_begun)
{
        refuse_shutting_down(pool, queued());
        check_end("1:shutting_down {\"started\":false,\"kind\":\"shutting_down\"}|");
}
END_TEST

START_TEST(with_a_worker_nobody_knows_whether_it_began)
{
        struct worker *worker;

        loop_until((worker = first_worker(pool, WORKER_STARTING)));
        struct request *request = queued();
        queue_remove(pool, request);
        worker_send(worker, request, units_now());
        refuse_timeout(pool, request);
        check_end("1:timeout {\"stage\":\"run\",\"started\":\"unknown\",\"kind\":\"timeout\"}|");
        ck_assert_ptr_null(ledger_first_request(&worker->ledger));
        ck_assert_uint_eq(ledger_head(&worker->ledger), 1);
}
END_TEST

START_TEST(out_of_memory_is_an_error_of_the_daemons_own)
{
        refuse_out_of_memory(pool, queued());
        check_end("1:internal_error {\"kind\":\"internal_error\",\"detail\":\"out of memory\"}|");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("refuse");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, overloaded_tells_when_to_come_again);
        tcase_add_test(tcase, when_to_come_again_has_bounds);
        tcase_add_test(tcase, unavailable_tells_the_last_error);
        tcase_add_test(tcase, unavailable_tells_that_it_had_begun);
        tcase_add_test(tcase, in_the_queue_it_has_not_begun);
        tcase_add_test(tcase, shutting_down_tells_whether_it_may_have_begun);
        tcase_add_test(tcase, with_a_worker_nobody_knows_whether_it_began);
        tcase_add_test(tcase, out_of_memory_is_an_error_of_the_daemons_own);
        return run_suite(suite);
}
