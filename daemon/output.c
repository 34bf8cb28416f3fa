/* SPDX-License-Identifier: MIT */
#include "output.h"

#include "common/cleanup.h"
#include "common/units.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>

#define MARK       '\x1e'
#define MARK_MORE  '\x1d' /* ends a mark: the next line belongs to this one */
#define READ_SIZE  65536
#define DRAIN_MAX  (1024 * 1024)
#define DIGITS_MAX 20

/* Takes the mark off the line's beginning. */
static void take_mark(struct entry_line *line)
{
        const char *end = line->text + line->length, *p = line->text;
        uint64_t serial = 0;

        if (line->length < 2 || *p++ != MARK)
                return;
        while (p < end && p <= line->text + DIGITS_MAX && *p >= '0' && *p <= '9')
                serial = serial * 10 + (uint64_t)(*p++ - '0');
        if (p == end || (*p != MARK && *p != MARK_MORE))
                return;
        line->serial = serial;
        line->has_more = *p == MARK_MORE;
        line->length = (size_t)(end - p - 1);
        line->text = p + 1;
}

/* "<3>" is what syslog and the journal have for "error". */
static void take_level(struct entry_line *line)
{
        const char *p = line->text;

        if (line->length < 3 || p[0] != '<' || p[1] < '0' || p[1] > '7' || p[2] != '>')
                return;
        line->level = p[1] - '0';
        line->text += 3;
        line->length -= 3;
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
                output->tail_told -= gone < output->tail_told ? gone : output->tail_told;
        }
        memcpy(output->tail + output->tail_length, text, length);
        output->tail[output->tail_length + length] = '\n';
        output->tail_length += length + 1;
}

static void drop_told(struct output *output)
{
        output->tail_length -= output->tail_told;
        if (output->tail_told > 0)
                memmove(output->tail, output->tail + output->tail_told, output->tail_length);
        output->tail_told = 0;
}

/* Lines come in the order in which requests run: the first one of a request that is not over says
 * that all before it are, also if their answers have not been seen. */
static bool is_of_tail(struct output *output, uint64_t serial)
{
        if (serial == 0 || serial == output->tail_serial || !output->is_open)
                return true;
        if (!output->is_open(output->is_open_userdata, serial))
                return false;
        output_forget_tail(output, serial, true);
        return true;
}

/* Tells a piece of the line that is being read; its mark stands at the beginning of the first. */
static void tell_line(struct output *output, const char *text, size_t length, bool is_last)
{
        struct entry_line *line = &output->line;

        line->text = text;
        line->length = length;
        if (!line->is_rest) {
                line->serial = 0;
                line->level = -1;
                line->has_more = false;
                take_mark(line);
                take_level(line);
        }
        if (line->length > 0 || !line->is_rest) {
                entry_add(&output->entry, line, units_now());
                if (is_of_tail(output, line->serial))
                        keep_tail(output, line->text, line->length);
                if (line->serial != 0 && line->serial == output->tail_serial)
                        output->tail_told = output->tail_length;
        }
        line->is_rest = !is_last;
}

/* Tells what is kept of the line, with `text` behind it, which must fit. */
static void tell_kept(struct output *output, const char *text, size_t length, bool is_last)
{
        if (!output->partial) {
                tell_line(output, text, length, is_last);
                return;
        }
        memcpy(output->partial + output->partial_length, text, length);
        tell_line(output, output->partial, output->partial_length + length, is_last);
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

static void arm(struct output *output);

static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
        struct output *output = userdata;
        uint64_t now = units_now();

        (void)fd;
        (void)what;
        if (output->entry.due != 0 && output->entry.due <= now)
                entry_flush(&output->entry);
        if (output->resume_at != 0 && output->resume_at <= now) {
                output->resume_at = 0;
                if (output->fd >= 0)
                        event_add(output->event, NULL);
        }
        arm(output);
}

/* Sees to it that what is held will be told, and that reading goes on. */
static void arm(struct output *output)
{
        uint64_t due = units_sooner(output->entry.due, output->resume_at), now;

        if (due == 0)
                return;
        now = units_now();
        uint64_t wait = due > now ? due - now : 0;
        struct timeval delay = {(time_t)(wait / USEC_PER_SEC), (suseconds_t)(wait % USEC_PER_SEC)};
        event_add(output->timer, &delay);
}

void output_pause(struct output *output, uint64_t until)
{
        output->resume_at = until;
        event_del(output->event);
        arm(output);
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
        arm(output);
        return (size_t)got;
}

static void on_readable(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd;
        (void)what;
        read_once(userdata);
}

int output_init(struct output *output, struct event_base *base, int fd, int level, entry_fn *tell,
                void *userdata)
{
        *output = (struct output){.fd = fd};
        entry_init(&output->entry, level, tell, userdata);
        output->event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, output);
        output->timer = evtimer_new(base, on_timer, output);
        return output->event && output->timer && event_add(output->event, NULL) == 0 ? 0 : -ENOMEM;
}

void output_clear(struct output *output)
{
        if (output->event)
                event_free(output->event);
        output->event = NULL;
        if (output->timer)
                event_free(steal(output->timer));
        entry_clear(&output->entry);
        output->fd = close_fd(output->fd);
        free(steal(output->partial));
        free(steal(output->tail));
}

void output_drain(struct output *output)
{
        size_t got = 1;

        for (size_t total = 0; output->fd >= 0 && got > 0 && total < DRAIN_MAX; total += got)
                got = read_once(output);
        if (output->partial || output->line.is_rest)
                add(output, "", 0, true);
        entry_flush(&output->entry);
}

void output_forget_tail(struct output *output, uint64_t serial, bool has_begun)
{
        if (serial != 0 && serial == output->tail_serial)
                return; /* its first lines have come already */
        output->tail_serial = serial;
        if (has_begun)
                drop_told(output);
        else
                output->tail_told = output->tail_length = 0;
}
