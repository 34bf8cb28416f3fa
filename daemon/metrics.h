/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * How long the requests of a program waited, and how long they ran: since the daemon began, and of
 * late. The clock is never read for it: whoever ends a request has done so.
 */
#include "common/units.h"
#include "histogram.h"

#include <stdint.h>

struct request;

/* What is of late are the last 30 to 60 seconds: the current window and the one before. */
#define METRIC_WINDOW (30 * USEC_PER_SEC)

struct metric {
        struct histogram all;
        struct {
                uint64_t window;
                struct histogram histogram;
        } recent[2];
};

struct metrics {
        struct metric queue_wait; /* received → ended, but for ... */
        struct metric run_time;   /* ... while it ran, in whatever way it ended */
};

void metric_record(struct metric *metric, uint64_t now, uint64_t value);
/* Fills in what was recorded of late. */
void metric_recent(const struct metric *metric, uint64_t now, struct histogram *ret);

/* A request ends that has not run. */
void metrics_waited(struct metrics *metrics, const struct request *request, uint64_t now);
/* A request ends that has run for so long. */
void metrics_ran(struct metrics *metrics, const struct request *request, uint64_t ran,
                 uint64_t now);
