/* SPDX-License-Identifier: MIT */
#include "client.h"

#include "calls.h"
#include "client_input.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define GOOD_PART (64U * 1024U) /* of its answers; one who takes less is stalled */

bool clients_have_unsent(const struct client_surroundings *around, size_t max)
{
        return around->unsent + around->batched.used > max;
}

void client_count_unsent(struct client *client)
{
        struct client_surroundings *around = client->around;

        around->unsent += client->out.length - client->unsent;
        client->unsent = client->out.length;
        if (clients_have_unsent(around, around->max_unsent))
                around->held(around->userdata);
}

static void on_event(evutil_socket_t fd, short what, void *userdata);

/* What is less than this does not count: small requests go on while large ones wait. */
static bool holds_much(const struct client *client)
{
        return client->in.length + client->out.length + client->caller.held > BUFFER_CHUNK_SIZE;
}

/* All together are over the limit, and it has its part in that. */
static bool must_wait(const struct client *client)
{
        const struct client_surroundings *around = client->around;

        return buffer_pool_moving(around->buffers) > around->max_buffered && !client->is_exempt &&
               holds_much(client);
}

/* The one place that decides what the client waits for. */
static void client_update(struct client *client)
{
        struct client_surroundings *around = client->around;
        bool may_read = !client->is_eof && client_input_limit(client) > 0;
        short events = 0;

        client->is_held = may_read && must_wait(client);
        if (client->is_held)
                around->held(around->userdata);
        if (may_read && !client->is_held)
                events |= EV_READ | EV_PERSIST;
        /* What is about to be written at the end of the turn need not be waited for. */
        if (!buffer_is_empty(&client->out) && !client->flush.queue)
                events |= EV_WRITE | EV_PERSIST;
        if (events == 0)
                events = EV_CLOSED | EV_ET | EV_PERSIST;
        if (events == client->events)
                return;
        if (client->events)
                event_del(client->event);
        client->events = events;
        if (events &&
            (event_assign(client->event, around->base, client->fd, events, on_event, client) < 0 ||
             event_add(client->event, NULL) < 0))
                client_drop(client);
}

static bool is_hung_up(const struct client *client)
{
        struct pollfd poll_fd = {.fd = client->fd};

        return poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLHUP | POLLERR)) != 0;
}

/* After anything has happened: what is left to do for it, and what to wait for. */
static void go_on(struct client *client)
{
        if (client->fd < 0)
                return;
        bool is_answered = client->caller.n_requests == 0 && buffer_is_empty(&client->out);
        bool is_through = client->is_eof && !client_input_is_left(client) &&
                          !client_is_amid_line(client) && (is_answered || client->is_gone);
        if (is_through)
                client_drop(client);
        else
                client_update(client);
}

static void free_request(struct client *client, struct request *request)
{
        if (request->group)
                batch_end(request->group, NULL);
        client->around->n_requests--;
        request_free(request);
}

/* Notifications go on: they want no answer, so their caller need not be there to get one. What was
 * deferred goes on without anybody to be told. */
static void withdraw(struct client *client, struct request *request)
{
        struct pool *pool = request->pool;

        if (request->state == REQUEST_DEFERRED) {
                free_request(client, request);
        } else if (request->is_notification) {
                return;
        } else if (request->state == REQUEST_QUEUED || pool_take_back(pool, request)) {
                pool_withdraw(pool, request);
                free_request(client, request);
        } else if (request->state == REQUEST_SENT &&
                   pool->options->on_disconnect == ON_DISCONNECT_INTERRUPT) {
                pool_cancel(pool, request, units_now());
        }
}

static void withdraw_requests(struct client *client)
{
        struct request *request, *next;

        for (request = TAILQ_FIRST(&client->caller.requests); request; request = next) {
                next = TAILQ_NEXT(request, of_caller);
                withdraw(client, request);
        }
}

/* It has hung up. What it had sent before is read to the end, for the notifications in it. */
static void leave(struct client *client)
{
        client->is_gone = true;
        buffer_clear(&client->out);
        client_count_unsent(client);
        withdraw_requests(client);
}

/* Nothing can be written to it any more. */
static void leave_or_drop(struct client *client)
{
        if (is_hung_up(client))
                leave(client);
        else
                client_drop(client);
}

static void write_out(struct client *client)
{
        int r;

        client->taken += buffer_write_turn(&client->out, client->fd, &r);
        if (client->taken >= GOOD_PART) {
                client->moved = units_now();
                client->taken = 0;
        }
        if (r < 0 && r != -EAGAIN) {
                leave_or_drop(client);
                return;
        }
        buffer_compact(&client->out);
        client_count_unsent(client);
}

static void on_flush(struct turn_task *task)
{
        struct client *client = CONTAINER_OF(task, struct client, flush);

        if (client->is_failed)
                client_drop(client);
        if (client->fd >= 0)
                write_out(client);
        if (client->fd >= 0)
                client_input_scan(client);
        go_on(client);
}

static void read_in(struct client *client)
{
        size_t limit = client_input_limit(client);
        ssize_t got = limit > 0 ? buffer_read(&client->in, client->fd, limit) : -EAGAIN;

        if (got == 0) {
                client->is_eof = true;
                if (is_hung_up(client))
                        leave(client);
        } else if (got < 0 && got != -EAGAIN) {
                client_drop(client);
        }
}

static void on_event(evutil_socket_t fd, short what, void *userdata)
{
        struct client *client = userdata;

        (void)fd;
        if ((what & EV_CLOSED) && !client->is_gone && is_hung_up(client))
                leave(client);
        if (what & EV_WRITE)
                write_out(client);
        /* In this turn others may have read what there was room for. */
        if (client->fd >= 0 && (what & EV_READ) && !must_wait(client))
                read_in(client);
        if (client->fd >= 0)
                client_input_scan(client);
        go_on(client);
}

void client_look_again(struct client *client)
{
        go_on(client);
}

static void refuse_deferred(struct client *client, const struct rpc_answer *answer)
{
        struct request *request, *next;

        for (request = TAILQ_FIRST(&client->caller.requests); request; request = next) {
                next = TAILQ_NEXT(request, of_caller);
                if (request->state == REQUEST_DEFERRED)
                        request_finish(request, answer);
        }
}

void clients_refuse_deferred(struct client_surroundings *around)
{
        struct rpc_answer answer;
        struct client *client;

        rpc_answer_init(&answer, around->buffers);
        rpc_answer_fail(&answer, RPC_SHUTTING_DOWN, NULL, NULL);
        TAILQ_FOREACH (client, &around->clients, link)
                refuse_deferred(client, &answer);
        rpc_answer_clear(&answer);
}

void client_shut(struct client *client)
{
        shutdown(client->fd, SHUT_RD);
}

static void bury(struct turn_task *grave)
{
        struct client *client = CONTAINER_OF(grave, struct client, grave);
        struct client_surroundings *around = client->around;

        client_free(client);
        around->gone(around->userdata);
}

void client_drop(struct client *client)
{
        struct client_surroundings *around = client->around;

        if (client->fd < 0)
                return;
        if (client->events)
                event_del(client->event);
        if (client->caller.n_requests > 0)
                peer_keep_groups(&client->caller.peer); /* what these call may need them */
        peer_detach(&client->caller.peer);
        client->fd = close_fd(client->fd);
        TAILQ_REMOVE(&around->clients, client, link);
        TAILQ_INSERT_TAIL(&around->husks, client, link);
        around->n_clients--;
        turn_forget(&client->flush);
        buffer_clear(&client->in);
        buffer_clear(&client->out);
        client_count_unsent(client);
        envelope_clear(&client->envelope);
        client->ahead = ahead_free(client->ahead);
        withdraw_requests(client);
        if (client->caller.n_requests == 0)
                turn_bury(around->turn, &client->grave);
        around->gone(around->userdata);
}

int client_new(struct client_surroundings *around, int fd, struct client **ret)
{
        struct client *client = calloc(1, sizeof(*client));

        if (!client) {
                close_fd(fd);
                return -ENOMEM;
        }
        client->around = around;
        client->fd = fd;
        client->flush.run = on_flush;
        client->grave.run = bury;
        caller_init(&client->caller, calls_done);
        peer_init(&client->caller.peer, fd);
        buffer_init(&client->in, around->buffers);
        buffer_init(&client->out, around->buffers);
        envelope_init(&client->envelope, &call_names, around->max_requests);
        TAILQ_INSERT_TAIL(&around->clients, client, link);
        around->n_clients++;
        client->event = event_new(around->base, fd, 0, on_event, client);
        if (!client->event) {
                client_free(client);
                return -ENOMEM;
        }
        client_update(client);
        *ret = client;
        return 0;
}

struct client *client_free(struct client *client)
{
        if (!client)
                return NULL;
        while (!TAILQ_EMPTY(&client->caller.requests))
                free_request(client, TAILQ_FIRST(&client->caller.requests));
        if (client->fd >= 0)
                client->around->n_clients--;
        TAILQ_REMOVE(client->fd >= 0 ? &client->around->clients : &client->around->husks, client,
                     link);
        turn_forget(&client->flush);
        turn_forget(&client->grave);
        if (client->event)
                event_free(client->event);
        close_fd(client->fd);
        peer_clear(&client->caller.peer);
        buffer_clear(&client->in);
        buffer_clear(&client->out);
        client->around->unsent -= client->unsent;
        envelope_clear(&client->envelope);
        ahead_free(client->ahead);
        free(client->oversize);
        free(client);
        return NULL;
}
