/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The memory that a worker shares with the daemon: two memfds that nobody can resize.
 *
 * The worker writes the first one. It counts there how many requests it has begun and ended, and
 * tells how long each ran, which costs no system call. It keeps answers there that it holds back
 * for a moment, so that several are written to its pipe at once: whatever becomes of it, they are
 * not lost. And it writes its Python stacks there, as text, through the descriptor's own offset,
 * which is the daemon's as well; they stand last, for only the end of the file bounds what is
 * written when it crashes.
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

#define PAGES_COUNTERS_SIZE 131072U
#define PAGES_HELD_OFFSET   4096U
#define PAGES_HELD_MAX      65536U
#define PAGES_TEXT_OFFSET   (PAGES_HELD_OFFSET + PAGES_HELD_MAX)
#define PAGES_TEXT_MAX      (PAGES_COUNTERS_SIZE - PAGES_TEXT_OFFSET)
#define PAGES_RUN_TIMES     64U /* of so many requests, the last that have ended */
#define PAGES_RUN_TIMES_AT  64U /* the word of the first one: that of the n-th is n % 64 further */
#define PAGES_HELD_WORD     2U  /* which time they are gathered << 32 | how many bytes there are */
#define PAGES_WANTED_SIZE   4096U
#define PAGES_CELLS         512U

enum { PAGES_COUNTERS, PAGES_WANTED, PAGES_COUNT };

struct pages {
        int fd[PAGES_COUNT];
        const uint64_t *counters; /* begun, ended, held; run times from PAGES_RUN_TIMES_AT on */
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

/* How long the n-th request ran, in nanoseconds, if it is one of the last PAGES_RUN_TIMES that the
 * worker says have ended. */
uint64_t pages_run_time(const struct pages *pages, uint64_t ordinal);
/* Copies the answers that the worker holds: whole lines, of PAGES_HELD_MAX bytes at most. Returns
 * how many bytes there are; 0: none, or it has just written them to its pipe. */
size_t pages_held(const struct pages *pages, void *copy);

/* The n-th request of the worker is not wanted any more. If it has not begun by the counters that
 * are read after this, the worker will see it before it begins. */
void pages_want(struct pages *pages, uint64_t ordinal, bool is_cancelled);
/* It is wanted all the same. The worker may have seen that it was not. */
void pages_unwant(struct pages *pages, uint64_t ordinal);
/* Why it is not wanted. */
bool pages_is_cancelled(const struct pages *pages, uint64_t ordinal);

/* From here on the worker's next stack is written where pages_text() looks for it. */
void pages_rewind_text(struct pages *pages);
/* The text that has come since: its length, and as much of it as there is room for. */
size_t pages_text(const struct pages *pages, char *text, size_t room);
/* Its last byte is the one that says that nothing is to come. */
bool pages_text_has_ended(const struct pages *pages);
