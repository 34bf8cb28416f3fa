/* SPDX-License-Identifier: MIT */
#include "common/units.h"
#include "libjumpboot_connection.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#define MAX_ANSWER_DEFAULT ((size_t)1 << 30)
#define READS_MAX          16                    /* in one turn, so that others get theirs */
#define GRACE              (250 * USEC_PER_MSEC) /* for the daemon's word that the time is up */

int connection_error(struct jumpboot *jb, int status, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(jb->error, sizeof(jb->error), format, arguments);
        va_end(arguments);
        return status;
}

int jumpboot_from_fd(int fd, struct jumpboot **ret)
{
        struct jumpboot *jb;
        int type;
        socklen_t length = sizeof(type);

        *ret = NULL;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0)
                return -errno;
        if (type != SOCK_STREAM)
                return -EPROTOTYPE;
        jb = calloc(1, sizeof(*jb));
        if (!jb)
                return -ENOMEM;
        jb->fd = fd;
        requests_init(&jb->requests);
        inbox_init(&jb->in, &reply_names, MAX_ANSWER_DEFAULT);
        *ret = jb;
        return 0;
}

void jumpboot_close(struct jumpboot *jb)
{
        if (!jb)
                return;
        requests_clear(&jb->requests);
        inbox_clear(&jb->in);
        outbox_clear(&jb->out);
        close_fd(jb->fd);
        free(jb);
}

void jumpboot_set_max_answer(struct jumpboot *jb, size_t bytes)
{
        jb->in.max_line = bytes;
}

const char *jumpboot_error_text(const struct jumpboot *jb)
{
        return jb->error;
}

int jumpboot_fd(const struct jumpboot *jb)
{
        return jb->fd;
}

size_t jumpboot_in_flight(const struct jumpboot *jb)
{
        return jb->requests.n_in_flight;
}

short jumpboot_events(const struct jumpboot *jb)
{
        if (jb->failed)
                return 0;
        return outbox_is_empty(&jb->out) ? POLLIN : POLLIN | POLLOUT;
}

int jumpboot_timeout(const struct jumpboot *jb)
{
        uint64_t deadline = jb->requests.next_deadline;
        uint64_t now, wait;

        if (deadline == UINT64_MAX)
                return -1;
        now = units_now();
        wait = deadline > now ? (deadline - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC : 0;
        return wait < INT_MAX ? (int)wait : INT_MAX;
}

void connection_fail(struct jumpboot *jb, int status, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(jb->error, sizeof(jb->error), format, arguments);
        va_end(arguments);
        jb->failed = status;
        requests_fail(&jb->requests, status, jb->error, jb->out.sent);
        outbox_clear(&jb->out);
}

static int enqueue(struct jumpboot *jb, const struct outbox_request *request)
{
        struct params_fault fault;
        int r;

        if (jb->failed) {
                r = jb->failed == JUMPBOOT_ECLOSED ? JUMPBOOT_EUNSENT : jb->failed;
                return connection_error(jb, r, "%s", jumpboot_strerror(r));
        }
        r = outbox_add(&jb->out, request, &fault);
        if (r == JUMPBOOT_EPARAMS)
                return connection_error(jb, r, "%s: at byte %zu, %s", jumpboot_strerror(r),
                                        fault.offset, fault.text);
        if (r < 0)
                return connection_error(jb, r, "%s", jumpboot_strerror(r));
        return 0;
}

int jumpboot_submit(struct jumpboot *jb, const char *method, const char *params, int timeout_ms,
                    uint64_t *ret_id)
{
        struct outbox_request request = {
                .id = jb->last_id + 1,
                .method = method,
                .params = params,
                .timeout_ms = timeout_ms,
        };
        struct jumpboot_reply *reply;
        uint64_t deadline = 0;
        int r;

        if (timeout_ms == 0 || timeout_ms < JUMPBOOT_NO_TIMEOUT)
                return connection_error(jb, -EINVAL, "a timeout must be over 0 ms");
        if (timeout_ms > 0)
                deadline = units_now() + (uint64_t)timeout_ms * USEC_PER_MSEC + GRACE;
        reply = reply_new(request.id, timeout_ms, deadline);
        if (!reply || requests_add(&jb->requests, reply) < 0) {
                jumpboot_reply_free(reply);
                return connection_error(jb, -ENOMEM, "%s", jumpboot_strerror(-ENOMEM));
        }
        r = enqueue(jb, &request);
        if (r < 0) {
                requests_drop(&jb->requests, reply);
                return r;
        }
        reply->end = jb->out.added;
        *ret_id = jb->last_id = request.id;
        return 0;
}

int jumpboot_notify(struct jumpboot *jb, const char *method, const char *params)
{
        int r = enqueue(jb, &(struct outbox_request){
                                    .method = method,
                                    .params = params,
                                    .timeout_ms = JUMPBOOT_NO_TIMEOUT,
                            });

        if (r == 0)
                jb->has_notified = true;
        return r;
}

int jumpboot_cancel(struct jumpboot *jb, uint64_t id)
{
        char params[40];

        if (!requests_find(&jb->requests, id))
                return connection_error(jb, -ENOENT, "there is no such request in flight");
        snprintf(params, sizeof(params), "{\"id\":%" PRIu64 "}", id);
        return enqueue(jb, &(struct outbox_request){
                                   .method = "$/cancelRequest",
                                   .params = params,
                                   .timeout_ms = JUMPBOOT_NO_TIMEOUT,
                           });
}

int jumpboot_forget(struct jumpboot *jb, uint64_t id)
{
        struct jumpboot_reply *reply = requests_find(&jb->requests, id);

        if (reply) {
                requests_drop(&jb->requests, reply);
                return 0;
        }
        reply = id ? requests_take(&jb->requests, id) : NULL;
        if (!reply)
                return connection_error(jb, -ENOENT, "there is no such request");
        jumpboot_reply_free(reply);
        return 0;
}

int jumpboot_next_reply(struct jumpboot *jb, struct jumpboot_reply **ret)
{
        *ret = requests_take(&jb->requests, 0);
        return *ret != NULL;
}

/* Ids are the numbers that this connection gave out. */
static bool parse_id(const char *text, size_t length, uint64_t *ret)
{
        uint64_t id = 0;

        if (length > 19)
                return false;
        for (size_t i = 0; i < length; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return false;
                id = id * 10 + (uint64_t)(text[i] - '0');
        }
        *ret = id;
        return true;
}

static void take_answer(struct jumpboot *jb, struct jumpboot_reply *reply)
{
        char *line;

        if (!inbox_line_is_kept(&jb->in)) {
                reply_fail(reply, JUMPBOOT_ETOOLARGE, NULL);
        } else if (!(line = inbox_take_line(&jb->in))) {
                reply_fail(reply, -ENOMEM, NULL);
        } else if (!reply_take(reply, line, &jb->in.envelope.message)) {
                free(line);
                connection_fail(jb, JUMPBOOT_EPROTOCOL,
                                "the daemon's answer has no result and no proper error");
                return;
        }
        requests_finish(&jb->requests, reply);
}

/*
 * The daemon could not tell whose line it refuses. If only one can be meant, it is that one's
 * answer; if it may have been a notification, there is nobody to tell. Else one of the requests
 * would never be answered, and nobody knows which: all of them end.
 */
static void take_answer_to_nobody(struct jumpboot *jb)
{
        struct jumpboot_reply *reply;

        if (jb->has_notified || jb->requests.n_in_flight == 0)
                return;
        if (jb->requests.n_in_flight > 1 ||
            jb->in.envelope.message.member[REPLY_RESULT].type != ENVELOPE_ABSENT) {
                connection_fail(jb, JUMPBOOT_EPROTOCOL,
                                "the daemon refused a request and could not say which");
                return;
        }
        reply = TAILQ_FIRST(&jb->requests.in_flight);
        take_answer(jb, reply);
}

static void take_line(struct jumpboot *jb)
{
        const struct envelope *envelope = &jb->in.envelope;
        const struct envelope_span *span = &envelope->message.member[REPLY_ID];
        const char *id_text = inbox_line_span(&jb->in, span);
        struct jumpboot_reply *reply;
        uint64_t id = 0;

        if (envelope->is_blank)
                return;
        if (envelope->error) {
                connection_fail(jb, JUMPBOOT_EPROTOCOL,
                                "what came from the daemon is no JSON: %s at byte %zu",
                                envelope_error_text(envelope), envelope->error_offset);
        } else if (span->type == ENVELOPE_NULL) {
                take_answer_to_nobody(jb);
        } else if (span->type != ENVELOPE_NUMBER || !id_text ||
                   !parse_id(id_text, span->length, &id) || id > jb->last_id) {
                connection_fail(jb, JUMPBOOT_EPROTOCOL,
                                "what came from the daemon answers no request");
        } else if ((reply = requests_find(&jb->requests, id))) {
                take_answer(jb, reply);
        }
        /* else: it was forgotten, or its time was up */
}

static void take_end(struct jumpboot *jb)
{
        bool partial = inbox_is_partial(&jb->in);

        connection_fail(jb, JUMPBOOT_ECLOSED, "%s",
                        partial ? "the daemon closed the connection in the middle of an answer"
                                : jumpboot_strerror(JUMPBOOT_ECLOSED));
}

static void receive(struct jumpboot *jb)
{
        bool more = true;
        ssize_t n;

        for (int i = 0; i < READS_MAX && !jb->failed && (more || jb->cannot_send); i++) {
                n = inbox_read(&jb->in, jb->fd, &more);
                if (n == -EAGAIN && !jb->cannot_send)
                        return;
                if (n == 0 || n == -ECONNRESET || n == -EAGAIN)
                        take_end(jb);
                else if (n < 0)
                        connection_fail(jb, (int)n, "cannot read from the daemon: %s",
                                        jumpboot_strerror((int)n));
                while (!jb->failed && inbox_next(&jb->in)) {
                        take_line(jb);
                        inbox_done(&jb->in);
                }
        }
}

void connection_send(struct jumpboot *jb)
{
        int r = jb->failed ? 0 : outbox_send(&jb->out, jb->fd);

        if (r == -EPIPE || r == -ECONNRESET) {
                jb->cannot_send = true;
                outbox_clear(&jb->out);
        } else if (r < 0) {
                connection_fail(jb, r, "cannot write to the daemon: %s", jumpboot_strerror(r));
        }
}

int jumpboot_process(struct jumpboot *jb)
{
        if (!jb->failed)
                connection_send(jb);
        if (!jb->failed)
                receive(jb);
        if (!jb->failed)
                requests_expire(&jb->requests, units_now());
        return jb->failed;
}
