/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the outlet of the log could not take at once, in order and bounded. Lines past the bound are
 * lost and counted, until half of the queue has been written: then the count is told in their
 * place.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct event;
struct event_base;
struct log_outlet;
struct log_queued;

/* Bytes that may wait. The last part is for what operators must not miss. */
#define LOG_QUEUE_MAX      ((size_t)4 * 1024 * 1024)
#define LOG_QUEUE_RESERVED (LOG_QUEUE_MAX / 4)

struct log_queue {
        const struct log_outlet *outlet;
        STAILQ_HEAD(, log_queued) lines;
        size_t size;
        size_t done;                 /* of the first one: written already */
        uint64_t lost;               /* since the last line that could be taken */
        struct event_base *base;     /* NULL: there is no loop */
        struct event *event;         /* what is waited for; NULL: nothing */
        bool is_dropping;            /* it ran full, and is not half empty yet */
        uint64_t back_off, retry_at; /* while nobody is there to take anything */
};

/* Takes one entry, and writes it, or keeps it, or counts it. */
void log_queue_put(struct log_queue *queue, const char *bytes, size_t length, bool is_important);
void log_queue_attach(struct log_queue *queue, struct event_base *base); /* NULL: to none */
/* Writes what waits until the outlet has taken it, is not there, or the time is over. */
void log_queue_finish(struct log_queue *queue, uint64_t usec);
/* Forgets what waits. */
void log_queue_clear(struct log_queue *queue);
