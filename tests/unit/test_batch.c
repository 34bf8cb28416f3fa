/* SPDX-License-Identifier: MIT */
/*
 * The answers of a batch: gathered, and given out with the last one.
 */
#include "daemon/batch.h"

#include "fixture_loop.h"

static struct buffer out;
static struct rpc_answer answer;
static size_t unsent; /* the sum that it counts in */
static size_t unsent;

static void setup(void)
{
        loop_begin();
        unsent = 0;
        buffer_init(&out, &buffers);
        rpc_answer_init(&answer, &buffers);
}

static void teardown(void)
{
        ck_assert_uint_eq(unsent, 0);
        buffer_clear(&out);
        rpc_answer_clear(&answer);
        ck_assert_uint_eq(unsent, 0);
        loop_end();
}

START_TEST(answers_come_as_one_array_with_the_last)
{
        struct batch *batch = batch_new(&buffers, &unsent);

        batch->pending += 2;
        ck_assert_int_eq(batch_add_answer(batch, &answer, "1", 1), 0);
        ck_assert_int_eq(batch_end(batch, &out), 0);
        ck_assert_int_eq(batch_end(batch, &out), 0);
        ck_assert_uint_eq(out.length, 0);
        ck_assert_uint_eq(unsent, strlen("[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}"));
        ck_assert_int_eq(batch_add_answer(batch, &answer, "\"b\"", 3), 0);
        ck_assert_int_eq(batch_end(batch, &out), 0);
        ck_assert_str_eq(buffer_text(&out),
                         "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null},"
                         "{\"jsonrpc\":\"2.0\",\"id\":\"b\",\"result\":null}]\n");
}
END_TEST

START_TEST(a_batch_of_notifications_is_not_answered)
{
        struct batch *batch = batch_new(&buffers, &unsent);

        batch->pending++;
        ck_assert_int_eq(batch_end(batch, &out), 0);
        ck_assert_int_eq(batch_end(batch, &out), 0);
        ck_assert_uint_eq(out.length, 0);
}
END_TEST

START_TEST(nobody_may_be_there_for_the_answers)
{
        struct batch *batch = batch_new(&buffers, &unsent);

        ck_assert_int_eq(batch_add_answer(batch, &answer, "1", 1), 0);
        ck_assert_int_eq(batch_end(batch, NULL), 0);
        ck_assert_uint_eq(buffers.memory, 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("batch");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, answers_come_as_one_array_with_the_last);
        tcase_add_test(tcase, a_batch_of_notifications_is_not_answered);
        tcase_add_test(tcase, nobody_may_be_there_for_the_answers);
        return run_suite(suite);
}
