/* SPDX-License-Identifier: MIT */
/*
 * What a cancel names, and what becomes of it in a pool.
 */
#include "daemon/cancel.h"

#include "fixture_client.h"

static void setup(void)
{
        clients_begin();
        forget_received();
}

/* A request that waits, with this id; and a cancel with these params. */
static void check_named(const char *id, const char *params, bool is_hit)
{
        struct pool *pool = registry.pools[0];
        unsigned before = pool->queue_length;

        call_method(id, "calc.echo", "");
        ck_assert_uint_eq(pool->queue_length, before + 1);
        call_method(NULL, "$/cancelRequest", params);
        ck_assert_msg(pool->queue_length == before + !is_hit, "%s: %s", id, params);
        while (!TAILQ_EMPTY(&client->caller.requests))
                pool_cancel(pool, TAILQ_FIRST(&client->caller.requests), units_now());
}

START_TEST(ids_are_compared_as_values)
{
        add_program("calc", "never");
        connect_client();
        check_named("7", "{\"id\":7}", true);
        check_named("7", "{\"id\":\"7\"}", false);
        check_named("\"7\"", "{\"id\":7}", false);
        check_named("\"7\"", "{\"id\":\"7\"}", true);
        check_named("\"7\"", "{\"id\":\"\\u0037\"}", true);
        check_named("\"a\\/b\"", "{\"id\":\"a/b\"}", true);
        check_named("\"a\"", "{\"id\":\"A\"}", false);
        check_named("\"a\"", "{\"id\":\"ab\"}", false);
        check_named("\"\"", "{\"id\":\"\"}", true);
        check_named("1.0", "{\"id\":1}", false);
        check_named("1.0", "{\"id\":1.0}", true);
        check_named("null", "{\"id\":\"null\"}", false);
        check_named("1", " {\"more\":{\"id\":2}, \"\\u0069d\" : 1 }", true);
}
END_TEST

START_TEST(the_longest_id_can_be_named)
{
        char id[REQUEST_ID_MAX + 1], params[2048] = "{\"id\":\"";

        memset(id, 'x', sizeof(id));
        id[0] = id[REQUEST_ID_MAX - 1] = '"';
        id[REQUEST_ID_MAX] = '\0';
        for (unsigned i = 0; i < REQUEST_ID_MAX - 2; i++)
                strcat(params, "\\u0078");
        strcat(params, "\"}");
        add_program("calc", "never");
        connect_client();
        check_named(id, params, true);
}
END_TEST

static const char *const bad_params[] = {
        "",
        "[1]",
        "{}",
        "{\"id\":null}",
        "{\"id\":[1]}",
        "{\"id\":{}}",
        "{\"id\":1,\"id\":1}",
        "{\"id\":true}",
};

START_TEST(bad_params_are_told_to_who_asks)
{
        char params[4096] = "{\"id\":1,\"more\":\"";

        add_program("calc", "never");
        connect_client();
        call_method("1", "calc.echo", "");
        for (size_t i = 0; i < ARRAY_SIZE(bad_params); i++) {
                call_method(NULL, "$/cancelRequest", bad_params[i]);
                call_method("\"c\"", "$/cancelRequest", bad_params[i]);
                expect_lines((unsigned)i + 1);
        }
        memset(params + strlen(params), ' ', 3000);
        strcat(params, "\"}");
        call_method("\"c\"", "$/cancelRequest", params);
        expect_lines(ARRAY_SIZE(bad_params) + 1);
        ck_assert_uint_eq(clients.refused[RPC_INVALID_PARAMS], ARRAY_SIZE(bad_params) + 1);
        ck_assert(has_received("{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"error\":{\"code\":-32602"));
        ck_assert(has_received("the id of a request"));
        ck_assert_uint_eq(client->caller.n_requests, 1);
}
END_TEST

START_TEST(a_request_to_cancel_is_answered)
{
        add_program("calc", "never");
        connect_client();
        call_method("1", "calc.echo", "");
        call_method("2", "$/cancelRequest", "{\"id\":1}");
        expect_lines(2);
        ck_assert(has_received("\"id\":1,\"error\":{\"code\":-32006,\"message\":\"Cancelled\","
                               "\"data\":{\"started\":false,\"kind\":\"cancelled\"}}}\n"
                               "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":null}\n"));
        call_method("3", "$/cancelRequest", "{\"id\":\"nobody\"}");
        expect_lines(3);
        ck_assert(has_received("\"id\":3,\"result\":null}\n"));
}
END_TEST

START_TEST(all_of_that_id_are_cancelled)
{
        struct pool *pool = add_program("calc", "never");

        connect_client();
        call_method("1", "calc.echo", "");
        call_method("2", "calc.echo", "");
        call_method("1", "calc.echo", "");
        call_method(NULL, "calc.echo", "");
        call_method(NULL, "$/cancelRequest", "{\"id\":1}");
        expect_lines(2);
        ck_assert_uint_eq(pool->finished[RPC_CANCELLED], 2);
        ck_assert_uint_eq(client->caller.n_requests, 2);
}
END_TEST

START_TEST(requests_of_others_are_not_touched)
{
        struct pool *pool = add_program("calc", "never");
        int first;

        connect_client();
        call_method("1", "calc.echo", "");
        first = peer;
        peer = -1;
        connect_client();
        call_method(NULL, "$/cancelRequest", "{\"id\":1}");
        ck_assert_uint_eq(pool->queue_length, 1);
        close_fd(first);
}
END_TEST

START_TEST(a_running_one_is_cancelled)
{
        struct pool *pool = add_idle_program("calc");

        connect_client();
        call_method("1", "calc.hang", "");
        ck_assert_uint_eq(pool->workers.count[WORKER_BUSY], 1);
        call_method(NULL, "$/cancelRequest", "{\"id\":1}");
        expect_lines(1);
        ck_assert(has_received("\"id\":1,\"error\":{\"code\":-32006"));
        forget_received();
        call_method("2", "calc.echo", "[2]");
        expect_lines(1);
        ck_assert(has_received("\"id\":2,\"result\":[2]"));
}
END_TEST

START_TEST(in_a_batch_its_element_is_answered)
{
        add_program("calc", "never");
        connect_client();
        say("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"calc.echo\"},"
            "{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"params\":{\"id\":1}},"
            "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"calc.echo\"}]\n");
        ck_assert_uint_eq(client->caller.n_requests, 1);
        ck_assert_uint_eq(count_lines(), 0);
        call_method(NULL, "$/cancelRequest", "{\"id\":2}");
        expect_lines(1);
        ck_assert_int_eq(received[0], '[');
        ck_assert(has_received("\"id\":1,\"error\":{\"code\":-32006"));
        ck_assert(has_received("\"id\":2,\"error\":{\"code\":-32006"));
}
END_TEST

START_TEST(other_methods_of_that_kind_do_not_exist)
{
        connect_client();
        call_method("1", "$/cancelRequests", "{\"id\":1}");
        call_method("2", "$/cancelReques", "{\"id\":1}");
        expect_lines(2);
        ck_assert_uint_eq(clients.refused[RPC_METHOD_NOT_FOUND], 2);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("cancel");
        TCase *tcase = loop_case(suite, setup, clients_end);

        tcase_add_test(tcase, ids_are_compared_as_values);
        tcase_add_test(tcase, the_longest_id_can_be_named);
        tcase_add_test(tcase, bad_params_are_told_to_who_asks);
        tcase_add_test(tcase, a_request_to_cancel_is_answered);
        tcase_add_test(tcase, all_of_that_id_are_cancelled);
        tcase_add_test(tcase, requests_of_others_are_not_touched);
        tcase_add_test(tcase, a_running_one_is_cancelled);
        tcase_add_test(tcase, in_a_batch_its_element_is_answered);
        tcase_add_test(tcase, other_methods_of_that_kind_do_not_exist);
        return run_suite(suite);
}
