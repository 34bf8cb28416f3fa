/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * UTF-8 (RFC 3629) byte by byte: no overlong forms, no surrogates, nothing past U+10FFFF.
 * Bytes below 0x80 are the caller's business: they are characters of their own.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT 0xFFFDU

/* The rest of a sequence whose lead byte was seen: how many bytes, and the range of the next. */
struct utf8 {
        uint8_t need, low, high;
};

/* By lead byte; need 0: no such lead. */
static const struct utf8 utf8_leads[256] = {
        [0xC2 ... 0xDF] = {1, 0x80, 0xBF}, [0xE0] = {2, 0xA0, 0xBF},
        [0xE1 ... 0xEC] = {2, 0x80, 0xBF}, [0xED] = {2, 0x80, 0x9F},
        [0xEE ... 0xEF] = {2, 0x80, 0xBF}, [0xF0] = {3, 0x90, 0xBF},
        [0xF1 ... 0xF3] = {3, 0x80, 0xBF}, [0xF4] = {3, 0x80, 0x8F},
};

/* Begins a sequence with `byte` (0x80 or more); false: it cannot begin one. */
static inline bool utf8_begin(struct utf8 *utf8, uint8_t byte)
{
        *utf8 = utf8_leads[byte];
        return utf8->need > 0;
}

/* Goes on with `byte`, the sequence being complete once need is 0; false: it cannot go on so. */
static inline bool utf8_continue(struct utf8 *utf8, uint8_t byte)
{
        if (byte < utf8->low || byte > utf8->high)
                return false;
        utf8->need--;
        utf8->low = 0x80;
        utf8->high = 0xBF;
        return true;
}

static inline bool utf8_is_continuation(uint8_t byte)
{
        return (byte & 0xC0) == 0x80;
}

/* The length of the sequence that begins at p; 0 if it is none, or not whole before end. */
static inline size_t utf8_sequence(const uint8_t *p, const uint8_t *end)
{
        struct utf8 utf8;

        if (!utf8_begin(&utf8, *p) || end - p <= utf8.need || p[1] < utf8.low || p[1] > utf8.high)
                return 0;
        if (utf8.need == 1)
                return 2;
        if (!utf8_is_continuation(p[2]))
                return 0;
        if (utf8.need == 2)
                return 3;
        return utf8_is_continuation(p[3]) ? 4 : 0;
}

/* Where the whole sequences from p on end: at ASCII, at what is wrong, or at one cut off by end. */
static inline const uint8_t *utf8_run(const uint8_t *p, const uint8_t *end)
{
        while (p < end && *p >= 0x80) {
                const size_t length = utf8_sequence(p, end);
                if (length == 0)
                        break;
                p += length;
        }
        return p;
}

/* Writes a code point; a surrogate in the form that it would have. Returns the length. */
static inline size_t utf8_encode(uint32_t code, uint8_t out[static 4])
{
        size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

        for (size_t i = length - 1; i > 0; i--, code >>= 6)
                out[i] = (uint8_t)(0x80 | (code & 0x3F));
        out[0] = (uint8_t)(length == 1 ? code : (0xF00U >> length & 0xFF) | code);
        return length;
}
