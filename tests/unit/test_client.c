/* SPDX-License-Identifier: MIT */
/*
 * Clients as they behave and misbehave, on sockets whose other end the test holds.
 */
#include "daemon/client.h"

#include "fixture_client.h"

#include <sys/un.h>

static void setup(void)
{
        clients_begin();
        forget_received();
}

#define RESULT(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":" result "}\n"

START_TEST(a_call_is_answered)
{
        add_program("calc", "echo");
        connect_client();
        ck_assert_int_eq(client->caller.peer.pid, getpid());
        ck_assert_uint_eq(client->caller.peer.uid, getuid());
        call_method("1", "calc.echo", "{\"a\": [1]}");
        expect_lines(1);
        ck_assert_str_eq(received, RESULT("1", "{\"a\": [1]}"));
}
END_TEST

START_TEST(a_line_may_come_byte_by_byte)
{
        const char *line =
                "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"calc.echo\",\"params\":[1]}\n";

        add_program("calc", "echo");
        connect_client();
        for (; *line; line++) {
                write_all(peer, line, 1);
                loop_now();
        }
        expect_lines(1);
        ck_assert_str_eq(received, RESULT("\"x\"", "[1]"));
}
END_TEST

START_TEST(calls_of_the_daemon_itself_are_answered_at_once)
{
        connect_client();
        call_method("1", "jumpbootd.ping", "");
        expect_lines(1);
        ck_assert_str_eq(received, RESULT("1", "\"pong\""));
        call_method("2", "jumpbootd.nothing", "");
        expect_lines(2);
        ck_assert(has_received("-32601"));
        call_method("3", "rpc.nothing", "");
        expect_lines(3);
        call_method(NULL, "jumpbootd.ping", "");
        loop_now();
        expect_lines(3);
}
END_TEST

START_TEST(calls_of_the_daemon_itself_may_be_answered_later)
{
        connect_client();
        call_method("1", "jumpbootd.later", "");
        call_method("2", "jumpbootd.ping", "");
        call_method(NULL, "jumpbootd.later", "");
        say("[{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"jumpbootd.later\"},"
            "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"jumpbootd.ping\"}]\n");
        expect_lines(1);
        ck_assert_str_eq(received, RESULT("2", "\"pong\""));
        ck_assert_uint_eq(clients.n_requests, 3);
        forget_received();
        answer_deferred();
        expect_lines(2);
        ck_assert(has_received(RESULT("1", "\"late\"")));
        ck_assert(has_received("{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":\"late\"}]\n"));
        ck_assert_uint_eq(clients.refused[RPC_OK], 5);
}
END_TEST

START_TEST(who_leaves_meanwhile_is_not_waited_for)
{
        connect_client();
        call_method("1", "jumpbootd.later", "");
        call_method(NULL, "jumpbootd.later", "");
        say("[{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"jumpbootd.later\"}]\n");
        peer = close_fd(peer);
        loop_until(clients.n_clients == 0);
        ck_assert(TAILQ_EMPTY(&deferred));
        ck_assert(TAILQ_EMPTY(&clients.husks));
}
END_TEST

START_TEST(what_was_deferred_ends_with_the_daemon)
{
        connect_client();
        call_method("1", "jumpbootd.later", "");
        call_method("2", "jumpbootd.later", "");
        clients_refuse_deferred(&clients);
        expect_lines(2);
        ck_assert(has_received("\"id\":1,\"error\":{\"code\":-32004"));
        ck_assert(has_received("\"id\":2,\"error\":{\"code\":-32004"));
        ck_assert_uint_eq(clients.refused[RPC_SHUTTING_DOWN], 2);
        ck_assert(TAILQ_EMPTY(&deferred));
        call_method("3", "jumpbootd.later", "");
        ck_assert_ptr_null(client_free(client));
        ck_assert(TAILQ_EMPTY(&deferred));
}
END_TEST

START_TEST(what_does_not_exist_is_not_found)
{
        static const struct {
                const char *method, *why;
        } rows[] = {
                {"calc", "program.function"},
                {"calx.f", "there is no program"},
                {"", "program.function"},
                {".f", "there is no program"},
                {"cal.f", "there is no program"},
                {"calc\\u0000.f", "there is no program"},
                {"calc\\u0000xxxxxxxxxxxxxxxxxxxxxxxxx.f", "there is no program"},
        };

        add_program("calc", "never");
        connect_client();
        for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
                forget_received();
                call_method("1", rows[i].method, "");
                expect_lines(1);
                ck_assert(has_received("\"code\":-32601,\"message\":\"Method not found\""));
                ck_assert(has_received(rows[i].why));
        }
        ck_assert_uint_eq(clients.refused[RPC_METHOD_NOT_FOUND], ARRAY_SIZE(rows));
}
END_TEST

START_TEST(requests_are_answered_as_they_are_ready)
{
        struct pool *slow = add_idle_program("slow"), *quick = add_idle_program("quick");

        connect_client();
        call_method("1", "slow.hang", "");
        call_method("2", "quick.echo", "[2]");
        call_method("3", "quick.echo", "[3]");
        expect_lines(2);
        ck_assert_str_eq(received, RESULT("2", "[2]") RESULT("3", "[3]"));
        ck_assert_uint_eq(slow->workers.count[WORKER_BUSY], 1);
        ck_assert_uint_eq(quick->finished[RPC_OK], 2);
        ck_assert_uint_eq(clients.n_requests, 1);
}
END_TEST

START_TEST(past_its_share_the_rest_waits_unread)
{
        struct pool *pool = add_idle_program("calc");

        connect_client();
        call_method("0", "calc.hang", "");
        for (int i = 1; i < 100; i++) {
                char id[16];
                snprintf(id, sizeof(id), "%d", i);
                call_method(id, "calc.echo", "");
        }
        ck_assert_uint_eq(client->caller.n_requests, 8);
        ck_assert_uint_eq(pool->queue_length, 7);
        ck_assert_uint_le(client->in.length, BUFFER_CHUNK_SIZE);
        pool_maintain(pool, units_now() + pool->options->request_timeout);
        forget_received();
        loop_until(has_received("\"id\":99,"));
        ck_assert_uint_eq(client->caller.n_requests, 0);
}
END_TEST

START_TEST(parse_errors_are_answered_and_the_next_line_counts)
{
        connect_client();
        say("{\"jsonrpc\": nonsense\n");
        call_method("1", "jumpbootd.ping", "");
        expect_lines(2);
        ck_assert(has_received("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,"));
        ck_assert(has_received("at byte 1"));
        ck_assert(has_received(RESULT("1", "\"pong\"")));
        forget_received();
        say("\xff\n\n  \n1\n");
        expect_lines(2);
        ck_assert(has_received("-32700"));
        ck_assert(has_received("-32600"));
        ck_assert_uint_eq(buffers.memory, 0);
}
END_TEST

START_TEST(an_invalid_request_has_its_id_all_the_same)
{
        connect_client();
        say("{\"jsonrpc\":\"2.0\",\"id\":\"me\",\"method\":7}\n");
        expect_lines(1);
        ck_assert(has_received("\"id\":\"me\",\"error\":{\"code\":-32600"));
}
END_TEST

START_TEST(a_batch_is_answered_with_one_array)
{
        add_program("calc", "echo");
        connect_client();
        say("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"calc.echo\",\"params\":[1]},1,"
            "{\"jsonrpc\":\"2.0\",\"method\":\"calc.echo\"},"
            "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"jumpbootd.ping\"}]\n");
        expect_lines(1);
        ck_assert_int_eq(received[0], '[');
        ck_assert_int_eq(received[n_received - 2], ']');
        ck_assert(has_received("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[1]}"));
        ck_assert(has_received("\"id\":null,\"error\":{\"code\":-32600"));
        ck_assert(has_received("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"pong\"}"));
        forget_received();
        say("[{\"jsonrpc\":\"2.0\",\"method\":\"calc.echo\"}]\n");
        call_method("9", "calc.echo", "");
        expect_lines(1);
        ck_assert(has_received("\"id\":9"));
}
END_TEST

START_TEST(a_batch_has_its_bounds)
{
        connect_client();
        say("[]\n");
        expect_lines(1);
        ck_assert(has_received("\"id\":null,\"error\":{\"code\":-32600"));
        ck_assert(has_received("at least one element"));
        forget_received();
        say("[1,2,3,4,5,6,7,8,9]\n");
        expect_lines(1);
        ck_assert(has_received("at most 8 elements"));
        forget_received();
        say("[1,2,3,4,5,6,7,8]\n");
        expect_lines(1);
        ck_assert_int_eq(received[0], '[');
}
END_TEST

/* Sends one line of `length` bytes in all, which begins with `head`. */
static void say_long(const char *head, size_t length)
{
        char part[4096];

        memset(part, ' ', sizeof(part));
        say(head);
        for (size_t done = strlen(head); done < length - 2;) {
                size_t n = length - 2 - done < sizeof(part) ? length - 2 - done : sizeof(part);
                write_all(peer, part, n);
                done += n;
                loop_now();
        }
        say("}\n");
}

START_TEST(a_line_that_is_too_long_is_refused_by_its_id)
{
        connect_client();
        say_long("{\"jsonrpc\":\"2.0\",\"id\":\"big\",\"method\":\"jumpbootd.ping\"", 100000);
        expect_lines(1);
        ck_assert(has_received("pong"));
        forget_received();
        say_long("{\"jsonrpc\":\"2.0\",\"id\":\"big\",\"method\":\"jumpbootd.ping\"", 1000000);
        expect_lines(1);
        ck_assert(has_received("\"id\":\"big\",\"error\":{\"code\":-32008"));
        ck_assert_uint_eq(buffers.memory, 0);
        call_method("2", "jumpbootd.ping", "");
        expect_lines(2);
}
END_TEST

START_TEST(a_line_that_is_too_long_may_hide_its_id)
{
        connect_client();
        say_long("{\"jsonrpc\":\"2.0\",\"params\":[1", 200000);
        expect_lines(1);
        ck_assert(has_received("\"id\":null,\"error\":{\"code\":-32008"));
        forget_received();
        say_long("{\"jsonrpc\":\"2.0\",\"method\":\"jumpbootd.ping\"", 200000);
        expect_lines(1);
        ck_assert(has_received("\"id\":null,\"error\":{\"code\":-32008"));
}
END_TEST

START_TEST(a_wrong_line_without_an_end_takes_no_memory)
{
        connect_client();
        say_long("garbage", 3000000);
        expect_lines(1);
        ck_assert(has_received("-32700"));
        say("{\"id\":1,");
        say_long(" ", 3000000);
        ck_assert_uint_le(buffers.memory, BUFFER_CHUNK_SIZE);
}
END_TEST

START_TEST(a_part_of_a_line_is_kept_small)
{
        size_t before = buffers.memory;

        connect_client();
        say("{\"jsonrpc\":\"2.0\",\"id\":1,");
        ck_assert(client_is_amid_line(client));
        ck_assert_uint_le(buffers.memory, before + 100);
        say("\"method\":\"jumpbootd.ping\"}\n");
        ck_assert(!client_is_amid_line(client));
        expect_lines(1);
}
END_TEST

START_TEST(an_idle_client_is_cheap)
{
        connect_client();
        loop_now();
        ck_assert_uint_eq(buffers.memory, 0);
        ck_assert_uint_lt(sizeof(struct client), 1536);
}
END_TEST

START_TEST(one_that_half_closes_is_answered)
{
        add_program("calc", "echo");
        connect_client();
        call_method("1", "calc.echo", "[1]");
        write_text(peer, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"calc.echo\",\"params\":[2]}");
        shutdown(peer, SHUT_WR);
        expect_end();
        ck_assert_str_eq(received, RESULT("1", "[1]") RESULT("2", "[2]"));
        ck_assert_uint_eq(clients.n_clients, 0);
        ck_assert_uint_ge(n_gone, 1);
}
END_TEST

START_TEST(half_a_line_at_the_end_is_answered_too)
{
        connect_client();
        write_text(peer, "{\"jsonrpc\":");
        shutdown(peer, SHUT_WR);
        expect_end();
        ck_assert(has_received("-32700"));
        connect_client();
        forget_received();
        write_text(peer, "  ");
        shutdown(peer, SHUT_WR);
        expect_end();
        ck_assert_str_eq(received, "");
}
END_TEST

START_TEST(one_that_half_closes_is_answered_past_its_share)
{
        add_program("calc", "echo");
        connect_client();
        for (int i = 0; i < 20; i++)
                write_text(peer, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"calc.echo\"}\n");
        write_text(peer, "{\"jsonrpc\":\"2.0\",\"id\":\"end\",\"method\":\"calc.echo\"}");
        shutdown(peer, SHUT_WR);
        expect_end();
        ck_assert_uint_eq(count_lines(), 21);
        ck_assert(has_received("\"id\":\"end\""));
}
END_TEST

START_TEST(one_that_hangs_up_loses_what_waits)
{
        struct pool *pool = add_idle_program("calc");

        connect_client();
        call_method("1", "calc.hang", "");
        call_method("2", "calc.echo", "");
        call_method("3", "calc.echo", "");
        ck_assert_uint_eq(pool->queue_length, 2);
        peer = close_fd(peer);
        loop_until(clients.n_clients == 0);
        ck_assert_uint_eq(pool->queue_length, 0);
        ck_assert_uint_eq(pool->finished[RPC_CANCELLED], 2);
        ck_assert_uint_eq(clients.n_requests, 1);
        ck_assert(!TAILQ_EMPTY(&clients.husks));
        unsigned before = n_gone;
        pool_maintain(pool, units_now() + pool->options->request_timeout);
        loop_until(TAILQ_EMPTY(&clients.husks));
        ck_assert_uint_gt(n_gone, before);
        ck_assert_uint_eq(clients.n_requests, 0);
}
END_TEST

START_TEST(one_that_hangs_up_may_have_its_requests_interrupted)
{
        struct pool *pool = add_idle_program("calc"), *other = add_idle_program("other");

        pool->options->on_disconnect = ON_DISCONNECT_INTERRUPT;
        connect_client();
        say("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"calc.hang\"},"
            "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"calc.echo\"}]\n");
        call_method("3", "other.hang", "");
        peer = close_fd(peer);
        loop_until(clients.n_clients == 0);
        ck_assert_uint_eq(pool->finished[RPC_CANCELLED], 2);
        ck_assert_uint_eq(pool->workers.count[WORKER_BUSY], 0);
        ck_assert_uint_eq(other->workers.count[WORKER_BUSY], 1);
        ck_assert_uint_eq(clients.n_requests, 1);
        pool_cancel(other, TAILQ_FIRST(&TAILQ_FIRST(&clients.husks)->caller.requests), units_now());
        loop_until(TAILQ_EMPTY(&clients.husks));
}
END_TEST

START_TEST(notifications_are_not_interrupted_by_a_hang_up)
{
        struct pool *pool = add_idle_program("calc");

        pool->options->on_disconnect = ON_DISCONNECT_INTERRUPT;
        connect_client();
        call_method(NULL, "calc.hang", "");
        peer = close_fd(peer);
        loop_until(clients.n_clients == 0);
        ck_assert_uint_eq(pool->workers.count[WORKER_BUSY], 1);
        ck_assert_uint_eq(clients.n_requests, 1);
        pool_cancel(pool, TAILQ_FIRST(&TAILQ_FIRST(&clients.husks)->caller.requests), units_now());
        loop_until(TAILQ_EMPTY(&clients.husks));
}
END_TEST

START_TEST(a_hang_up_after_a_half_close_is_seen)
{
        struct pool *pool = add_idle_program("calc");

        connect_client();
        pool->options->request_timeout = 0;
        call_method("1", "calc.hang", "");
        shutdown(peer, SHUT_WR);
        loop_now();
        loop_now();
        ck_assert_uint_eq(clients.n_clients, 1);
        peer = close_fd(peer);
        loop_until(clients.n_clients == 0);
}
END_TEST

/* The story: who had as many requests under way as is allowed, and left, was not noticed, and the
 * rest of them ran for nobody. */
START_TEST(a_hang_up_is_seen_though_nothing_is_read)
{
        struct pool *pool = add_idle_program("calc");

        connect_client();
        pool->options->request_timeout = 0;
        call_method("1", "calc.hang", "");
        for (int i = 0; i < 20; i++)
                call_method("2", "calc.echo", "");
        ck_assert_uint_eq(client->caller.n_requests, 8);
        peer = close_fd(peer);
        loop_until(clients.n_clients == 0);
        ck_assert_uint_eq(pool->queue_length, 0);
}
END_TEST

START_TEST(the_batch_of_one_that_hangs_up_ends)
{
        struct pool *pool = add_idle_program("calc");

        connect_client();
        say("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"calc.hang\"},"
            "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"calc.echo\"},"
            "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"jumpbootd.ping\"}]\n");
        ck_assert_uint_eq(pool->queue_length, 1);
        peer = close_fd(peer);
        loop_until(clients.n_clients == 0);
        pool_maintain(pool, units_now() + pool->options->request_timeout);
        loop_until(TAILQ_EMPTY(&clients.husks));
}
END_TEST

START_TEST(notifications_survive_their_caller)
{
        struct pool *pool = add_program("calc", "gated");

        connect_client();
        for (int i = 0; i < 5; i++)
                call_method(NULL, "calc.echo", "");
        call_method("1", "calc.echo", "");
        ck_assert_uint_eq(pool->queue_length, 6);
        peer = close_fd(peer);
        loop_until(clients.n_clients == 0);
        ck_assert_uint_eq(pool->queue_length, 5);
        open_gate();
        loop_until(pool->finished[RPC_OK] == 5);
        loop_until(TAILQ_EMPTY(&clients.husks));
}
END_TEST

/* The story: lines that were read, and waited for a slow reader to take the answers before them,
 * waited for ever: they were looked at when more came, or when an answer was due. */
START_TEST(one_that_never_reads_is_not_read_from)
{
        connect_client();
        for (int i = 0; i < 100; i++)
                call_method("1", "jumpbootd.large", "");
        ck_assert_uint_le(buffers.memory, 4U << 20);
        ck_assert_uint_eq(clients.n_clients, 1);
        for (unsigned n = 0; n < 100; n += count_lines()) {
                n_received = 0;
                loop_until(has_received("") && n_received > 0);
        }
}
END_TEST

START_TEST(after_a_shutdown_what_was_sent_is_answered)
{
        add_program("calc", "echo");
        connect_client();
        write_text(peer,
                   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"calc.echo\",\"params\":[1]}\n");
        client_shut(client);
        ck_assert_int_eq(write(peer, "x", 1), -1);
        expect_end();
        ck_assert_str_eq(received, RESULT("1", "[1]"));
}
END_TEST

START_TEST(a_drop_may_come_twice_and_frees_at_the_end_of_the_turn)
{
        connect_client();
        client_drop(client);
        client_drop(client);
        ck_assert_int_eq(client->fd, -1);
        ck_assert_uint_eq(clients.n_clients, 0);
        loop_now();
        ck_assert(TAILQ_EMPTY(&clients.husks));
}
END_TEST

/* As at the end of a loop that broke. */
START_TEST(freeing_takes_its_requests_with_it)
{
        struct pool *pool = add_program("calc", "never");

        connect_client();
        call_method("1", "calc.echo", "[1]");
        say("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"calc.echo\"}]\n");
        ck_assert_uint_eq(clients.n_requests, 2);
        while (!TAILQ_EMPTY(&pool->queue))
                pool_withdraw(pool, TAILQ_FIRST(&pool->queue));
        ck_assert_ptr_null(client_free(client));
        ck_assert_uint_eq(clients.n_requests, 0);
        ck_assert_uint_eq(clients.n_clients, 0);
        ck_assert_ptr_null(client_free(NULL));
}
END_TEST

START_TEST(past_max_buffered_one_that_holds_much_is_held)
{
        struct buffer ballast;
        char spaces[70000];

        memset(spaces, ' ', sizeof(spaces));
        connect_client();
        clients.max_buffered = 300000;
        say("{\"jsonrpc\":\"2.0\",");
        write_all(peer, spaces, sizeof(spaces));
        loop_until(client->in.length > sizeof(spaces));
        ck_assert(!client->is_held);
        buffer_init(&ballast, &buffers);
        ck_assert_int_eq(buffer_append(&ballast, received, 400000), 0);
        say("\"id\":1,");
        ck_assert(client->is_held);
        ck_assert_uint_eq(n_held, 1);
        say("\"method\":\"jumpbootd.ping\"}\n");
        ck_assert_uint_eq(count_lines(), 0);
        buffer_clear(&ballast);
        client_look_again(client);
        expect_lines(1);
}
END_TEST

START_TEST(many_come_and_go)
{
        int ends[200];

        add_program("calc", "echo");
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
                peer = -1;
                connect_client();
                ends[i] = peer;
                call_method(i % 3 ? "1" : NULL, i % 2 ? "calc.echo" : "jumpbootd.ping", "[]");
                if (i % 5 == 0)
                        ends[i] = close_fd(ends[i]);
        }
        peer = -1;
        loop_until(clients.n_requests == 0);
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
                close_fd(ends[i]);
        loop_until(clients.n_clients == 0 && TAILQ_EMPTY(&clients.husks));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("client");
        TCase *tcase = loop_case(suite, setup, clients_end);

        tcase_add_test(tcase, a_call_is_answered);
        tcase_add_test(tcase, a_line_may_come_byte_by_byte);
        tcase_add_test(tcase, calls_of_the_daemon_itself_are_answered_at_once);
        tcase_add_test(tcase, calls_of_the_daemon_itself_may_be_answered_later);
        tcase_add_test(tcase, who_leaves_meanwhile_is_not_waited_for);
        tcase_add_test(tcase, what_was_deferred_ends_with_the_daemon);
        tcase_add_test(tcase, what_does_not_exist_is_not_found);
        tcase_add_test(tcase, requests_are_answered_as_they_are_ready);
        tcase_add_test(tcase, past_its_share_the_rest_waits_unread);
        tcase_add_test(tcase, parse_errors_are_answered_and_the_next_line_counts);
        tcase_add_test(tcase, an_invalid_request_has_its_id_all_the_same);
        tcase_add_test(tcase, a_batch_is_answered_with_one_array);
        tcase_add_test(tcase, a_batch_has_its_bounds);
        tcase_add_test(tcase, a_line_that_is_too_long_is_refused_by_its_id);
        tcase_add_test(tcase, a_line_that_is_too_long_may_hide_its_id);
        tcase_add_test(tcase, a_wrong_line_without_an_end_takes_no_memory);
        tcase_add_test(tcase, a_part_of_a_line_is_kept_small);
        tcase_add_test(tcase, an_idle_client_is_cheap);
        tcase_add_test(tcase, one_that_half_closes_is_answered);
        tcase_add_test(tcase, half_a_line_at_the_end_is_answered_too);
        tcase_add_test(tcase, one_that_half_closes_is_answered_past_its_share);
        tcase_add_test(tcase, one_that_hangs_up_loses_what_waits);
        tcase_add_test(tcase, one_that_hangs_up_may_have_its_requests_interrupted);
        tcase_add_test(tcase, notifications_are_not_interrupted_by_a_hang_up);
        tcase_add_test(tcase, a_hang_up_after_a_half_close_is_seen);
        tcase_add_test(tcase, a_hang_up_is_seen_though_nothing_is_read);
        tcase_add_test(tcase, the_batch_of_one_that_hangs_up_ends);
        tcase_add_test(tcase, notifications_survive_their_caller);
        tcase_add_test(tcase, one_that_never_reads_is_not_read_from);
        tcase_add_test(tcase, after_a_shutdown_what_was_sent_is_answered);
        tcase_add_test(tcase, a_drop_may_come_twice_and_frees_at_the_end_of_the_turn);
        tcase_add_test(tcase, freeing_takes_its_requests_with_it);
        tcase_add_test(tcase, past_max_buffered_one_that_holds_much_is_held);
        tcase_add_test(tcase, many_come_and_go);
        return run_suite(suite);
}
