/* SPDX-License-Identifier: MIT */
#include "units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"

#define FRACTION_DIGITS_MAX 18 /* as many as 64 bits have room for; more change nothing */

struct unit {
        const char *name;
        uint64_t factor;
};

/* Each from the largest down; of two names for one factor the first is the one written. */
static const struct unit duration_units[] = {
        {"d", 86400 * USEC_PER_SEC},
        {"h", 3600 * USEC_PER_SEC},
        {"m", 60 * USEC_PER_SEC},
        {"min", 60 * USEC_PER_SEC},
        {"s", USEC_PER_SEC},
        {"ms", USEC_PER_MSEC},
        {"us", 1},
};
static const struct unit size_units[] = {
        {"T", 1ULL << 40}, {"G", 1ULL << 30}, {"M", 1ULL << 20}, {"K", 1ULL << 10}, {"B", 1},
};

struct decimal {
        uint64_t whole;
        uint64_t fraction; /* over `scale` */
        uint64_t scale;
        bool has_rest; /* digits of the fraction past those that are counted, not all zero */
        bool overflow; /* whole has more than 64 bits */
};

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static const char *parse_whole(const char *at, struct decimal *decimal)
{
        for (; is_digit(*at); at++)
                if (__builtin_mul_overflow(decimal->whole, 10, &decimal->whole) ||
                    __builtin_add_overflow(decimal->whole, (uint64_t)(*at - '0'), &decimal->whole))
                        decimal->overflow = true;
        return at;
}

static const char *parse_fraction(const char *at, struct decimal *decimal)
{
        for (unsigned n = 0; is_digit(*at); at++, n++) {
                if (n < FRACTION_DIGITS_MAX) {
                        decimal->fraction = decimal->fraction * 10 + (uint64_t)(*at - '0');
                        decimal->scale *= 10;
                } else if (*at != '0') {
                        decimal->has_rest = true;
                }
        }
        return at;
}

/* Reads digits, with a point and more digits perhaps; *text stands behind them afterwards. */
static int parse_decimal(const char **text, struct decimal *ret)
{
        *ret = (struct decimal){.scale = 1};
        if (!is_digit(**text))
                return -EINVAL;
        *text = parse_whole(*text, ret);
        if (**text != '.')
                return 0;
        if (!is_digit((*text)[1]))
                return -EINVAL;
        *text = parse_fraction(*text + 1, ret);
        return 0;
}

/* What is less than one of the smallest unit is cut off, but nothing becomes 0, which means off. */
static int scale(const struct decimal *decimal, uint64_t factor, uint64_t *ret)
{
        unsigned __int128 value = (unsigned __int128)decimal->fraction * factor / decimal->scale;

        if (decimal->overflow)
                return -ERANGE;
        value += (unsigned __int128)decimal->whole * factor;
        if (value > UINT64_MAX)
                return -ERANGE;
        if (value == 0 && (decimal->fraction > 0 || decimal->has_rest))
                return -EINVAL;
        *ret = (uint64_t)value;
        return 0;
}

static bool is_zero(const struct decimal *decimal)
{
        return decimal->whole == 0 && decimal->fraction == 0 && !decimal->has_rest &&
               !decimal->overflow;
}

static int parse(const struct unit *units, size_t n_units, const char *text, uint64_t *ret)
{
        struct decimal decimal;
        int r;

        r = parse_decimal(&text, &decimal);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n_units; i++)
                if (strcmp(text, units[i].name) == 0)
                        return scale(&decimal, units[i].factor, ret);
        if (*text != '\0' || !is_zero(&decimal))
                return -EINVAL;
        *ret = 0;
        return 0;
}

static const char *format(const struct unit *units, size_t n_units, char *buffer, uint64_t value)
{
        const struct unit *unit = &units[n_units - 1];

        if (value == 0)
                return strcpy(buffer, "0");
        for (size_t i = 0; i < n_units; i++) {
                if (value % units[i].factor == 0) {
                        unit = &units[i];
                        break;
                }
        }
        snprintf(buffer, UNITS_TEXT_MAX, "%" PRIu64 "%s", value / unit->factor, unit->name);
        return buffer;
}

int units_parse_duration(const char *text, uint64_t *ret_usec)
{
        return parse(duration_units, ARRAY_SIZE(duration_units), text, ret_usec);
}

int units_parse_size(const char *text, uint64_t *ret_bytes)
{
        return parse(size_units, ARRAY_SIZE(size_units), text, ret_bytes);
}

const char *units_format_duration(char buffer[static UNITS_TEXT_MAX], uint64_t usec)
{
        return format(duration_units, ARRAY_SIZE(duration_units), buffer, usec);
}

const char *units_format_size(char buffer[static UNITS_TEXT_MAX], uint64_t bytes)
{
        return format(size_units, ARRAY_SIZE(size_units), buffer, bytes);
}

uint64_t units_now(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}
