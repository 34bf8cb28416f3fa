/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Clients of real pools of fake workers: the test holds the other end of their sockets.
 */
#include "fixture_pool.h"

#include "daemon/client.h"
#include "daemon/registry.h"

#include <sys/socket.h>

static struct registry registry;
static struct client_surroundings clients;
static unsigned n_gone, n_held;
static struct client *client; /* the last one that was made */
static int peer;              /* and the test's end of its socket */
static struct request_list deferred;

/* Answers "jumpbootd.ping" with "pong", and "jumpbootd.large" with half a megabyte; leaves
 * "jumpbootd.later" to the test. */
static inline enum control_outcome fake_control(void *userdata, const struct call *call,
                                                struct request *request, struct rpc_answer *answer)
{
        bool is_large = strcmp(call->method, "jumpbootd.large") == 0;
        char text[500000];

        ck_assert_ptr_eq(userdata, &clients);
        if (strcmp(call->method, "jumpbootd.later") == 0) {
                request_defer(request, &deferred);
                return CONTROL_DEFERRED;
        }
        if (!is_large && strcmp(call->method, "jumpbootd.ping") != 0)
                return CONTROL_UNKNOWN;
        memset(text, 'x', sizeof(text));
        rpc_answer_succeed(answer,
                           is_large ? rpc_json_text(text, sizeof(text)) : rpc_json_text("pong", 4));
        return CONTROL_ANSWERED;
}

/* Answers all that were left to the test with "late". */
static inline void answer_deferred(void)
{
        struct rpc_answer answer;

        rpc_answer_init(&answer, &buffers);
        rpc_answer_succeed(&answer, rpc_json_text("late", 4));
        request_finish_all(&deferred, &answer);
        rpc_answer_clear(&answer);
        loop_now();
}

static inline void on_gone(void *userdata)
{
        ck_assert_ptr_eq(userdata, &clients);
        n_gone++;
}

static inline void on_held(void *userdata)
{
        ck_assert_ptr_eq(userdata, &clients);
        n_held++;
}

/* One program, calc, with one worker that echoes. */
static inline void clients_begin(void)
{
        pools_begin();
        registry = (struct registry){0};
        clients = (struct client_surroundings){
                .base = base,
                .turn = &turn,
                .buffers = &buffers,
                .registry = &registry,
                .max_requests = 8,
                .max_request_size = 100000,
                .max_buffered = 1 << 30,
                .max_unsent = 1 << 30,
                .batched.max = 1 << 30,
                .control = fake_control,
                .gone = on_gone,
                .held = on_held,
                .userdata = &clients,
        };
        TAILQ_INIT(&clients.clients);
        TAILQ_INIT(&clients.husks);
        TAILQ_INIT(&deferred);
        n_gone = n_held = 0;
        client = NULL;
        peer = -1;
}

static inline struct pool *add_program(const char *name, const char *mode)
{
        struct pool *pool = new_pool(new_options(name, mode));

        ck_assert_int_eq(registry_add(&registry, pool), 0);
        return pool;
}

/* A program with an idle worker. */
static inline struct pool *add_idle_program(const char *name)
{
        struct pool *pool = add_program(name, "echo");

        wait_idle(pool, 1);
        return pool;
}

static inline void clients_end(void)
{
        struct client *next;

        peer = close_fd(peer);
        for (client = TAILQ_FIRST(&clients.clients); client; client = next) {
                next = TAILQ_NEXT(client, link);
                client_drop(client);
        }
        for (size_t i = 0; i < registry.n_pools; i++)
                pool_stop(registry.pools[i], true, units_now());
        loop_now();
        ck_assert_uint_eq(clients.n_clients, 0);
        ck_assert_uint_eq(clients.n_requests, 0);
        ck_assert_uint_eq(clients.unsent, 0);
        ck_assert_uint_eq(clients.batched.used, 0);
        ck_assert(TAILQ_EMPTY(&clients.husks));
        ck_assert(TAILQ_EMPTY(&deferred));
        registry_clear(&registry);
        workers_end();
}

/* A new client; the test's end does not block. */
static inline void connect_client(void)
{
        int ends[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
                         0);
        close_fd(peer);
        peer = ends[0];
        ck_assert_int_eq(client_new(&clients, ends[1], &client), 0);
}

/* All that the daemon has sent to the test, from connect_client() or forget_received() on. */
static char received[4000000];
static size_t n_received;
static bool is_at_end;

static inline void forget_received(void)
{
        n_received = 0;
        received[0] = '\0';
        is_at_end = false;
}

static inline void receive(void)
{
        ssize_t n = -1;

        while (peer >= 0 &&
               (n = read(peer, received + n_received, sizeof(received) - 1 - n_received)) > 0)
                n_received += (size_t)n;
        is_at_end = peer >= 0 && n == 0;
        received[n_received] = '\0';
}

static inline unsigned count_lines(void)
{
        unsigned n = 0;

        receive();
        for (const char *p = received; (p = strchr(p, '\n')); p++)
                n++;
        return n;
}

static inline void expect_lines(unsigned n)
{
        loop_until(count_lines() >= n);
        ck_assert_uint_eq(count_lines(), n);
}

static inline void expect_end(void)
{
        loop_until((receive(), is_at_end));
}

static inline bool has_received(const char *text)
{
        receive();
        return strstr(received, text) != NULL;
}

/* Sends a line and lets the daemon read it. */
static inline void say(const char *text)
{
        write_text(peer, text);
        loop_now();
}

/* Sends a request line. */
static inline void call_method(const char *id, const char *method, const char *params)
{
        char line[8192];

        snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",%s%s%s\"method\":\"%s\"%s%s}\n",
                 id ? "\"id\":" : "", id ? id : "", id ? "," : "", method,
                 *params ? ",\"params\":" : "", params);
        say(line);
}
