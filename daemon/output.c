/* SPDX-License-Identifier: MIT */
#include "output.h"

#include "common/cleanup.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>

#define MARK       '\x1e'
#define READ_SIZE  65536
#define DRAIN_MAX  (1024 * 1024)
#define DIGITS_MAX 20

/* Takes the mark off a line's beginning. */
static void take_mark(struct output *output, const char **text, size_t *length)
{
        const char *end = *text + *length, *p = *text;
        uint64_t serial = 0;

        output->serial = 0;
        if (*length < 3 || *p++ != MARK)
                return;
        while (p < end && p <= *text + DIGITS_MAX && *p >= '0' && *p <= '9')
                serial = serial * 10 + (uint64_t)(*p++ - '0');
        if (p == end || *p != MARK)
                return;
        output->serial = serial;
        *length = (size_t)(end - p - 1);
        *text = p + 1;
}

static void keep_tail(struct output *output, const char *text, size_t length)
{
        if (!output->tail)
                output->tail = malloc(OUTPUT_TAIL_MAX);
        if (!output->tail)
                return;
        if (length > OUTPUT_TAIL_MAX - 1) {
                text += length - (OUTPUT_TAIL_MAX - 1);
                length = OUTPUT_TAIL_MAX - 1;
        }
        size_t room = OUTPUT_TAIL_MAX - output->tail_length;
        if (length + 1 > room) {
                size_t gone = length + 1 - room;
                memmove(output->tail, output->tail + gone, output->tail_length - gone);
                output->tail_length -= gone;
        }
        memcpy(output->tail + output->tail_length, text, length);
        output->tail[output->tail_length + length] = '\n';
        output->tail_length += length + 1;
}

/* Tells a piece of the line that is being read; its mark stands at the beginning of the first. */
static void tell(struct output *output, const char *text, size_t length, bool is_last)
{
        if (!output->is_continued)
                take_mark(output, &text, &length);
        if (length > 0 || !output->is_continued) {
                output->line(output->userdata, output->serial, text, length);
                if (output->serial == 0 || output->serial >= output->tail_serial)
                        keep_tail(output, text, length);
        }
        output->is_continued = !is_last;
}

/* Tells what is kept of the line, with `text` behind it, which must fit. */
static void tell_kept(struct output *output, const char *text, size_t length, bool is_last)
{
        if (!output->partial) {
                tell(output, text, length, is_last);
                return;
        }
        memcpy(output->partial + output->partial_length, text, length);
        tell(output, output->partial, output->partial_length + length, is_last);
        free(steal(output->partial));
        output->partial_length = 0;
}

/* Keeps what has no newline yet. */
static void keep(struct output *output, const char *text, size_t length)
{
        if (!output->partial)
                output->partial = malloc(OUTPUT_LINE_MAX);
        if (!output->partial) {
                tell_kept(output, text, length, false);
                return;
        }
        memcpy(output->partial + output->partial_length, text, length);
        output->partial_length += length;
}

/* More of the line that is being read. */
static void add(struct output *output, const char *text, size_t length, bool is_last)
{
        while (output->partial_length + length > OUTPUT_LINE_MAX) {
                size_t part = OUTPUT_LINE_MAX - output->partial_length;
                tell_kept(output, text, part, false);
                text += part;
                length -= part;
        }
        if (is_last)
                tell_kept(output, text, length, true);
        else if (length > 0)
                keep(output, text, length);
}

static void take(struct output *output, const char *text, size_t length)
{
        const char *end = text + length, *newline;

        while ((newline = memchr(text, '\n', (size_t)(end - text)))) {
                add(output, text, (size_t)(newline - text), true);
                text = newline + 1;
        }
        add(output, text, (size_t)(end - text), false);
}

/* The count that was read; 0: nothing is there now, or ever. */
static size_t read_once(struct output *output)
{
        char text[READ_SIZE];
        ssize_t got;

        do
                got = read(output->fd, text, sizeof(text));
        while (got < 0 && errno == EINTR);
        if (got < 0 && errno == EAGAIN)
                return 0;
        if (got <= 0) {
                event_del(output->event);
                output->fd = close_fd(output->fd);
                return 0;
        }
        take(output, text, (size_t)got);
        return (size_t)got;
}

static void on_readable(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd;
        (void)what;
        read_once(userdata);
}

int output_init(struct output *output, struct event_base *base, int fd, output_line_fn *line,
                void *userdata)
{
        *output = (struct output){.fd = fd, .line = line, .userdata = userdata};
        output->event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, output);
        return output->event && event_add(output->event, NULL) == 0 ? 0 : -ENOMEM;
}

void output_clear(struct output *output)
{
        if (output->event)
                event_free(output->event);
        output->event = NULL;
        output->fd = close_fd(output->fd);
        free(steal(output->partial));
        free(steal(output->tail));
}

void output_drain(struct output *output)
{
        size_t got = 1;

        for (size_t total = 0; output->fd >= 0 && got > 0 && total < DRAIN_MAX; total += got)
                got = read_once(output);
        if (output->partial || output->is_continued)
                add(output, "", 0, true);
}

void output_forget_tail(struct output *output, uint64_t serial)
{
        output->tail_serial = serial;
        output->tail_length = 0;
}
