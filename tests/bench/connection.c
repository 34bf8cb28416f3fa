/* SPDX-License-Identifier: MIT */
#include "connection.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#define READ_SIZE   262144
#define PIECES      3 /* of one call */
#define VECTORS_MAX (16 * PIECES)

static uint64_t nanoseconds(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void tell_failure(struct run *run, const char *what, const char *bytes, size_t length)
{
        if (run->n_failures++ == 0)
                snprintf(run->failure, sizeof(run->failure), "%s%.*s", what,
                         (int)(length > 200 ? 200 : length), bytes);
}

int connection_init(struct connection *connection, struct run *run)
{
        *connection = (struct connection){.run = run, .in = -1, .out = -1};
        connection->calls = calloc(run->depth, sizeof(*connection->calls));
        connection->waiting = calloc(run->depth, sizeof(*connection->waiting));
        return connection->calls && connection->waiting ? 0 : -ENOMEM;
}

static void disconnect(struct connection *connection)
{
        if (connection->out != connection->in)
                close_fd(connection->out);
        connection->in = close_fd(connection->in);
        connection->out = -1;
}

void connection_clear(struct connection *connection)
{
        disconnect(connection);
        free(steal(connection->calls));
        free(steal(connection->waiting));
        free(steal(connection->bytes));
}

static void begin_call(struct connection *connection, uint64_t number)
{
        const struct run *run = connection->run;
        struct call *call = &connection->calls[number % run->depth];
        char params[WORK_PARAMS_MAX];
        size_t params_head, length = work_params(&run->work, number, params, &params_head);

        call->number = number;
        call->begun = nanoseconds();
        size_t n = protocol_put_head(&run->protocol, call->head, run->work.function, number,
                                     length + run->work.length);
        memcpy(call->head + n, params, length);
        const char *tail = protocol_tail(&run->protocol);
        memcpy(call->head + n + length, tail, strlen(tail));
        call->params_head = n + params_head;
        call->head_length = n + length + strlen(tail);
        connection->waiting[(connection->first + connection->n_waiting++) % run->depth] = number;
}

/* The pieces of a call behind those bytes of it that were sent. */
static size_t add_pieces(const struct work *work, const struct call *call, size_t sent,
                         struct iovec *pieces)
{
        const struct iovec all[PIECES] = {
                {(char *)call->head, call->params_head},
                {work->text, work->length},
                {(char *)call->head + call->params_head, call->head_length - call->params_head},
        };
        size_t n = 0;

        for (size_t i = 0; i < PIECES; i++) {
                size_t gone = sent < all[i].iov_len ? sent : all[i].iov_len;
                sent -= gone;
                if (gone < all[i].iov_len)
                        pieces[n++] = (struct iovec){(char *)all[i].iov_base + gone,
                                                     all[i].iov_len - gone};
        }
        return n;
}

static struct call *call_of(const struct connection *connection, uint64_t number)
{
        return &connection->calls[number % connection->run->depth];
}

static size_t fill_vectors(const struct connection *connection, struct iovec vectors[VECTORS_MAX])
{
        size_t n = 0, sent = connection->sent;

        for (uint64_t i = 0; i < connection->n_waiting && n + PIECES <= VECTORS_MAX; i++) {
                uint64_t slot = (connection->first + i) % connection->run->depth;
                n += add_pieces(&connection->run->work,
                                call_of(connection, connection->waiting[slot]), sent, vectors + n);
                sent = 0;
        }
        return n;
}

/* So many bytes more were sent. */
static void advance(struct connection *connection, size_t n)
{
        const struct run *run = connection->run;

        connection->sent += n;
        while (connection->n_waiting > 0) {
                uint64_t number = connection->waiting[connection->first % run->depth];
                size_t size = call_of(connection, number)->head_length + run->work.length;
                if (connection->sent < size)
                        return;
                connection->sent -= size;
                connection->first++;
                connection->n_waiting--;
        }
}

/* 0: all is sent; -EAGAIN: the rest does not fit now. */
static int send_waiting(struct connection *connection)
{
        struct iovec vectors[VECTORS_MAX];

        while (connection->n_waiting > 0) {
                ssize_t n =
                        writev(connection->out, vectors, (int)fill_vectors(connection, vectors));
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        advance(connection, (size_t)n);
        }
        return 0;
}

static int watch(struct connection *connection, bool is_blocked)
{
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

        if (is_blocked == connection->is_blocked)
                return 0;
        connection->is_blocked = is_blocked;
        if (connection->in == connection->out) {
                event.events |= is_blocked ? EPOLLOUT : 0U;
                return epoll_ctl(connection->run->epoll, EPOLL_CTL_MOD, connection->in, &event);
        }
        event.events = EPOLLOUT;
        return epoll_ctl(connection->run->epoll, is_blocked ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
                         connection->out, &event);
}

static int flush(struct connection *connection)
{
        /* ZeroMQ closes a connection that asks before it has been greeted. */
        int r = connection->is_greeted ? send_waiting(connection) : 0;

        if (r < 0 && r != -EAGAIN)
                return r;
        return watch(connection, r == -EAGAIN) < 0 ? -errno : 0;
}

/* The call that an answer is for; NULL: there is none that waits for such a one. */
static struct call *find_call(const struct connection *connection, const struct answer *answer)
{
        uint64_t number = answer->has_number ? answer->number : connection->n_ended;
        struct call *call = call_of(connection, number);

        return call->number == number ? call : NULL;
}

static void check_answer(struct connection *connection, const struct call *call,
                         const struct answer *answer, const char *bytes)
{
        struct run *run = connection->run;

        if (!answer->result ||
            !work_is_right(&run->work, call->number, answer->result, answer->length)) {
                tell_failure(run, "this is not the right answer: ", bytes, answer->size);
        } else if (run->is_counting) {
                histogram_record(&run->nanoseconds, nanoseconds() - call->begun);
                connection->n_counted++;
        }
}

/* Each call that is answered makes place for the next one. */
static int take_answer(struct connection *connection, const struct answer *answer,
                       const char *bytes)
{
        const struct run *run = connection->run;
        const struct call *call = find_call(connection, answer);

        if (!call)
                return -EBADMSG;
        check_answer(connection, call, answer, bytes);
        connection->n_ended++;
        if (run->protocol.keeps_alive)
                begin_call(connection, call->number + run->depth);
        return 0;
}

static int make_room(struct connection *connection)
{
        if (connection->size - connection->length >= READ_SIZE)
                return 0;
        size_t size = 2 * connection->size + READ_SIZE;
        char *bytes = realloc(connection->bytes, size);
        if (!bytes)
                return -ENOMEM;
        connection->bytes = bytes;
        connection->size = size;
        return 0;
}

/* Takes the answers that are whole. */
static int take_answers(struct connection *connection)
{
        struct answer answer;
        size_t done = 0;
        int r = 0;

        if (!connection->is_greeted)
                connection->is_greeted = protocol_is_greeted(
                        &connection->run->protocol, connection->bytes, connection->length, &done);
        while (r == 0 && connection->is_greeted && done < connection->length &&
               protocol_find(&connection->run->protocol, connection->bytes + done,
                             connection->length - done, &connection->searched, &answer)) {
                r = take_answer(connection, &answer, connection->bytes + done);
                done += answer.size;
        }
        connection->length -= done;
        memmove(connection->bytes, connection->bytes + done, connection->length);
        return r;
}

/* One that answers one call and is closed then. */
static int open_again(struct connection *connection)
{
        disconnect(connection);
        return connection_open(connection);
}

static int receive(struct connection *connection)
{
        int r = make_room(connection);

        if (r < 0)
                return r;
        ssize_t n = read(connection->in, connection->bytes + connection->length,
                         connection->size - connection->length);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -EPIPE;
        connection->length += (size_t)n;
        return take_answers(connection);
}

int connection_proceed(struct connection *connection)
{
        uint64_t n_ended = connection->n_ended;
        int r = receive(connection);

        if (r == 0 && !connection->run->protocol.keeps_alive && connection->n_ended > n_ended)
                return open_again(connection);
        if (r == 0)
                r = flush(connection);
        if (r < 0) {
                tell_failure(connection->run, "a connection ended: ", strerror(-r),
                             strlen(strerror(-r)));
                disconnect(connection);
        }
        return r;
}

static int begin_calls(struct connection *connection)
{
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        size_t length;
        const char *greeting = protocol_greeting(&connection->run->protocol, &length);

        connection->is_greeted = length == 0;
        connection->is_blocked = false;
        connection->n_ended = 0;
        connection->first = connection->n_waiting = 0;
        connection->sent = connection->length = connection->searched = 0;
        if (epoll_ctl(connection->run->epoll, EPOLL_CTL_ADD, connection->in, &event) < 0)
                return -errno;
        /* It fits: nothing has been written yet. */
        if (length > 0 && write(connection->out, greeting, length) != (ssize_t)length)
                return -EPIPE;
        for (unsigned i = 0; i < connection->run->depth; i++)
                begin_call(connection, i);
        return flush(connection);
}

int connection_open(struct connection *connection)
{
        const struct sockaddr_un *address = &connection->run->address;
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
                return -errno;
        connection->in = connection->out = steal_fd(&fd);
        return begin_calls(connection);
}

int connection_open_pipes(struct connection *connection, int in, int out)
{
        connection->in = in;
        connection->out = out;
        return begin_calls(connection);
}
