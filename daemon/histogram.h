/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * How long things took, in fixed memory: each power of two is divided into 32 buckets, so that a
 * quantile is wrong by less than 2 %, from a microsecond to more than a day. To record is a few
 * instructions and one cache line.
 */
#include <stdint.h>

#ifndef HISTOGRAM_PART_BITS
#define HISTOGRAM_PART_BITS 5U /* 32 buckets to each power of two */
#endif
#define HISTOGRAM_SIZE_BITS 37U /* what takes 2^37 microseconds (38 hours) or longer is all one */
#define HISTOGRAM_BUCKETS   ((HISTOGRAM_SIZE_BITS - HISTOGRAM_PART_BITS + 1U) << HISTOGRAM_PART_BITS)

struct histogram {
        uint64_t count, sum, max;
        uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_index(uint64_t value)
{
        if (value >> HISTOGRAM_SIZE_BITS)
                return HISTOGRAM_BUCKETS - 1;
        /* Up to here a bucket for each value; an or of one bit more keeps clz defined for 0. */
        unsigned bits = 63U - (unsigned)__builtin_clzll(value | 1U << HISTOGRAM_PART_BITS);
        unsigned shift = bits - HISTOGRAM_PART_BITS;
        return (shift << HISTOGRAM_PART_BITS) + (unsigned)(value >> shift);
}

static inline void histogram_record(struct histogram *histogram, uint64_t value)
{
        histogram->buckets[histogram_index(value)]++;
        histogram->count++;
        histogram->sum += value;
        if (value > histogram->max)
                histogram->max = value;
}

void histogram_add(struct histogram *histogram, const struct histogram *other);
/* What so many of a thousand values do not exceed: 990 for p99. 0 if there are none. */
uint64_t histogram_quantile(const struct histogram *histogram, unsigned per_mille);
