/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The strings of the envelope scanner: the loop that most bytes go through, a header so that it is
 * inlined once for names that are noted and once for everything else.
 */
#include "envelope.h"
#include "envelope_note.h"
#include "envelope_table.h"
#include "text_bytes.h"
#include "utf8.h"

#define _inline_ static inline __attribute__((always_inline))

/* One byte of a string that is not plain, or that other bytes are waiting for. */
static const uint8_t *string_step(struct envelope *envelope, const uint8_t *p, bool noted)
{
        const uint8_t letter = text_escapes[*p], digit = text_hex_digits[*p];

        switch (envelope->token) {
        case TOKEN_ESCAPE:
                if (!letter && *p != 'u')
                        return envelope_fail(envelope, p, ENVELOPE_SYNTAX, REASON_ESCAPE);
                envelope->token = letter ? TOKEN_STRING : TOKEN_HEX;
                envelope->n_digits = 0;
                if (letter && noted)
                        envelope_key_take(envelope, &letter, 1);
                return p + 1;
        case TOKEN_HEX:
                if (!digit)
                        return envelope_fail(envelope, p, ENVELOPE_SYNTAX, REASON_HEX);
                envelope->unit = (uint16_t)(envelope->unit << 4 | (digit - 1));
                if (++envelope->n_digits < 4)
                        return p + 1;
                if (noted)
                        envelope_key_unit(envelope, envelope->unit);
                break;
        case TOKEN_UTF8:
                if (!utf8_continue(&envelope->utf8, *p))
                        return envelope_fail(envelope, p, ENVELOPE_UTF8, REASON_UTF8);
                if (noted)
                        envelope_key_take(envelope, p, 1);
                if (envelope->utf8.need > 0)
                        return p + 1;
                break;
        default:
                if (*p == '\\') {
                        envelope->token = TOKEN_ESCAPE;
                        return p + 1;
                }
                if (*p < 0x20)
                        return envelope_fail(envelope, p, ENVELOPE_SYNTAX, REASON_CONTROL);
                if (!utf8_begin(&envelope->utf8, *p))
                        return envelope_fail(envelope, p, ENVELOPE_UTF8, REASON_UTF8);
                if (noted)
                        envelope_key_take(envelope, p, 1);
                envelope->token = TOKEN_UTF8;
                return p + 1;
        }
        envelope->token = TOKEN_STRING;
        return p + 1;
}

/* The length of the escape at p if all of it is in sight and right, else 0. */
_inline_ size_t whole_escape(const uint8_t *p, const uint8_t *end)
{
        if (end - p < 6)
                return 0;
        if (text_escapes[p[1]])
                return 2;
        return p[1] == 'u' && text_hex_digits[p[2]] && text_hex_digits[p[3]] &&
                               text_hex_digits[p[4]] && text_hex_digits[p[5]]
                       ? 6
                       : 0;
}

/* Where the bytes end that need no state: plain ones and whole sequences, whole escapes too. */
_inline_ const uint8_t *string_run(const uint8_t *p, const uint8_t *end, bool escapes)
{
        while ((p = text_plain_run(p, end)) < end && *p != '"') {
                const uint8_t *run = p;

                if (*p >= 0x80)
                        p = utf8_run(p, end);
                else if (escapes && *p == '\\')
                        p += whole_escape(p, end);
                if (p == run)
                        break;
        }
        return p;
}

/* The rest of a string, the opening quote having been seen; takes the closing quote. */
_inline_ const uint8_t *string_scan(struct envelope *envelope, const uint8_t *p, const uint8_t *end,
                                    bool noted)
{
        while (p < end) {
                if (envelope->token == TOKEN_STRING) {
                        const uint8_t *run = p;

                        p = string_run(p, end, !noted);
                        if (noted)
                                envelope_key_take(envelope, run, (size_t)(p - run));
                        if (p == end)
                                break;
                        if (*p == '"') {
                                envelope->token = TOKEN_NONE;
                                return p + 1;
                        }
                }
                p = string_step(envelope, p, noted);
                if (envelope->token == TOKEN_FAILED)
                        break;
        }
        return p;
}
