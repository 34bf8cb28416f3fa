/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What was sent to a worker and is not answered by it yet, in the order of sending. The n-th
 * request that a worker gets has the ordinal n: so the worker counts them, too.
 *
 * A request that was answered in another way meanwhile - at its deadline, say - stays here as an
 * entry without a request, so that the worker's late answer is known for what it is, and reaches
 * nobody.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request;

#define LEDGER_SIZE 64U /* a power of two, and fewer than there are cells in the shared page */

struct ledger_entry {
        uint64_t serial;
        struct request *request; /* NULL: nobody waits for it any more */
        bool is_answered;        /* before one that was sent earlier */
        bool is_skipped;         /* its worker has not begun it, and never will */
        bool may_be_skipped;     /* it began just when it was to be taken back */
        size_t bytes;            /* that it takes of the pipe, about */
        uint64_t expected;       /* how long it will run, in nanoseconds */
};

struct ledger {
        struct ledger_entry entry[LEDGER_SIZE]; /* of ordinal n at n % LEDGER_SIZE */
        uint64_t answered;                      /* all up to this ordinal */
        uint64_t sent;                          /* the ordinal of the last one */
        uint64_t head_since; /* when the first one that is not answered came to be the first */
        size_t bytes;        /* of all that are not answered, together */
        uint64_t expected;
};

static inline bool ledger_is_empty(const struct ledger *ledger)
{
        return ledger->answered == ledger->sent;
}

static inline bool ledger_is_full(const struct ledger *ledger)
{
        return ledger->sent - ledger->answered == LEDGER_SIZE;
}

/* How many are not answered. */
static inline unsigned ledger_length(const struct ledger *ledger)
{
        return (unsigned)(ledger->sent - ledger->answered);
}

/* Books a request that is sent now, and gives its ordinal. There must be room. */
uint64_t ledger_add(struct ledger *ledger, struct request *request, uint64_t serial, uint64_t now);
/* Books what one that is not answered costs, in place of what was booked for it before. */
void ledger_expect(struct ledger *ledger, uint64_t ordinal, uint64_t expected, size_t bytes);
/* The entry with this ordinal; NULL: it was never sent, or is answered. */
struct ledger_entry *ledger_at(struct ledger *ledger, uint64_t ordinal);
/* The ordinal of what has this serial; 0: there is none that is not answered. */
uint64_t ledger_find(struct ledger *ledger, uint64_t serial);
/* Whether it is one of the last LEDGER_SIZE requests, and answered. */
bool ledger_has_answered(const struct ledger *ledger, uint64_t serial);
/* The worker has answered it. */
void ledger_answered(struct ledger *ledger, uint64_t ordinal, uint64_t now);
/* The ordinal of the first one that is not answered; 0: there is none. */
static inline uint64_t ledger_head(const struct ledger *ledger)
{
        return ledger_is_empty(ledger) ? 0 : ledger->answered + 1;
}
/* The first request that somebody still waits for; NULL: there is none. */
struct request *ledger_first_request(struct ledger *ledger);
/* How many such requests there are. */
unsigned ledger_count_requests(const struct ledger *ledger);
