/* SPDX-License-Identifier: MIT */
/*
 * A request stands on its caller's list from its making to its one answer.
 */
#include "daemon/request.h"

#include "fixture_loop.h"

static const struct rpc_part no_params;
static unsigned n_done;
static enum rpc_status last_status;

static void on_done(struct caller *caller, struct request *request, const struct rpc_answer *answer)
{
        ck_assert_ptr_eq(request->caller, caller);
        ck_assert_uint_gt(caller->n_requests, 0);
        n_done++;
        last_status = answer->status;
}

static struct request *make(struct caller *caller, const char *id, const char *function)
{
        struct request *request = request_new(caller, &buffers, id, strlen(id), function,
                                              strlen(function), &no_params);

        ck_assert_ptr_nonnull(request);
        return request;
}

START_TEST(it_keeps_its_id_and_function)
{
        struct caller caller;

        caller_init(&caller, on_done);
        struct request *request = make(&caller, "\"abc\"", "a.b");
        ck_assert_uint_eq(request->id_length, 5);
        ck_assert_int_eq(memcmp(request->id, "\"abc\"", 5), 0);
        ck_assert_str_eq(request->function, "a.b");
        ck_assert_uint_eq(request->function_length, 3);
        ck_assert_int_eq(request->state, REQUEST_NEW);
        ck_assert_ptr_null(request->pool);
        ck_assert_ptr_null(request->worker);
        ck_assert_uint_eq(request->deadline, 0);
        ck_assert_uint_eq(request->params_length, 0);
        ck_assert_ptr_null(request_free(request));
}
END_TEST

START_TEST(nothing_is_an_id_and_a_function_too)
{
        struct caller caller;

        caller_init(&caller, on_done);
        struct request *request = make(&caller, "", "");
        ck_assert_str_eq(request->function, "");
        request_free(request);
}
END_TEST

START_TEST(its_caller_has_it_until_it_is_freed)
{
        struct caller caller;

        caller_init(&caller, on_done);
        ck_assert_uint_eq(caller.n_requests, 0);
        struct request *first = make(&caller, "1", "f"), *second = make(&caller, "2", "g");
        ck_assert_uint_eq(caller.n_requests, 2);
        ck_assert_ptr_eq(TAILQ_FIRST(&caller.requests), first);
        request_free(first);
        ck_assert_ptr_eq(TAILQ_FIRST(&caller.requests), second);
        request_free(second);
        ck_assert_uint_eq(caller.n_requests, 0);
        ck_assert(TAILQ_EMPTY(&caller.requests));
        ck_assert_uint_eq(n_done, 0);
        ck_assert_ptr_null(request_free(NULL));
}
END_TEST

/* Params of the given length, made of one letter, in a buffer that is gone afterwards. */
static struct request *make_with_params(struct caller *caller, size_t length)
{
        struct buffer source;
        char *text = malloc(length + 1);

        ck_assert_ptr_nonnull(text);
        memset(text, 'x', length + 1);
        buffer_init(&source, &buffers);
        ck_assert_int_eq(buffer_append(&source, text, length + 1), 0);
        struct rpc_part params = {&source, 1, length};
        struct request *request = request_new(caller, &buffers, "1", 1, "function", 8, &params);
        ck_assert_ptr_nonnull(request);
        buffer_clear(&source);
        free(text);
        return request;
}

/* What a hundred thousand callers queue may not cost a chunk each. */
START_TEST(short_params_lie_in_the_request_itself)
{
        static const size_t lengths[] = {1, 2, 100, BUFFER_SHARE_MIN - 1};
        struct caller caller;

        caller_init(&caller, on_done);
        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
                struct request *request = make_with_params(&caller, lengths[i]);
                struct buffer out;
                ck_assert_uint_eq(buffers.memory, 0);
                ck_assert_str_eq(request->function, "function");
                buffer_init(&out, &buffers);
                ck_assert_int_eq(request_write_params(request, &out), 0);
                ck_assert_uint_eq(out.length, lengths[i]);
                buffer_clear(&out);
                request_free(request);
        }
}
END_TEST

START_TEST(long_params_are_shared)
{
        static const size_t lengths[] = {BUFFER_SHARE_MIN, 3 * BUFFER_CHUNK_SIZE};
        struct caller caller;

        caller_init(&caller, on_done);
        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
                struct request *request = make_with_params(&caller, lengths[i]);
                struct buffer out;
                size_t before = buffers.memory;
                buffer_init(&out, &buffers);
                ck_assert_int_eq(request_write_params(request, &out), 0);
                ck_assert_uint_eq(out.length, lengths[i]);
                ck_assert_uint_eq(buffers.memory, before);
                buffer_clear(&out);
                request_free(request);
                ck_assert_uint_eq(buffers.memory, 0);
        }
}
END_TEST

START_TEST(finishing_tells_once_and_frees_with_the_params)
{
        struct caller caller;
        struct rpc_answer answer;

        caller_init(&caller, on_done);
        struct request *request = make_with_params(&caller, BUFFER_CHUNK_SIZE);
        rpc_answer_init(&answer, &buffers);
        answer.status = RPC_CANCELLED;
        request_finish(request, &answer);
        ck_assert_uint_eq(n_done, 1);
        ck_assert_int_eq(last_status, RPC_CANCELLED);
        ck_assert_uint_eq(caller.n_requests, 0);
        ck_assert_uint_eq(buffers.memory, 0);
        rpc_answer_clear(&answer);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("request");
        TCase *tcase = loop_case(suite, loop_begin, loop_end);

        tcase_add_test(tcase, it_keeps_its_id_and_function);
        tcase_add_test(tcase, nothing_is_an_id_and_a_function_too);
        tcase_add_test(tcase, its_caller_has_it_until_it_is_freed);
        tcase_add_test(tcase, short_params_lie_in_the_request_itself);
        tcase_add_test(tcase, long_params_are_shared);
        tcase_add_test(tcase, finishing_tells_once_and_frees_with_the_params);
        return run_suite(suite);
}
