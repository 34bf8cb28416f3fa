/* SPDX-License-Identifier: MIT */
#include "quota.h"

#include "common/units.h"

#include <inttypes.h>

#define TURN (5 * USEC_PER_MSEC)

bool quota_take(struct quota *quota, uint64_t burst, uint64_t interval, unsigned n_lines,
                bool are_wanted, uint64_t now)
{
        if (burst == 0)
                return true;
        /* What was dropped is told before anything else is logged. */
        if (now >= quota->until && quota->n_dropped == 0) {
                quota->until = now + interval;
                quota->n_lines = 0;
        }
        if (quota->n_lines < burst && quota->n_dropped == 0) {
                quota->n_lines += n_lines;
                return true;
        }
        bool is_first = quota->n_dropped == 0;
        if (are_wanted)
                quota->n_dropped += n_lines;
        if (is_first && quota->n_dropped > 0)
                quota->exceeded(quota->userdata, quota->until);
        return false;
}

uint64_t quota_turn(struct quota *quota, uint64_t now)
{
        if (quota->next_turn < now)
                quota->next_turn = now;
        quota->next_turn += TURN;
        return quota->next_turn;
}

uint64_t quota_maintain(struct quota *quota, const struct log_context *context, uint64_t now)
{
        if (quota->n_dropped == 0)
                return 0;
        if (now < quota->until)
                return quota->until;
        log_event(LOG_EVENT_OUTPUT_LIMITED, LOG_WARNING, context,
                  "its workers wrote too much: lines that were dropped: %" PRIu64,
                  quota->n_dropped);
        quota->n_dropped = 0;
        return 0;
}
