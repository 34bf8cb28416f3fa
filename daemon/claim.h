/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Which request an answer is for, where the program writes its answers itself: it may leave out the
 * request_id, or get it wrong. No request must get what was meant for another.
 */
#include <stdbool.h>
#include <stdint.h>

struct channel_answer;
struct ledger;

enum claim {
        CLAIM_ONE,     /* for the request with the ordinal that is told */
        CLAIM_FOREIGN, /* for one that the worker never had; it has this one alone */
        CLAIM_STRAY,   /* for none: the worker has no request, or has answered it before */
        CLAIM_UNCLEAR, /* for one of several */
};

/* is_read: the worker has read all that it was sent. What it has not read it cannot answer. */
enum claim claim_of(struct ledger *ledger, const struct channel_answer *answer, bool is_read,
                    uint64_t *ret_ordinal);
