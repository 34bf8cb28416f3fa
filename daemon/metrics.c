/* SPDX-License-Identifier: MIT */
#include "metrics.h"

#include "request.h"

#include <string.h>

void metric_record(struct metric *metric, uint64_t now, uint64_t value)
{
        uint64_t window = now / METRIC_WINDOW;
        struct histogram *recent = &metric->recent[window & 1].histogram;

        if (metric->recent[window & 1].window != window) {
                metric->recent[window & 1].window = window;
                memset(recent, 0, sizeof(*recent));
        }
        histogram_record(recent, value);
        histogram_record(&metric->all, value);
}

void metric_recent(const struct metric *metric, uint64_t now, struct histogram *ret)
{
        uint64_t window = now / METRIC_WINDOW;

        memset(ret, 0, sizeof(*ret));
        for (unsigned i = 0; i < 2; i++)
                if (metric->recent[i].window == window || metric->recent[i].window + 1 == window)
                        histogram_add(ret, &metric->recent[i].histogram);
}

static uint64_t between(uint64_t earlier, uint64_t later)
{
        return later > earlier ? later - earlier : 0;
}

void metrics_waited(struct metrics *metrics, const struct request *request, uint64_t now)
{
        metric_record(&metrics->queue_wait, now, between(request->received, now));
}

void metrics_ran(struct metrics *metrics, const struct request *request, uint64_t ran, uint64_t now)
{
        metric_record(&metrics->queue_wait, now, between(request->received + ran, now));
        metric_record(&metrics->run_time, now, ran);
}
