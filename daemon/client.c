/* SPDX-License-Identifier: MIT */
#include "client.h"

#include "batch.h"
#include "calls.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define GOOD_PART (64U * 1024U)   /* of its answers; one who takes less is stalled */
#define OUT_MAX   (1024U * 1024U) /* unsent bytes past which no more is read */

void client_count_unsent(struct client *client)
{
        struct client_surroundings *around = client->around;

        around->unsent += client->out.length - client->unsent;
        client->unsent = client->out.length;
        if (around->unsent > around->max_unsent)
                around->held(around->userdata);
}

bool client_is_amid_line(const struct client *client)
{
        return client->envelope.length > 0;
}

static bool may_take_more(const struct client *client)
{
        return client->fd >= 0 && !client->is_failed &&
               client->caller.n_requests < client->around->max_requests &&
               client->out.length < OUT_MAX;
}

/* It waits for answers to its requests, not for the client to take some. */
static bool is_at_limit(const struct client *client)
{
        return client->fd >= 0 && !client->is_failed &&
               client->caller.n_requests >= client->around->max_requests &&
               client->out.length < OUT_MAX;
}

/* How much to read at once; 0: not now. At the limit the buffer is filled, for the cancels in it.
 */
static size_t read_limit(const struct client *client)
{
        if (may_take_more(client))
                return buffer_read_limit(client->envelope.length);
        if (is_at_limit(client) && client->in.length < BUFFER_CHUNK_SIZE)
                return BUFFER_CHUNK_SIZE - client->in.length;
        return 0;
}

static bool has_unscanned(const struct client *client)
{
        return client->in.length > client->envelope.length - client->dropped;
}

static void drop_input(struct client *client, size_t length)
{
        buffer_drop(&client->in, length);
        ahead_dropped(client->ahead, length);
}

/* The line has ended at the envelope's length: makes ready for the next one. */
static void leave_line(struct client *client, size_t newline)
{
        if (client->fd < 0)
                return;
        drop_input(client, client->envelope.length - client->dropped + newline);
        envelope_reset(&client->envelope);
        client->dropped = 0;
        client->is_exempt = false;
        free(steal(client->oversize));
}

/* The line is longer than allowed: of all of it only the id is kept, if it has been seen. */
static void become_oversize(struct client *client)
{
        client->oversize = calloc(1, sizeof(*client->oversize));
        if (!client->oversize)
                client_drop(client);
        else
                call_read_id(client->oversize, &client->envelope.message, &client->in);
}

/* Scans one run of bytes, and takes the line if it ends there. */
static void scan_run(struct client *client, const uint8_t *data, size_t length)
{
        struct envelope *envelope = &client->envelope;
        size_t used;
        bool was_whole = envelope->error == ENVELOPE_OK;
        enum envelope_progress progress = envelope_feed(envelope, data, length, &used);

        if (!client->oversize && was_whole && envelope->length > client->around->max_request_size)
                become_oversize(client);
        if (client->fd < 0)
                return;
        if (progress == ENVELOPE_LINE) {
                calls_take_line(client);
                leave_line(client, 1);
        } else if (client->oversize || envelope->error != ENVELOPE_OK) {
                size_t gone = envelope->length - client->dropped;
                drop_input(client, gone);
                client->dropped += gone;
        }
}

/* What waits in the buffer may be cancels. */
static void look_ahead(struct client *client)
{
        if (!is_at_limit(client) || client_is_amid_line(client) || buffer_is_empty(&client->in))
                return;
        if (!client->ahead)
                client->ahead = ahead_new();
        if (client->ahead)
                ahead_look(client->ahead, &client->in, &client->caller, units_now());
}

static void scan(struct client *client)
{
        const uint8_t *data;
        size_t length;

        while (may_take_more(client) &&
               (length = buffer_peek(&client->in, client->envelope.length - client->dropped,
                                     &data)) > 0)
                scan_run(client, data, length);
        if (client->is_eof && may_take_more(client) && client_is_amid_line(client)) {
                envelope_finish(&client->envelope);
                calls_take_line(client);
                leave_line(client, 0);
        }
        look_ahead(client);
        if (client->fd < 0)
                return;
        if (buffer_is_empty(&client->in))
                client->ahead = ahead_free(client->ahead);
        buffer_compact(&client->in);
}

static void on_event(evutil_socket_t fd, short what, void *userdata);

/* What is less than this does not count: small requests go on while large ones wait. */
static bool holds_much(const struct client *client)
{
        return client->in.length + client->out.length > BUFFER_CHUNK_SIZE;
}

/* The one place that decides what the client waits for. */
static void client_update(struct client *client)
{
        struct client_surroundings *around = client->around;
        bool may_read = !client->is_eof && read_limit(client) > 0;
        short events = 0;

        if (may_read && !client->is_exempt && holds_much(client) &&
            around->buffers->memory > around->max_buffered) {
                client->is_held = true;
                around->held(around->userdata);
        }
        if (may_read && !client->is_held)
                events |= EV_READ | EV_PERSIST;
        if (!buffer_is_empty(&client->out))
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
        bool is_through = client->is_eof && !has_unscanned(client) &&
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

/* Notifications stay in the queue: they want no answer, so their caller need not be there to get
 * one. What was deferred goes on without anybody to be told. */
static void withdraw_requests(struct client *client)
{
        struct request *request, *next;

        for (request = TAILQ_FIRST(&client->caller.requests); request; request = next) {
                next = TAILQ_NEXT(request, of_caller);
                bool is_unwanted = request->state == REQUEST_QUEUED && !request->is_notification;
                if (is_unwanted)
                        pool_withdraw(request->pool, request);
                if (is_unwanted || request->state == REQUEST_DEFERRED)
                        free_request(client, request);
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
        ssize_t r = 0;

        while (!buffer_is_empty(&client->out) && r >= 0) {
                r = buffer_write(&client->out, client->fd);
                client->taken += r > 0 ? (size_t)r : 0;
        }
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
                scan(client);
        go_on(client);
}

static void read_in(struct client *client)
{
        size_t limit = read_limit(client);
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
        if (client->fd >= 0 && (what & EV_READ))
                read_in(client);
        if (client->fd >= 0)
                scan(client);
        go_on(client);
}

void client_release(struct client *client, bool is_exempt)
{
        client->is_held = false;
        client->is_exempt = is_exempt;
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
