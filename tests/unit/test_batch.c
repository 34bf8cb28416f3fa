/* SPDX-License-Identifier: MIT */
/*
 * The answers of a batch: gathered, and given out with the last one.
 */
#include "daemon/batch.h"

#include "fixture_loop.h"

static struct buffer out;
static struct rpc_answer answer;
static struct batch_room room;

static void setup(void)
{
        loop_begin();
        room = (struct batch_room){.max = 100000};
        buffer_init(&out, &buffers);
        rpc_answer_init(&answer, &buffers);
}

static void teardown(void)
{
        ck_assert_uint_eq(room.used, 0);
        buffer_clear(&out);
        rpc_answer_clear(&answer);
        ck_assert_uint_eq(room.used, 0);
        loop_end();
}

START_TEST(answers_come_as_one_array_with_the_last)
{
        struct batch *batch = batch_new(&buffers, &room);

        batch->pending += 2;
        ck_assert_int_eq(batch_add_answer(batch, &answer, "1", 1), 0);
        ck_assert_int_eq(batch_end(batch, &out), 0);
        ck_assert_int_eq(batch_end(batch, &out), 0);
        ck_assert_uint_eq(out.length, 0);
        ck_assert_uint_eq(room.used, strlen("[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}"));
        ck_assert_int_eq(batch_add_answer(batch, &answer, "\"b\"", 3), 0);
        ck_assert_int_eq(batch_end(batch, &out), 0);
        ck_assert_str_eq(buffer_text(&out),
                         "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null},"
                         "{\"jsonrpc\":\"2.0\",\"id\":\"b\",\"result\":null}]\n");
}
END_TEST

START_TEST(a_batch_of_notifications_is_not_answered)
{
        struct batch *batch = batch_new(&buffers, &room);

        batch->pending++;
        ck_assert_int_eq(batch_end(batch, &out), 0);
        ck_assert_int_eq(batch_end(batch, &out), 0);
        ck_assert_uint_eq(out.length, 0);
}
END_TEST

START_TEST(nobody_may_be_there_for_the_answers)
{
        struct batch *batch = batch_new(&buffers, &room);

        ck_assert_int_eq(batch_add_answer(batch, &answer, "1", 1), 0);
        ck_assert_int_eq(batch_end(batch, NULL), 0);
        ck_assert_uint_eq(buffers.memory, 0);
}
END_TEST

/* The story: answers that waited for the rest of their batch counted as not taken by the client, so
 * that nothing was begun any more, and the rest never came. */
START_TEST(a_large_answer_without_room_is_replaced)
{
        static char text[60000];
        struct batch *batch = batch_new(&buffers, &room), *other = batch_new(&buffers, &room);
        struct rpc_answer large;

        memset(text, 'x', sizeof(text));
        rpc_answer_init(&large, &buffers);
        rpc_answer_succeed(&large, rpc_json_text(text, sizeof(text)));
        ck_assert_int_eq(batch_add_answer(other, &large, "1", 1), 0);
        ck_assert_uint_gt(room.used, sizeof(text));
        ck_assert_int_eq(batch_add_answer(batch, &large, "2", 1), 0);
        ck_assert_uint_lt(batch->out.length, 1000);
        ck_assert_int_eq(batch_add_answer(batch, &answer, "3", 1), 0);
        ck_assert_int_eq(batch_end(batch, &out), 0);
        ck_assert_ptr_nonnull(strstr(buffer_text(&out), "\"id\":2,\"error\":{\"code\":-32008"));
        ck_assert_ptr_nonnull(strstr(buffer_text(&out), "half of max_buffered"));
        ck_assert_ptr_nonnull(strstr(buffer_text(&out), "\"id\":3,\"result\":null"));
        buffer_clear(&out);

        ck_assert_int_eq(batch_end(other, &out), 0);
        ck_assert_uint_gt(out.length, sizeof(text));
        batch = batch_new(&buffers, &room);
        ck_assert_int_eq(batch_add_answer(batch, &large, "4", 1), 0);
        ck_assert_uint_gt(batch->out.length, sizeof(text));
        ck_assert_int_eq(batch_end(batch, NULL), 0);
        rpc_answer_clear(&large);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("batch");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, answers_come_as_one_array_with_the_last);
        tcase_add_test(tcase, a_batch_of_notifications_is_not_answered);
        tcase_add_test(tcase, nobody_may_be_there_for_the_answers);
        tcase_add_test(tcase, a_large_answer_without_room_is_replaced);
        return run_suite(suite);
}
