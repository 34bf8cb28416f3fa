/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The numbers of a pool's workers: each living one has its own, the lowest that was free.
 */
#include <stddef.h>
#include <stdint.h>

struct slots {
        uint64_t *bits; /* one for each number in use */
        size_t n_words;
};

/* Makes room for numbers below n; it never shrinks. 0 or -ENOMEM. */
int slots_grow(struct slots *slots, unsigned n);
void slots_clear(struct slots *slots);

/* The lowest number that nobody has, which may be one that there is no room for. */
unsigned slots_first_free(const struct slots *slots);
/* A number that there is room for. */
void slots_take(struct slots *slots, unsigned slot);
void slots_release(struct slots *slots, unsigned slot);
