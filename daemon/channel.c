/* SPDX-License-Identifier: MIT */
#include "channel.h"

#include "common/cleanup.h"
#include "common/text.h"
#include "request.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/ioctl.h>

#define LINE_OVERHEAD   65536U /* what a line may have beside the result or the arguments */
#define SERIAL_TEXT_MAX 24U
#define DRAIN_MAX       (2U * 1024U * 1024U) /* more than a pipe holds */

enum { REQUEST_ID, RESULT, ERROR, KIND, DATA, TRACEBACK, COMMAND, TIMEOUT, WITHIN };

static const struct envelope_names answer_names = {
        .count = 9,
        .name = {"request_id", "result", "error", "kind", "data", "traceback", "command", "timeout",
                 "for"},
};

static void end_channel(struct channel *channel, const char *reason,
                        void (*tell)(void *userdata, const char *reason))
{
        if (channel->has_ended)
                return;
        channel->has_ended = true;
        event_del(channel->read_event);
        event_del(channel->write_event);
        event_del(channel->refusal_event);
        turn_forget(&channel->flush);
        tell(channel->userdata, reason);
}

static void break_channel(struct channel *channel, const char *reason)
{
        end_channel(channel, reason, channel->events->broken);
}

static void close_input(struct channel *channel)
{
        event_del(channel->write_event);
        event_del(channel->refusal_event);
        channel->in_fd = close_fd(channel->in_fd);
}

/* The worker reads no more; what it has answered before counts all the same. */
static void refuse_input(struct channel *channel)
{
        channel_drain(channel);
        end_channel(channel, "it closed the pipe that it reads requests from",
                    channel->events->closed);
}

static void flush(struct turn_task *task)
{
        struct channel *channel = CONTAINER_OF(task, struct channel, flush);
        int r;

        if (channel->has_ended || channel->in_fd < 0)
                return;
        buffer_write_turn(&channel->to_worker, channel->in_fd, &r);
        if (r == -EAGAIN || (r == 0 && !buffer_is_empty(&channel->to_worker)))
                event_add(channel->write_event, NULL);
        else if (r < 0)
                refuse_input(channel);
        else if (channel->is_closing)
                close_input(channel);
}

static void on_writable(evutil_socket_t fd, short what, void *userdata)
{
        struct channel *channel = userdata;

        (void)fd;
        (void)what;
        flush(&channel->flush);
}

/* A pipe that nobody reads any more is an error, which is told as if there was something to read.
 */
static void on_refusal(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd;
        (void)what;
        refuse_input(userdata);
}

static struct rpc_part part_of(const struct channel *channel, unsigned name)
{
        const struct envelope_span *span = &channel->envelope.message.member[name];

        if (span->type == ENVELOPE_ABSENT)
                return (struct rpc_part){0};
        return (struct rpc_part){&channel->from_worker, span->offset, span->length};
}

/* The serial in "17", quotes included, or as a bare number; 0 if it is none. */
static uint64_t read_serial(const struct channel *channel)
{
        const struct envelope_span *span = &channel->envelope.message.member[REQUEST_ID];
        char text[SERIAL_TEXT_MAX];
        uint64_t serial = 0;

        if (span->type != ENVELOPE_STRING && span->type != ENVELOPE_NUMBER)
                return 0;
        if (span->length >= sizeof(text))
                return 0;
        buffer_copy(&channel->from_worker, span->offset, span->length, text);
        size_t quote = span->type == ENVELOPE_STRING ? 1 : 0;
        for (size_t i = quote; i < span->length - quote; i++) {
                if (text[i] < '0' || text[i] > '9' ||
                    __builtin_mul_overflow(serial, 10U, &serial) ||
                    __builtin_add_overflow(serial, (uint64_t)(text[i] - '0'), &serial))
                        return 0;
        }
        return serial;
}

static bool is_null(const struct channel *channel, unsigned name)
{
        return channel->envelope.message.member[name].type == ENVELOPE_NULL;
}

static bool has(const struct channel *channel, unsigned name)
{
        return channel->envelope.message.member[name].type != ENVELOPE_ABSENT;
}

static void take_answer(struct channel *channel)
{
        struct channel_answer answer = {
                .serial = read_serial(channel),
                .kind = part_of(channel, KIND),
                .data = part_of(channel, DATA),
                .traceback = part_of(channel, TRACEBACK),
        };

        if (!is_null(channel, REQUEST_ID))
                answer.id = part_of(channel, REQUEST_ID);
        if (!is_null(channel, RESULT) || !has(channel, ERROR) || is_null(channel, ERROR))
                answer.result = part_of(channel, RESULT);
        if (!is_null(channel, ERROR) || !has(channel, RESULT))
                answer.error = part_of(channel, ERROR);
        channel->events->answered(channel->userdata, &answer);
}

static void take_call(struct channel *channel)
{
        const struct envelope_span *member = channel->envelope.message.member;
        struct channel_call call = {
                .source = &channel->from_worker,
                .length = channel->envelope.length,
                .id = member[REQUEST_ID],
                .command = member[COMMAND],
                .data = member[DATA],
                .timeout = member[TIMEOUT],
                .within = member[WITHIN],
        };

        if (member[RESULT].type != ENVELOPE_ABSENT || member[ERROR].type != ENVELOPE_ABSENT)
                break_channel(channel, "it wrote a line that is an answer and a call as well");
        else
                channel->events->called(channel->userdata, &call);
}

static void take_line(struct channel *channel)
{
        const struct envelope *envelope = &channel->envelope;

        if (envelope->is_blank)
                return;
        if (envelope->error != ENVELOPE_OK || envelope->message.value.type != ENVELOPE_OBJECT ||
            envelope->message.fault != ENVELOPE_FAULT_NONE) {
                break_channel(channel, "it wrote a line that is no message to the answer pipe");
                return;
        }
        if (has(channel, COMMAND))
                take_call(channel);
        else
                take_answer(channel);
}

/* A line is a call as soon as the name of what it calls has come. */
static size_t max_length(const struct channel *channel)
{
        return has(channel, COMMAND) ? channel->max_call : channel->max_answer;
}

static void refuse_length(struct channel *channel)
{
        if (has(channel, COMMAND)) {
                break_channel(channel, "a call that it makes is far over max_request_size");
        } else {
                break_channel(channel, "its answer is far over max_response_size");
                channel->events->too_large(channel->userdata, read_serial(channel));
        }
}

/* Scans what has come since the last time. */
static void scan_all(struct channel *channel)
{
        struct envelope *envelope = &channel->envelope;
        const uint8_t *data;
        size_t length, used;

        while (!channel->has_ended &&
               (length = buffer_peek(&channel->from_worker, envelope->length, &data)) > 0) {
                enum envelope_progress progress = envelope_feed(envelope, data, length, &used);

                if (envelope->error != ENVELOPE_OK) {
                        break_channel(channel, "it wrote to the answer pipe what is not JSON");
                } else if (envelope->length > max_length(channel)) {
                        refuse_length(channel);
                } else if (progress == ENVELOPE_LINE) {
                        take_line(channel);
                        buffer_drop(&channel->from_worker, envelope->length + 1);
                        envelope_reset(envelope);
                }
        }
}

static void scan(struct channel *channel)
{
        bool was_scanning = channel->is_scanning;

        channel->is_scanning = true;
        scan_all(channel);
        channel->is_scanning = was_scanning;
}

int channel_take(struct channel *channel, const void *lines, size_t length)
{
        struct buffer from_worker = channel->from_worker;
        struct envelope envelope = channel->envelope;
        bool has_ended = channel->has_ended;

        buffer_init(&channel->from_worker, from_worker.pool);
        envelope_init(&channel->envelope, &answer_names, 0);
        channel->has_ended = false;
        int r = buffer_append(&channel->from_worker, lines, length);
        if (r == 0)
                scan(channel);
        buffer_clear(&channel->from_worker);
        envelope_clear(&channel->envelope);
        channel->from_worker = from_worker;
        channel->envelope = envelope;
        channel->has_ended |= has_ended;
        return r;
}

/* The count that was read; 0: nothing is there now, or ever. */
static size_t read_once(struct channel *channel)
{
        ssize_t got = buffer_read(&channel->from_worker, channel->out_fd,
                                  buffer_read_limit(channel->envelope.length));

        if (got == -EAGAIN)
                return 0;
        if (got > 0) {
                scan(channel);
                return (size_t)got;
        }
        end_channel(channel, "it closed the pipe that it answers on", channel->events->closed);
        return 0;
}

static void on_readable(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd;
        (void)what;
        read_once(userdata);
}

int channel_init(struct channel *channel, struct event_base *base, struct turn *turn,
                 struct buffer_pool *buffers, int in_fd, int out_fd, uint64_t max_response_size,
                 uint64_t max_request_size, const struct channel_events *events, void *userdata)
{
        *channel = (struct channel){
                .events = events,
                .userdata = userdata,
                .turn = turn,
                .flush.run = flush,
                .in_fd = in_fd,
                .out_fd = out_fd,
                .max_answer = max_response_size + LINE_OVERHEAD,
                .max_call = max_request_size + LINE_OVERHEAD,
        };
        buffer_init(&channel->to_worker, buffers);
        buffer_init(&channel->from_worker, buffers);
        envelope_init(&channel->envelope, &answer_names, 0);
        channel->read_event = event_new(base, out_fd, EV_READ | EV_PERSIST, on_readable, channel);
        channel->write_event = event_new(base, in_fd, EV_WRITE, on_writable, channel);
        channel->refusal_event = event_new(base, in_fd, EV_READ | EV_PERSIST, on_refusal, channel);
        if (!channel->read_event || !channel->write_event || !channel->refusal_event ||
            event_add(channel->read_event, NULL) < 0 || event_add(channel->refusal_event, NULL) < 0)
                return -ENOMEM;
        return 0;
}

void channel_clear(struct channel *channel)
{
        turn_forget(&channel->flush);
        if (channel->read_event)
                event_free(steal(channel->read_event));
        if (channel->write_event)
                event_free(steal(channel->write_event));
        if (channel->refusal_event)
                event_free(steal(channel->refusal_event));
        channel->in_fd = close_fd(channel->in_fd);
        channel->out_fd = close_fd(channel->out_fd);
        buffer_clear(&channel->to_worker);
        buffer_clear(&channel->from_worker);
        envelope_clear(&channel->envelope);
}

/* Writes the number's digits, and gives their end. printf() would cost as much as a tenth of all
 * that is done for a request. */
static char *write_serial(char *out, uint64_t serial)
{
        char digits[SERIAL_TEXT_MAX];
        char *first = digits + sizeof(digits);

        do
                *--first = (char)('0' + serial % 10);
        while (serial /= 10);
        return mempcpy(out, first, (size_t)(digits + sizeof(digits) - first));
}

static int append_head(struct channel *channel, const struct request *request)
{
        char text[64 + SERIAL_TEXT_MAX + 6 * REQUEST_FUNCTION_MAX];
        char *end = stpcpy(text, "{\"request_id\":\"");

        end = write_serial(end, request->serial);
        end = stpcpy(end, "\",\"command\":\"");
        end += text_escape(request->function, request->function_length, end);
        end = stpcpy(end, "\",\"data\":");
        return buffer_append(&channel->to_worker, text, (size_t)(end - text));
}

/* An array in the call of a program holds the arguments one by one; in that of a client it may be
 * an argument. */
static bool is_positional(const struct request *request)
{
        const uint8_t *first = (const uint8_t *)request->params;

        if (!request->parent || request->params_length == 0)
                return false;
        if (!first)
                buffer_peek(&request->large_params, 0, &first);
        return *first == '[';
}

static int append_tail(struct channel *channel, const struct request *request)
{
        static const char mark[] = ",\"positional\":true";
        int r = 0;

        if (channel->marks_positional && is_positional(request))
                r = buffer_append(&channel->to_worker, mark, sizeof(mark) - 1);
        return r < 0 ? r : buffer_append(&channel->to_worker, "}\n", 2);
}

int channel_send(struct channel *channel, const struct request *request)
{
        struct buffer *out = &channel->to_worker;
        int r = append_head(channel, request);

        if (r == 0 && request->params_length == 0)
                r = buffer_append(out, "{}", 2);
        else if (r == 0)
                r = request_write_params(request, out);
        if (r == 0)
                r = append_tail(channel, request);
        turn_defer(channel->turn, &channel->flush);
        return r;
}

int channel_answer(struct channel *channel, const char *id, size_t id_length,
                   const struct rpc_answer *answer)
{
        static const char begin[] = "{\"request_id\":";
        struct buffer *out = &channel->to_worker;
        int r = buffer_append(out, begin, sizeof(begin) - 1);

        if (r == 0)
                r = buffer_append(out, id, id_length);
        if (r == 0)
                r = buffer_append(out, ",", 1);
        if (r == 0)
                r = rpc_answer_write_outcome(answer, out);
        if (r == 0)
                r = buffer_append(out, "\n", 1);
        turn_defer(channel->turn, &channel->flush);
        return r;
}

void channel_close_input(struct channel *channel)
{
        channel->is_closing = true;
        turn_defer(channel->turn, &channel->flush);
}

bool channel_has_unread(const struct channel *channel)
{
        int unread = 0;

        if (!buffer_is_empty(&channel->to_worker))
                return true;
        return channel->in_fd >= 0 && ioctl(channel->in_fd, FIONREAD, &unread) == 0 && unread > 0;
}

size_t channel_unfinished(const struct channel *channel, char *text, size_t size)
{
        size_t length = channel->from_worker.length;

        if (length > size)
                length = size;
        buffer_copy(&channel->from_worker, 0, length, text);
        return length;
}

void channel_drain(struct channel *channel)
{
        size_t got = 1;

        for (size_t total = 0; !channel->has_ended && got > 0 && total < DRAIN_MAX; total += got)
                got = read_once(channel);
}
