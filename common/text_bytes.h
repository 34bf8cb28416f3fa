/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the inside of a JSON string is made of: plain bytes, found in steps of a register's width,
 * and escapes. For the scanner and the text functions alike.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define TEXT_EVERY(byte) (0x0101010101010101ULL * (byte)) /* the byte, eight times */

/* Stands for itself in a JSON string: ASCII, but no control character, quote or backslash. */
static inline bool text_is_plain(uint8_t byte)
{
        return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

#ifdef __SSE2__
/* The first byte of [p, end) that is not plain; at worst the last few are left for the caller. */
static inline const uint8_t *text_plain_blocks(const uint8_t *p, const uint8_t *end)
{
        const __m128i space = _mm_set1_epi8(0x20), quote = _mm_set1_epi8('"');
        const __m128i backslash = _mm_set1_epi8('\\');

        for (; end - p >= 16; p += 16) {
                const __m128i block = _mm_loadu_si128((const __m128i *)p);
                /* signed: what is not ASCII is less than a space, too */
                const __m128i other = _mm_or_si128(_mm_cmplt_epi8(block, space),
                                                   _mm_or_si128(_mm_cmpeq_epi8(block, quote),
                                                                _mm_cmpeq_epi8(block, backslash)));
                const unsigned mask = (unsigned)_mm_movemask_epi8(other);
                if (mask)
                        return p + __builtin_ctz(mask);
        }
        return p;
}

static inline const uint8_t *text_ascii_blocks(const uint8_t *p, const uint8_t *end)
{
        for (; end - p >= 16; p += 16) {
                const unsigned mask =
                        (unsigned)_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)p));
                if (mask)
                        return p + __builtin_ctz(mask);
        }
        return p;
}
#else
/* The high bit of each byte that is 0 (and perhaps of some after the first such). */
static inline uint64_t text_zeros(uint64_t word)
{
        return (word - TEXT_EVERY(1)) & ~word & TEXT_EVERY(0x80);
}

static inline const uint8_t *text_plain_blocks(const uint8_t *p, const uint8_t *end)
{
        for (; end - p >= 8; p += 8) {
                uint64_t word;
                memcpy(&word, p, sizeof(word));
                if ((word & TEXT_EVERY(0x80)) || ((word - TEXT_EVERY(0x20)) & TEXT_EVERY(0x80)) ||
                    text_zeros(word ^ TEXT_EVERY('"')) || text_zeros(word ^ TEXT_EVERY('\\')))
                        break;
        }
        return p;
}

static inline const uint8_t *text_ascii_blocks(const uint8_t *p, const uint8_t *end)
{
        for (; end - p >= 8; p += 8) {
                uint64_t word;
                memcpy(&word, p, sizeof(word));
                if (word & TEXT_EVERY(0x80))
                        break;
        }
        return p;
}
#endif

/* Where the plain bytes from p on end. */
static inline const uint8_t *text_plain_run(const uint8_t *p, const uint8_t *end)
{
        p = text_plain_blocks(p, end);
        while (p < end && text_is_plain(*p))
                p++;
        return p;
}

/* Where the bytes below 0x80 from p on end. */
static inline const uint8_t *text_ascii_run(const uint8_t *p, const uint8_t *end)
{
        p = text_ascii_blocks(p, end);
        while (p < end && *p < 0x80)
                p++;
        return p;
}

/* What the letter after a backslash stands for; 0: it is none of those (or 'u'). */
static const uint8_t text_escapes[256] = {
        ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
        ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

/* One more than the value of a hexadecimal digit; 0: it is none. */
static const uint8_t text_hex_digits[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,
        ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
        ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
        ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static inline bool text_is_high_surrogate(uint32_t code)
{
        return (code & 0xFFFFFC00U) == 0xD800;
}

static inline bool text_is_low_surrogate(uint32_t code)
{
        return (code & 0xFFFFFC00U) == 0xDC00;
}

static inline uint32_t text_join_surrogates(uint32_t high, uint32_t low)
{
        return 0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF);
}
