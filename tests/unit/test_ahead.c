/* SPDX-License-Identifier: MIT */
/*
 * Cancels that stand behind what they are to make room for: they are seen all the same.
 */
#include "daemon/ahead.h"

#include "fixture_client.h"

#define CANCEL(id)                                                                                 \
        "{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"params\":{\"id\":" id "}}\n"
#define SHARE 8 /* max_requests of the fixture */

static struct pool *pool;

/* A client that has as many requests in the queue as it may have, their ids from 0 on. */
static void setup(void)
{
        char id[16];

        clients_begin();
        forget_received();
        pool = add_program("calc", "never");
        connect_client();
        for (int i = 0; i < SHARE; i++) {
                snprintf(id, sizeof(id), "%d", i);
                call_method(id, "calc.echo", "");
        }
        ck_assert_uint_eq(client->caller.n_requests, SHARE);
}

static bool is_cancelled(const char *id)
{
        char text[64];

        snprintf(text, sizeof(text), "\"id\":%s,\"error\":{\"code\":-32006", id);
        return has_received(text);
}

START_TEST(a_cancel_is_seen_at_the_limit)
{
        say(CANCEL("3"));
        expect_lines(1);
        ck_assert(is_cancelled("3"));
        loop_now();
        ck_assert_uint_eq(client->caller.n_requests, SHARE - 1);
        ck_assert_uint_eq(client->in.length, 0);
        ck_assert_ptr_null(client->ahead);
}
END_TEST

START_TEST(it_is_seen_behind_what_waits)
{
        for (int i = 0; i < 20; i++)
                call_method("\"later\"", "calc.echo", "");
        say("garbage\n[1,2]\n\n\"$/cancelRequest\"\n" CANCEL("\"nobody\"") CANCEL("0"));
        expect_lines(1);
        ck_assert(is_cancelled("0"));
        loop_now();
        /* The first of those that wait has taken its place. */
        ck_assert_uint_eq(client->caller.n_requests, SHARE);
        ck_assert_uint_eq(pool->queue_length, SHARE);
}
END_TEST

START_TEST(its_turn_does_no_harm)
{
        call_method("100", "calc.echo", "");
        say(CANCEL("0"));
        call_method("101", "calc.echo", "");
        loop_now();
        ck_assert_uint_eq(client->caller.n_requests, SHARE);
        say(CANCEL("1"));
        loop_now();
        loop_now();
        /* 100, the first cancel in its turn, 101. */
        expect_lines(2);
        ck_assert_uint_eq(client->caller.n_requests, SHARE);
        say(CANCEL("101"));
        loop_now();
        expect_lines(3);
        ck_assert(is_cancelled("101"));
}
END_TEST

START_TEST(it_may_be_for_one_that_waits_before_it)
{
        call_method("100", "calc.echo", "");
        say(CANCEL("100"));
        ck_assert_uint_eq(count_lines(), 0);
        say(CANCEL("0"));
        loop_until(is_cancelled("100"));
        expect_lines(2);
}
END_TEST

/* The story: such a cancel had been looked at before its request was in flight, and then lay behind
 * others until one of those ended that it might have been for. */
START_TEST(it_is_kept_for_those_that_wait_before_it)
{
        for (int i = 100; i < 110; i++) {
                char id[16];
                snprintf(id, sizeof(id), "%d", i);
                call_method(id, "calc.echo", "");
        }
        say("[{\"jsonrpc\":\"2.0\",\"id\":110,\"method\":\"calc.echo\"}]\n");
        say(CANCEL("101") CANCEL("103") CANCEL("110"));
        call_method("103", "calc.echo", "[\"another\"]");
        while (pool->queue_length > 0) {
                pool_cancel(pool, TAILQ_FIRST(&pool->queue), units_now());
                loop_now();
        }
        expect_lines(SHARE + 12);
        ck_assert_uint_eq(clients.refused[RPC_CANCELLED], 3);
        ck_assert(is_cancelled("101"));
        ck_assert(has_received("[{\"jsonrpc\":\"2.0\",\"id\":110,\"error\":{\"code\":-32006"));
        ck_assert_uint_eq(pool->finished[RPC_CANCELLED], SHARE + 9);
        ck_assert_ptr_null(client->ahead);
}
END_TEST

START_TEST(so_many_are_kept_and_no_more)
{
        call_method("100", "calc.echo", "");
        for (unsigned i = 0; i < 2 * AHEAD_KEPT_MAX; i++)
                say(CANCEL("\"nobody\""));
        ck_assert_uint_eq(client->ahead->n_cancels, AHEAD_KEPT_MAX);
        say(CANCEL("0"));
        expect_lines(1);
        loop_until(client->caller.n_requests == SHARE);
        say(CANCEL("1"));
        loop_until(client->in.length == 0);
        ck_assert_ptr_null(client->ahead);
}
END_TEST

START_TEST(it_may_come_byte_by_byte)
{
        call_method("100", "calc.echo", "");
        for (const char *c = CANCEL("5"); *c; c++) {
                ck_assert_uint_eq(count_lines(), 0);
                write_all(peer, c, 1);
                loop_now();
        }
        expect_lines(1);
        ck_assert(is_cancelled("5"));
}
END_TEST

/* The scanner of those whose turn it is overtakes the other one in the middle of a line. */
START_TEST(a_turn_may_come_in_mid_line)
{
        call_method("100", "calc.echo", "");
        write_text(peer, "{\"jsonrpc\":\"2.0\",\"id\":101,\"meth");
        loop_now();
        for (int i = 0; i < 3; i++)
                pool_cancel(pool, TAILQ_FIRST(&pool->queue), units_now());
        loop_now();
        ck_assert(client_is_amid_line(client));
        say("od\":\"calc.echo\"}\n");
        ck_assert_uint_eq(client->caller.n_requests, SHARE - 1);
        call_method("102", "calc.echo", "");
        ck_assert_uint_eq(client->caller.n_requests, SHARE);
        expect_lines(3);
        forget_received();
        call_method("103", "calc.echo", "");
        say(CANCEL("101"));
        expect_lines(1);
        ck_assert(is_cancelled("101"));
}
END_TEST

START_TEST(the_method_may_be_escaped)
{
        say("{\"params\":{\"id\":2},\"method\":\"$\\/c\\u0061ncelRequest\",\"jsonrpc\":\"2.0\"}\n");
        expect_lines(1);
        ck_assert(is_cancelled("2"));
}
END_TEST

/* Each acts in its turn only, or not at all. */
START_TEST(what_is_no_plain_cancel_is_not_taken_ahead)
{
        char spaces[5000];

        memset(spaces, ' ', sizeof(spaces) - 1);
        spaces[sizeof(spaces) - 1] = '\0';
        say("[{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"params\":{\"id\":2}}]\n");
        say("{\"method\":\"$/cancelRequest\",\"params\":{\"id\":2}}\n");
        say("{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelReques2\",\"params\":{\"id\":2}}\n");
        say("{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"params\":{\"id\":2}} x\n");
        say("{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",\"method\":1,"
            "\"params\":{\"id\":2}}\n");
        say("{\"jsonrpc\":\"2.0\",\"method\":\"$/cancelRequest\",");
        say(spaces);
        say("\"params\":{\"id\":2}}\n");
        ck_assert_uint_eq(count_lines(), 0);
        ck_assert_uint_eq(client->caller.n_requests, SHARE);
}
END_TEST

START_TEST(a_request_to_cancel_acts_ahead_and_is_answered_in_turn)
{
        call_method("100", "calc.echo", "");
        call_method("101", "calc.echo", "");
        call_method("\"c\"", "$/cancelRequest", "{\"id\":4}");
        expect_lines(1);
        ck_assert(is_cancelled("4"));
        ck_assert(!has_received("\"result\":null"));
        say(CANCEL("5") CANCEL("6"));
        expect_lines(4);
        ck_assert(has_received("{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"result\":null}\n"));
}
END_TEST

static void fill_buffer(void)
{
        char part[1024];

        memset(part, ' ', sizeof(part));
        part[sizeof(part) - 1] = '\n';
        while (write(peer, part, sizeof(part)) > 0)
                loop_now();
        for (int i = 0; i < 10; i++)
                loop_now();
}

START_TEST(the_buffer_has_its_size)
{
        call_method("100", "calc.echo", "");
        fill_buffer();
        ck_assert_uint_eq(client->in.length, BUFFER_CHUNK_SIZE);
        /* Nothing is waited for that is there already. */
        ck_assert_int_eq(client->events & EV_READ, 0);
        pool_cancel(pool, TAILQ_FIRST(&pool->queue), units_now());
        loop_now();
        ck_assert_uint_eq(client->caller.n_requests, SHARE);
        pool_cancel(pool, TAILQ_FIRST(&pool->queue), units_now());
        loop_until(client->in.length == 0);
        forget_received();
        say("\n" CANCEL("100"));
        loop_until(is_cancelled("100"));
}
END_TEST

START_TEST(a_hang_up_is_seen_though_the_buffer_is_full)
{
        call_method("100", "calc.echo", "");
        fill_buffer();
        peer = close_fd(peer);
        loop_until(clients.n_clients == 0);
        ck_assert_uint_eq(pool->queue_length, 0);
}
END_TEST

START_TEST(a_half_close_is_no_end)
{
        call_method("100", "calc.echo", "");
        write_text(peer, CANCEL("0"));
        shutdown(peer, SHUT_WR);
        expect_lines(1);
        ck_assert(is_cancelled("0"));
        while (!TAILQ_EMPTY(&pool->queue))
                pool_cancel(pool, TAILQ_FIRST(&pool->queue), units_now());
        expect_end();
        ck_assert_uint_eq(count_lines(), SHARE + 1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("ahead");
        TCase *tcase = loop_case(suite, setup, clients_end);

        tcase_add_test(tcase, a_cancel_is_seen_at_the_limit);
        tcase_add_test(tcase, it_is_seen_behind_what_waits);
        tcase_add_test(tcase, its_turn_does_no_harm);
        tcase_add_test(tcase, it_may_be_for_one_that_waits_before_it);
        tcase_add_test(tcase, it_is_kept_for_those_that_wait_before_it);
        tcase_add_test(tcase, so_many_are_kept_and_no_more);
        tcase_add_test(tcase, it_may_come_byte_by_byte);
        tcase_add_test(tcase, a_turn_may_come_in_mid_line);
        tcase_add_test(tcase, the_method_may_be_escaped);
        tcase_add_test(tcase, what_is_no_plain_cancel_is_not_taken_ahead);
        tcase_add_test(tcase, a_request_to_cancel_acts_ahead_and_is_answered_in_turn);
        tcase_add_test(tcase, the_buffer_has_its_size);
        tcase_add_test(tcase, a_hang_up_is_seen_though_the_buffer_is_full);
        tcase_add_test(tcase, a_half_close_is_no_end);
        return run_suite(suite);
}
