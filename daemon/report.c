/* SPDX-License-Identifier: MIT */
#include "report.h"

#include "common/cleanup.h"

#include <errno.h>
#include <event2/event.h>
#include <json-c/json.h>
#include <string.h>

#define DEPTH_MAX 256
#define DRAIN_MAX (1024 * 1024)

static void stop(struct report *report)
{
        event_del(report->event);
        report->fd = close_fd(report->fd);
}

static void break_report(struct report *report, const char *reason)
{
        stop(report);
        report->events->broken(report->userdata, reason);
}

static struct json_object *parse(const char *text, size_t length)
{
        struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);

        if (!tokener)
                return NULL;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        struct json_object *line = json_tokener_parse_ex(tokener, text, (int)length);
        if (json_tokener_get_error(tokener) != json_tokener_success ||
            !json_object_is_type(line, json_type_object)) {
                json_object_put(line);
                line = NULL;
        }
        json_tokener_free(tokener);
        return line;
}

static void take_line(struct report *report, size_t length)
{
        _cleanup_free_ char *text = malloc(length + 1);
        struct json_object *line = NULL;

        if (text) {
                buffer_copy(&report->input, 0, length, text);
                line = parse(text, length);
        }
        buffer_drop(&report->input, length + 1);
        report->scanned = 0;
        if (!line) {
                break_report(report, "it wrote a line to the status pipe that is no JSON object");
                return;
        }
        report->events->line(report->userdata, line);
        json_object_put(line);
}

static void scan(struct report *report)
{
        const uint8_t *data;
        size_t length;

        while (report->fd >= 0 &&
               (length = buffer_peek(&report->input, report->scanned, &data)) > 0) {
                const uint8_t *newline = memchr(data, '\n', length);
                report->scanned += newline ? (size_t)(newline - data) : length;
                if (report->scanned > REPORT_LINE_MAX)
                        break_report(report, "it wrote a line over 4 MB to the status pipe");
                else if (newline)
                        take_line(report, report->scanned);
        }
}

/* The count that was read; 0: nothing is there now, or ever. */
static size_t read_once(struct report *report)
{
        ssize_t got = buffer_read(&report->input, report->fd, BUFFER_CHUNK_SIZE);

        if (got == -EAGAIN)
                return 0;
        if (got <= 0) {
                stop(report);
                return 0;
        }
        scan(report);
        buffer_compact(&report->input);
        return (size_t)got;
}

static void on_readable(evutil_socket_t fd, short what, void *userdata)
{
        (void)fd;
        (void)what;
        read_once(userdata);
}

int report_init(struct report *report, struct event_base *base, struct buffer_pool *buffers, int fd,
                const struct report_events *events, void *userdata)
{
        *report = (struct report){.events = events, .userdata = userdata, .fd = fd};
        buffer_init(&report->input, buffers);
        report->event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, report);
        return report->event && event_add(report->event, NULL) == 0 ? 0 : -ENOMEM;
}

void report_clear(struct report *report)
{
        if (report->event)
                event_free(steal(report->event));
        report->fd = close_fd(report->fd);
        buffer_clear(&report->input);
}

void report_drain(struct report *report)
{
        size_t got = 1;

        for (size_t total = 0; report->fd >= 0 && got > 0 && total < DRAIN_MAX; total += got)
                got = read_once(report);
}
