/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The memory that a worker shares with the daemon: two memfds that nobody can resize.
 *
 * The worker writes the first one. It counts there how many requests it has begun and ended, which
 * costs no system call; and it writes its Python stacks there, as text, through the descriptor's
 * own offset, which is the daemon's as well.
 *
 * Only the daemon writes the second one: which of the requests are to be skipped or interrupted.
 * The n-th request that a worker gets has the cell n % PAGES_CELLS; the cell says which n it means.
 *
 * What stands in the first one is the word of a process that may have gone mad: it is looked at,
 * never trusted.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGES_COUNTERS_SIZE 65536U
#define PAGES_TEXT_OFFSET   4096U
#define PAGES_TEXT_MAX      (PAGES_COUNTERS_SIZE - PAGES_TEXT_OFFSET)
#define PAGES_WANTED_SIZE   4096U
#define PAGES_CELLS         512U

enum { PAGES_COUNTERS, PAGES_WANTED, PAGES_COUNT };

struct pages {
        int fd[PAGES_COUNT];
        const uint64_t *counters; /* begun, ended */
        uint64_t *wanted;
};

/* An initializer with nothing in it. */
#define PAGES_NONE                                                                                 \
        {                                                                                          \
                .fd = { -1, -1 }                                                                   \
        }

/* Makes both, ready to be passed on. 0 or a negative errno. */
int pages_open(struct pages *pages);
void pages_clear(struct pages *pages);
/* The worker has its own: this one is of no further use. */
void pages_close_wanted(struct pages *pages);

/* How many requests the worker says that it has begun and ended. The ended ones are read first, so
 * that they are never more than the begun ones. */
struct pages_counts {
        uint64_t started, finished;
};
struct pages_counts pages_counts(const struct pages *pages);

/* The n-th request of the worker is not wanted any more. If it has not begun by the counters that
 * are read after this, the worker will see it before it begins. */
void pages_want(struct pages *pages, uint64_t ordinal, bool is_cancelled);
/* Why it is not wanted. */
bool pages_is_cancelled(const struct pages *pages, uint64_t ordinal);

/* From here on the worker's next stack is written where pages_text() looks for it. */
void pages_rewind_text(struct pages *pages);
/* The text that has come since: its length, and as much of it as there is room for. */
size_t pages_text(const struct pages *pages, char *text, size_t room);
/* Its last byte is the one that says that nothing is to come. */
bool pages_text_has_ended(const struct pages *pages);
