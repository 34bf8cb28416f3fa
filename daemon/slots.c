/* SPDX-License-Identifier: MIT */
#include "slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BITS 64

int slots_grow(struct slots *slots, unsigned n)
{
        size_t n_words = ((size_t)n + WORD_BITS - 1) / WORD_BITS;

        if (n_words <= slots->n_words)
                return 0;
        uint64_t *bits = reallocarray(slots->bits, n_words, sizeof(*bits));
        if (!bits)
                return -ENOMEM;
        memset(bits + slots->n_words, 0, (n_words - slots->n_words) * sizeof(*bits));
        slots->bits = bits;
        slots->n_words = n_words;
        return 0;
}

void slots_clear(struct slots *slots)
{
        free(slots->bits);
        *slots = (struct slots){0};
}

unsigned slots_first_free(const struct slots *slots)
{
        size_t word = 0;

        while (word < slots->n_words && slots->bits[word] == UINT64_MAX)
                word++;
        unsigned bit = word < slots->n_words ? (unsigned)__builtin_ctzll(~slots->bits[word]) : 0;
        return (unsigned)(word * WORD_BITS) + bit;
}

void slots_take(struct slots *slots, unsigned slot)
{
        slots->bits[slot / WORD_BITS] |= 1ULL << (slot % WORD_BITS);
}

void slots_release(struct slots *slots, unsigned slot)
{
        slots->bits[slot / WORD_BITS] &= ~(1ULL << (slot % WORD_BITS));
}
