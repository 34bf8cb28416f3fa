/* SPDX-License-Identifier: MIT */
#include "histogram.h"

/* The middle of what a bucket stands for. */
static uint64_t middle(unsigned index)
{
        unsigned part = index >> HISTOGRAM_PART_BITS;
        unsigned shift = part > 0 ? part - 1 : 0;
        uint64_t lowest = (uint64_t)(index - (shift << HISTOGRAM_PART_BITS)) << shift;

        return lowest + ((1ULL << shift) >> 1);
}

void histogram_add(struct histogram *histogram, const struct histogram *other)
{
        for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
                histogram->buckets[i] += other->buckets[i];
        histogram->count += other->count;
        histogram->sum += other->sum;
        if (other->max > histogram->max)
                histogram->max = other->max;
}

/* The rank of the value that is asked for, among all from 1; count * per_mille could overflow. */
static uint64_t rank_of(uint64_t count, unsigned per_mille)
{
        return count / 1000 * per_mille + (count % 1000 * per_mille + 999) / 1000;
}

uint64_t histogram_quantile(const struct histogram *histogram, unsigned per_mille)
{
        uint64_t rank = rank_of(histogram->count, per_mille), seen = 0;

        if (rank >= histogram->count)
                return histogram->max;
        for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
                seen += histogram->buckets[i];
                if (seen >= rank && seen > 0)
                        return middle(i) < histogram->max ? middle(i) : histogram->max;
        }
        return histogram->max;
}
