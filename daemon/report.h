/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A worker's status pipe: JSON lines with which it tells that it is ready, what it can do, and what
 * went wrong. They are few, so they become trees.
 */
#include "common/buffer.h"

#include <stdbool.h>

struct event;
struct event_base;
struct json_object;

#define REPORT_LINE_MAX (4U * 1024U * 1024U)

struct report_events {
        void (*line)(void *userdata, struct json_object *line); /* an object; borrowed */
        void (*broken)(void *userdata, const char *reason);     /* it wrote what is no such line */
};

struct report {
        const struct report_events *events;
        void *userdata;
        struct event *event;
        int fd;
        struct buffer input;
        size_t scanned; /* bytes of the input without a newline */
};

/* Takes the descriptor, also where it fails. 0 or -ENOMEM. */
int report_init(struct report *report, struct event_base *base, struct buffer_pool *buffers, int fd,
                const struct report_events *events, void *userdata);
void report_clear(struct report *report);
/* Takes what is there and does not wait: for a process that has ended. A grandchild may still hold
 * the pipe, and write to it for ever: a megabyte is enough. */
void report_drain(struct report *report);
