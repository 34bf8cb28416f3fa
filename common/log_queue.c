/* SPDX-License-Identifier: MIT */
#include "log_queue.h"

#include "cleanup.h"
#include "log.h"
#include "log_line.h"
#include "log_outlet.h"
#include "units.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define WRITES_MAX   64 /* in one turn of the loop: others wait */
#define BACK_OFF_MIN (50 * USEC_PER_MSEC)
#define BACK_OFF_MAX (5 * USEC_PER_SEC)

struct log_queued {
        STAILQ_ENTRY(log_queued) link;
        uint64_t told; /* the lines that it tells to be lost; 0: it is a line */
        size_t length;
        char bytes[];
};

static size_t size_of(size_t length)
{
        return sizeof(struct log_queued) + length;
}

static bool add(struct log_queue *queue, const char *bytes, size_t length, uint64_t told)
{
        struct log_queued *queued = malloc(size_of(length));

        if (!queued)
                return false;
        queued->told = told;
        queued->length = length;
        memcpy(queued->bytes, bytes, length);
        STAILQ_INSERT_TAIL(&queue->lines, queued, link);
        queue->size += size_of(length);
        return true;
}

static void drop_first(struct log_queue *queue)
{
        struct log_queued *first = STAILQ_FIRST(&queue->lines);

        STAILQ_REMOVE_HEAD(&queue->lines, link);
        queue->size -= size_of(first->length);
        queue->done = 0;
        free(first);
}

/* Has the count of lost lines stand behind what waits. */
static bool add_losses(struct log_queue *queue)
{
        const struct log_context context = {.event = LOG_EVENT_LOG_LOST};
        struct log_line line = {0};
        char text[64];

        int length = snprintf(text, sizeof(text), "lines of the log that were lost: %" PRIu64,
                              queue->lost);
        queue->outlet->format(&line, LOG_WARNING, &context, text, (size_t)length);
        bool is_added = !line.is_failed && add(queue, line.bytes, line.length, queue->lost);
        log_line_clear(&line);
        if (is_added)
                queue->lost = 0;
        return is_added;
}

/* Writes what waits, as far as that goes. LOG_DROPPED: nothing can be told, not even the loss. */
static enum log_written write_lines(struct log_queue *queue, unsigned max)
{
        enum log_written r = LOG_WRITTEN;

        while (max-- > 0) {
                if (STAILQ_EMPTY(&queue->lines) &&
                    (queue->lost == 0 || r == LOG_DROPPED || !add_losses(queue)))
                        return r;
                const struct log_queued *first = STAILQ_FIRST(&queue->lines);
                r = queue->outlet->write(first->bytes, first->length, &queue->done);
                if (r == LOG_BUSY || r == LOG_GONE)
                        return r;
                if (r == LOG_WRITTEN)
                        queue->back_off = 0;
                else
                        queue->lost += first->told ? first->told : 1;
                drop_first(queue);
        }
        return LOG_WRITTEN;
}

static void on_event(evutil_socket_t fd, short what, void *userdata);

static bool wait_for(struct log_queue *queue, int fd, uint64_t usec)
{
        struct timeval delay = {(time_t)(usec / USEC_PER_SEC), (suseconds_t)(usec % USEC_PER_SEC)};

        queue->event = event_new(queue->base, fd, fd >= 0 ? EV_WRITE : 0, on_event, queue);
        if (queue->event && event_add(queue->event, fd >= 0 ? NULL : &delay) == 0)
                return true;
        if (queue->event)
                event_free(steal(queue->event));
        return false;
}

/* Nobody is there: the next try is put off, further each time. */
static void put_off(struct log_queue *queue)
{
        queue->back_off = queue->back_off ? 2 * queue->back_off : BACK_OFF_MIN;
        if (queue->back_off > BACK_OFF_MAX)
                queue->back_off = BACK_OFF_MAX;
        queue->retry_at = units_now() + queue->back_off;
        if (queue->base)
                wait_for(queue, -1, queue->back_off);
}

/* Writes, and sees to it that what is left is written later. */
static void proceed(struct log_queue *queue)
{
        enum log_written r = write_lines(queue, WRITES_MAX);

        if (r == LOG_GONE)
                put_off(queue);
        else if (queue->base && !STAILQ_EMPTY(&queue->lines) &&
                 !wait_for(queue, queue->outlet->descriptor(), 0))
                put_off(queue);
}

static void on_event(evutil_socket_t fd, short what, void *userdata)
{
        struct log_queue *queue = userdata;

        (void)fd;
        (void)what;
        event_free(steal(queue->event));
        proceed(queue);
}

/* Losses come in few blocks, and so do their counts. */
static bool has_room(const struct log_queue *queue, size_t length, bool is_important)
{
        size_t max = LOG_QUEUE_MAX;

        if (!is_important)
                max = queue->is_dropping ? LOG_QUEUE_MAX / 2 : LOG_QUEUE_MAX - LOG_QUEUE_RESERVED;
        return queue->size + size_of(length) <= max;
}

/* Keeps the entry behind those that wait. */
static void keep(struct log_queue *queue, const char *bytes, size_t length, bool is_important)
{
        bool is_kept = has_room(queue, length, is_important) &&
                       (queue->lost == 0 || add_losses(queue)) && add(queue, bytes, length, 0);

        queue->lost += !is_kept;
        if (!is_important)
                queue->is_dropping = !is_kept;
        if (STAILQ_EMPTY(&queue->lines))
                queue->done = 0;
}

void log_queue_put(struct log_queue *queue, const char *bytes, size_t length, bool is_important)
{
        bool is_first = STAILQ_EMPTY(&queue->lines) && queue->lost == 0;

        if (is_first && !queue->event && queue->back_off == 0) {
                enum log_written r = queue->outlet->write(bytes, length, &queue->done);
                if (r == LOG_WRITTEN || r == LOG_DROPPED) {
                        queue->done = 0;
                        queue->lost += r == LOG_DROPPED;
                        return;
                }
        }
        keep(queue, bytes, length, is_important);
        if (!queue->event && (queue->back_off == 0 || units_now() >= queue->retry_at))
                proceed(queue);
}

void log_queue_attach(struct log_queue *queue, struct event_base *base)
{
        if (queue->event)
                event_free(steal(queue->event));
        queue->base = base;
        queue->back_off = 0;
        if (base)
                proceed(queue);
}

void log_queue_finish(struct log_queue *queue, uint64_t usec)
{
        uint64_t end = units_now() + usec, now;

        log_queue_attach(queue, NULL);
        while (!STAILQ_EMPTY(&queue->lines) || queue->lost > 0) {
                enum log_written r = write_lines(queue, WRITES_MAX);
                if (r == LOG_GONE || r == LOG_DROPPED || (now = units_now()) >= end)
                        return;
                struct pollfd ready = {.fd = queue->outlet->descriptor(), .events = POLLOUT};
                if (r == LOG_BUSY)
                        poll(&ready, 1, (int)((end - now) / USEC_PER_MSEC) + 1);
        }
}

void log_queue_clear(struct log_queue *queue)
{
        log_queue_attach(queue, NULL);
        while (!STAILQ_EMPTY(&queue->lines))
                drop_first(queue);
        queue->lost = 0;
}
