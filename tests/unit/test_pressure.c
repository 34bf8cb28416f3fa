/* SPDX-License-Identifier: MIT */
/*
 * Clients under a max_buffered that is reached: who goes on, who waits, who is dropped. The memory
 * that is short is the test's own ballast.
 */
#include "daemon/pressure.h"

#include "fixture_client.h"

static struct pressure pressure;
static struct buffer ballast;

/* More than a client may hold when memory is short. */
static char much[BUFFER_CHUNK_SIZE + 1000];

static void begin_pressure(void *userdata)
{
        ck_assert_ptr_eq(userdata, &clients);
        n_held++;
        pressure_begin(&pressure);
}

static void setup(void)
{
        clients_begin();
        forget_received();
        clients.max_buffered = 400000;
        memset(much, 'x', sizeof(much) - 1);
        clients.held = begin_pressure;
        ck_assert_int_eq(pressure_init(&pressure, &clients, &around), 0);
        buffer_init(&ballast, &buffers);
}

static void teardown(void)
{
        buffer_clear(&ballast);
        clients.max_buffered = SIZE_MAX;
        pressure_clear(&pressure);
        pressure_clear(&pressure);
        clients_end();
}

static void take_memory(void)
{
        static const char bytes[400000];

        ck_assert_int_eq(buffer_append(&ballast, bytes, sizeof(bytes)), 0);
}

/* A client in the middle of a line; the test's end of it. */
static int client_amid_line(struct client **ret)
{
        peer = -1;
        connect_client();
        write_text(peer, "{\"jsonrpc\":\"2.0\",\"long\":\"");
        write_text(peer, much);
        say("\",");
        loop_until(client->in.length > sizeof(much));
        ck_assert(client_is_amid_line(client));
        ck_assert(!client->is_held);
        *ret = client;
        int end = peer;
        peer = -1;
        return end;
}

/* It is held when it sends more. */
static void hold(int end, const struct client *which)
{
        write_text(end, "\"id\":1,");
        loop_until(which->is_held);
}

START_TEST(it_begins_once_and_ends_by_itself)
{
        struct client *first;
        int end = client_amid_line(&first);
        take_memory();
        hold(end, first);
        ck_assert(pressure.is_on);
        ck_assert(log_has("pausing"));
        log_forget();
        pressure_begin(&pressure);
        ck_assert(!log_has("pausing"));
        buffer_clear(&ballast);
        loop_until(!pressure.is_on);
        ck_assert(log_has("all goes on"));
        ck_assert(!first->is_held);
        ck_assert(!first->is_exempt);
        ck_assert(!event_pending(pressure.timer, EV_TIMEOUT, NULL));
        write_text(end, "\"method\":\"jumpbootd.ping\"}\n");
        peer = end;
        expect_lines(1);
}
END_TEST

START_TEST(one_after_the_other_may_end_its_line)
{
        struct client *first, *second;
        int end = client_amid_line(&first), other = client_amid_line(&second);
        take_memory();
        hold(end, first);
        write_text(other, "\"id\":2,");
        loop_until(first->is_exempt);
        ck_assert(second->is_held);
        ck_assert(!second->is_exempt);
        write_text(other, "\"method\":\"jumpbootd.ping\"}\n");
        write_text(end, "\"method\":");
        loop_until(!buffer_is_empty(&first->in) && first->in.length > 30);
        ck_assert(second->is_held);
        write_text(end, "\"jumpbootd.ping\"}\n");
        peer = end;
        expect_lines(1);
        ck_assert(!first->is_exempt);
        ck_assert(!first->is_held);
        close(end);
        peer = other;
        forget_received();
        expect_lines(1);
}
END_TEST

/* The next look at who may go on, without a wait for it. */
static void tick(void)
{
        event_active(pressure.timer, EV_TIMEOUT, 0);
        loop_now();
}

/* A client in the middle of a line with large params, and held. */
static int held_amid_params(struct client **ret)
{
        peer = -1;
        connect_client();
        write_text(peer, "{\"jsonrpc\":\"2.0\",\"params\":[\"");
        write_text(peer, much);
        say("\"],");
        loop_until(client->in.length > sizeof(much));
        if (buffer_is_empty(&ballast))
                take_memory();
        hold(peer, client);
        *ret = client;
        int end = peer;
        peer = -1;
        return end;
}

/* The story: one client after the other, or one again and again, was let end a request each time
 * that the timer came, so that there was no limit to what came in with time. */
START_TEST(what_came_of_one_line_goes_before_the_next_may_end)
{
        struct client *first, *second;
        struct pool *pool = add_program("calc", "gated");
        int end = held_amid_params(&first), other = held_amid_params(&second);
        loop_until(first->is_exempt);
        write_text(end, "\"method\":\"calc.echo\"}\n");
        loop_until(pool->queue_length == 1);
        for (int i = 0; i < 3; i++)
                tick();
        ck_assert(!first->is_exempt);
        ck_assert(!second->is_exempt);
        open_gate();
        peer = end;
        loop_until(count_lines() == 1);
        tick();
        ck_assert(second->is_exempt);
        close(other);
}
END_TEST

/* Nor may it leave, and come again. */
START_TEST(what_came_of_one_line_counts_when_its_client_has_gone)
{
        struct client *first, *second;
        struct pool *pool = add_program("calc", "able");
        wait_idle(pool, 1);
        int end = held_amid_params(&first), other = held_amid_params(&second);
        loop_until(first->is_exempt);
        write_text(end, "\"method\":\"calc.patient\"}\n");
        loop_until(count_workers(pool, WORKER_BUSY) == 1);
        client_drop(first);
        close(end);
        loop_now();
        ck_assert(!TAILQ_EMPTY(&clients.husks));
        for (int i = 0; i < 3; i++)
                tick();
        ck_assert(!second->is_exempt);
        kill(first_worker(pool, WORKER_BUSY)->process.pid, SIGUSR1);
        loop_until(second->is_exempt);
        close(other);
}
END_TEST

START_TEST(all_have_their_turn)
{
        struct client *first, *second;
        int end = client_amid_line(&first), other = client_amid_line(&second);
        take_memory();
        hold(end, first);
        hold(other, second);
        loop_until(first->is_exempt);
        write_text(end, "\"method\":\"jumpbootd.ping\"}\n{\"jsonrpc\":\"2.0\",\"long\":\"");
        write_text(end, much);
        loop_until(!first->is_exempt && first->is_held);
        loop_until(second->is_exempt);
        ck_assert(!first->is_exempt);
        close(end);
        close(other);
}
END_TEST

/* What its requests hold is its, too; when they have ended it need not wait for the timer. */
START_TEST(who_has_large_requests_under_way_waits_for_these)
{
        struct pool *pool = add_program("calc", "gated");
        connect_client();
        write_text(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"calc.echo\",\"params\":[\"");
        write_text(peer, much);
        say("\"]}\n");
        loop_until(pool->queue_length == 1);
        take_memory();
        say("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"jumpbootd.ping\"}\n");
        loop_until(client->is_held);
        ck_assert_uint_eq(client->in.length, 0);
        event_del(pressure.timer);
        open_gate();
        expect_lines(2);
        ck_assert(!client->is_held);
}
END_TEST

/* The story: what waited in a batch for its other answers kept these from being begun. */
START_TEST(what_waits_in_batches_holds_nobody_back)
{
        add_idle_program("calc");
        clients.max_unsent = 500000;
        connect_client();
        say("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"jumpbootd.large\"},"
            "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"jumpbootd.large\"},"
            "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"jumpbootd.later\"}]\n");
        loop_until(clients.batched.used > clients.max_unsent);
        pressure_begin(&pressure);
        ck_assert(!around.is_held_back);
        tick();
        ck_assert(!around.is_held_back);
        ck_assert(pressure.is_on);
        answer_deferred();
        expect_lines(1);
        loop_until(!pressure.is_on);
}
END_TEST

/* The story: one client that took no answers kept all others from being heard, for seconds. */
START_TEST(who_holds_little_goes_on)
{
        take_memory();
        connect_client();
        ck_assert(!client->is_held);
        say("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"jumpbootd.ping\"}\n");
        expect_lines(1);
}
END_TEST

START_TEST(who_does_not_take_his_answers_is_dropped)
{
        connect_client();
        call_method("1", "jumpbootd.large", "");
        ck_assert_uint_gt(client->out.length, 0);
        take_memory();
        pressure_begin(&pressure);
        loop_once();
        ck_assert_uint_eq(clients.n_clients, 1);
        client->moved -= 6 * USEC_PER_SEC;
        loop_until(clients.n_clients == 0);
        ck_assert(log_has("dropping a client"));
}
END_TEST

START_TEST(who_only_waits_for_an_answer_is_not_dropped)
{
        add_idle_program("calc");
        connect_client();
        call_method("1", "calc.hang", "");
        client->moved -= 6 * USEC_PER_SEC;
        take_memory();
        pressure_begin(&pressure);
        for (int i = 0; i < 3; i++)
                loop_once();
        ck_assert_uint_eq(clients.n_clients, 1);
}
END_TEST

/* The story: one that was let go on, and then sent a byte every other second, held up all others
 * for as long as it liked. */
START_TEST(who_ends_his_line_too_slowly_is_dropped)
{
        struct client *first;
        int end = client_amid_line(&first);
        take_memory();
        hold(end, first);
        loop_until(first->is_exempt);
        event_del(pressure.timer);
        first->exempted -= 6 * USEC_PER_SEC;
        size_t before = first->in.length;
        write_text(end, " ");
        loop_until(first->in.length > before);
        event_active(pressure.timer, EV_TIMEOUT, 0);
        loop_now();
        ck_assert_uint_eq(clients.n_clients, 0);
        ck_assert(log_has("dropping a client"));
        close(end);
}
END_TEST

/* The story: answers piled up without a bound while clients had many requests under way and took
 * none of them; only the reading of further requests paused. */
START_TEST(nothing_is_begun_while_too_many_answers_wait)
{
        struct pool *pool = add_idle_program("calc");
        clients.max_buffered = 100000000;
        clients.max_unsent = 500000;
        connect_client();
        struct client *lazy = client;
        int end = peer;
        for (int i = 0; i < 3; i++)
                call_method("1", "jumpbootd.large", "");
        loop_until(clients.unsent > clients.max_unsent);
        ck_assert(around.is_held_back);
        ck_assert(pressure.is_on);

        peer = -1;
        connect_client();
        call_method("2", "calc.echo", "[1]");
        for (int i = 0; i < 3; i++)
                loop_once();
        ck_assert_uint_eq(count_lines(), 0);
        ck_assert_uint_eq(pool->queue_length, 1);
        ck_assert_uint_eq(count_workers(pool, WORKER_IDLE), 1);

        lazy->moved -= 6 * USEC_PER_SEC;
        expect_lines(1);
        ck_assert(has_received("\"id\":2"));
        ck_assert(!around.is_held_back);
        ck_assert_uint_eq(clients.n_clients, 1);
        loop_until(!pressure.is_on);
        close(end);
}
END_TEST

START_TEST(all_goes_on_once_the_answers_are_taken)
{
        add_idle_program("calc");
        clients.max_buffered = 100000000;
        clients.max_unsent = 500000;
        connect_client();
        for (int i = 0; i < 3; i++)
                call_method("1", "jumpbootd.large", "");
        loop_until(around.is_held_back);
        call_method("2", "calc.echo", "[1]");
        forget_received();
        expect_lines(4);
        loop_until(!pressure.is_on);
        ck_assert(!around.is_held_back);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pressure");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, it_begins_once_and_ends_by_itself);
        tcase_add_test(tcase, one_after_the_other_may_end_its_line);
        tcase_add_test(tcase, nothing_is_begun_while_too_many_answers_wait);
        tcase_add_test(tcase, all_goes_on_once_the_answers_are_taken);
        tcase_add_test(tcase, who_holds_little_goes_on);
        tcase_add_test(tcase, who_does_not_take_his_answers_is_dropped);
        tcase_add_test(tcase, who_only_waits_for_an_answer_is_not_dropped);
        tcase_add_test(tcase, who_ends_his_line_too_slowly_is_dropped);
        tcase_add_test(tcase, what_came_of_one_line_goes_before_the_next_may_end);
        tcase_add_test(tcase, what_came_of_one_line_counts_when_its_client_has_gone);
        tcase_add_test(tcase, all_have_their_turn);
        tcase_add_test(tcase, who_has_large_requests_under_way_waits_for_these);
        tcase_add_test(tcase, what_waits_in_batches_holds_nobody_back);
        return run_suite(suite);
}
