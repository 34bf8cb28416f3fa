/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Durations ("250ms", "30s", "5m") and sizes ("64K", "512M") as people write them.
 *
 * Durations are microseconds: us, ms, s, m (or min), h, d. Sizes are bytes, powers of 1024:
 * B, K, M, G, T. A number may have a fraction ("1.5s"); a bare number other than 0 is refused,
 * since nobody can tell which unit was meant.
 * Errors: -EINVAL not such a text, -ERANGE past 64 bits.
 */
#include <stddef.h>
#include <stdint.h>

#define USEC_PER_MSEC 1000ULL
#define USEC_PER_SEC  1000000ULL

int units_parse_duration(const char *text, uint64_t *ret_usec);
int units_parse_size(const char *text, uint64_t *ret_bytes);

#define UNITS_TEXT_MAX 32
/* The shortest exact text that parses back to the value ("90s", "1500ms", "64K", "0"). */
const char *units_format_duration(char buffer[static UNITS_TEXT_MAX], uint64_t usec);
const char *units_format_size(char buffer[static UNITS_TEXT_MAX], uint64_t bytes);

/* CLOCK_MONOTONIC in microseconds. */
uint64_t units_now(void);
/* The earlier of two times, of which 0 is none. */
static inline uint64_t units_sooner(uint64_t a, uint64_t b)
{
        return a == 0 || (b != 0 && b < a) ? b : a;
}
