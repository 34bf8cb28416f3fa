/* SPDX-License-Identifier: MIT */
#include "envelope.h"

#include "envelope_note.h"
#include "envelope_string.h"
#include "envelope_table.h"

#include <stdlib.h>
#include <string.h>

_inline_ void value_begin(struct envelope *envelope, const uint8_t *p, enum envelope_type type)
{
        if (envelope->depth <= envelope->note_depth)
                envelope_note_begin(envelope, p, type);
}

_inline_ const uint8_t *value_end(struct envelope *envelope, const uint8_t *p)
{
        if (envelope->depth <= envelope->note_depth)
                envelope_note_end(envelope, p);
        envelope->token = TOKEN_NONE;
        envelope->state = envelope->after;
        return p;
}

_inline_ const uint8_t *string_value(struct envelope *envelope, const uint8_t *p,
                                     const uint8_t *end)
{
        p = string_scan(envelope, p, end, false);
        return envelope->token == TOKEN_NONE ? value_end(envelope, p) : p;
}

/* A name of a member that is noted, in pieces or with escapes. */
static const uint8_t *pieced_name(struct envelope *envelope, const uint8_t *p, const uint8_t *end)
{
        p = string_scan(envelope, p, end, true);
        if (envelope->token == TOKEN_NONE)
                envelope_key_end(envelope);
        return p;
}

_inline_ const uint8_t *name(struct envelope *envelope, const uint8_t *p, const uint8_t *end)
{
        if (envelope->depth == envelope->member_depth)
                p = pieced_name(envelope, p, end);
        else
                p = string_scan(envelope, p, end, false);
        if (envelope->token == TOKEN_NONE)
                envelope->state = STATE_COLON;
        return p;
}

/* A name whose opening quote is at p. Most of those that are noted are there as a whole. */
_inline_ const uint8_t *name_begin(struct envelope *envelope, const uint8_t *p, const uint8_t *end)
{
        if (envelope->depth == envelope->member_depth) {
                const uint8_t *close = string_run(p + 1, end, false);

                if (close < end && *close == '"') {
                        envelope_key_whole(envelope, p + 1, (size_t)(close - p - 1));
                        envelope->state = STATE_COLON;
                        return close + 1;
                }
                envelope_key_begin(envelope);
        }
        envelope->token = TOKEN_STRING;
        return name(envelope, p + 1, end);
}

/* The byte at p cannot belong to the number: it ends there, or it is wrong. */
_inline_ const uint8_t *number_end(struct envelope *envelope, const uint8_t *p, uint8_t token)
{
        if (token < TOKEN_ZERO)
                return envelope_fail(envelope, p, ENVELOPE_SYNTAX, envelope_number_expected[token]);
        if (token == TOKEN_ZERO && (uint8_t)(*p - '0') < 10)
                return envelope_fail(envelope, p, ENVELOPE_SYNTAX, REASON_LEADING_ZERO);
        return value_end(envelope, p);
}

/* A number, from wherever it stands. */
_inline_ const uint8_t *number(struct envelope *envelope, const uint8_t *p, const uint8_t *end,
                               uint8_t token)
{
        for (; p < end; p++) {
                const uint8_t next = envelope_numbers[token][envelope_classes[*p]];

                if (!next)
                        return number_end(envelope, p, token);
                token = next;
                while (token >= TOKEN_INTEGER && end - p > 1 && (uint8_t)(p[1] - '0') < 10)
                        p++;
        }
        envelope->token = token;
        return p;
}

enum word { WORD_TRUE, WORD_FALSE, WORD_NULL };

static const struct {
        char text[6];
        uint8_t length, type;
} words[] = {
        [WORD_TRUE] = {"true", 4, ENVELOPE_TRUE},
        [WORD_FALSE] = {"false", 5, ENVELOPE_FALSE},
        [WORD_NULL] = {"null", 4, ENVELOPE_NULL},
};

/* The rest of a word. */
static const uint8_t *word_scan(struct envelope *envelope, const uint8_t *p, const uint8_t *end)
{
        while (envelope->n_matched < words[envelope->word].length) {
                if (p == end)
                        return p;
                if (*p != (uint8_t)words[envelope->word].text[envelope->n_matched])
                        return envelope_fail(envelope, p, ENVELOPE_SYNTAX, REASON_WORD);
                envelope->n_matched++;
                p++;
        }
        return value_end(envelope, p);
}

_inline_ const uint8_t *word(struct envelope *envelope, const uint8_t *p, const uint8_t *end,
                             enum word which)
{
        const size_t length = words[which].length;

        value_begin(envelope, p, words[which].type);
        if ((size_t)(end - p) >= length && memcmp(p, words[which].text, length) == 0)
                return value_end(envelope, p + length);
        envelope->token = TOKEN_WORD;
        envelope->word = (uint8_t)which;
        envelope->n_matched = 0;
        return word_scan(envelope, p, end);
}

_inline_ const uint8_t *container_begin(struct envelope *envelope, const uint8_t *p, bool is_object)
{
        uint64_t *bits = &envelope->objects[envelope->depth / 64];
        const uint64_t bit = 1ULL << envelope->depth % 64;

        if (envelope->depth == ENVELOPE_DEPTH_MAX)
                return envelope_fail(envelope, p, ENVELOPE_DEPTH, REASON_DEPTH);
        value_begin(envelope, p, is_object ? ENVELOPE_OBJECT : ENVELOPE_ARRAY);
        *bits = is_object ? *bits | bit : *bits & ~bit;
        envelope->depth++;
        envelope->after = is_object ? STATE_AFTER_MEMBER : STATE_AFTER_ELEMENT;
        envelope->state = is_object ? STATE_FIRST_MEMBER : STATE_FIRST_ELEMENT;
        return p + 1;
}

_inline_ const uint8_t *container_end(struct envelope *envelope, const uint8_t *p)
{
        const unsigned depth = --envelope->depth;

        if (depth == 0)
                envelope->after = STATE_AFTER_LINE;
        else if (envelope->objects[(depth - 1) / 64] >> (depth - 1) % 64 & 1)
                envelope->after = STATE_AFTER_MEMBER;
        else
                envelope->after = STATE_AFTER_ELEMENT;
        return value_end(envelope, p + 1);
}

/* Goes on with what the last bytes ended in the middle of. */
static const uint8_t *resume(struct envelope *envelope, const uint8_t *p, const uint8_t *end)
{
        if (envelope->token >= TOKEN_NUMBER)
                return number(envelope, p, end, envelope->token);
        if (envelope->token == TOKEN_WORD)
                return word_scan(envelope, p, end);
        if (envelope->state == STATE_MEMBER || envelope->state == STATE_FIRST_MEMBER)
                return name(envelope, p, end);
        return string_value(envelope, p, end);
}

/* Does what the byte at p asks for, and takes with it what belongs to it. */
_inline_ const uint8_t *act(struct envelope *envelope, const uint8_t *p, const uint8_t *end,
                            uint8_t action)
{
        switch (action) {
        case ACTION_STRING:
                value_begin(envelope, p, ENVELOPE_STRING);
                envelope->token = TOKEN_STRING;
                return string_value(envelope, p + 1, end);
        case ACTION_NAME:
                return name_begin(envelope, p, end);
        case ACTION_NUMBER:
                value_begin(envelope, p, ENVELOPE_NUMBER);
                return number(envelope, p, end, TOKEN_NUMBER);
        case ACTION_TRUE: /* each apart, so that a whole word is compared at once */
                return word(envelope, p, end, WORD_TRUE);
        case ACTION_FALSE:
                return word(envelope, p, end, WORD_FALSE);
        case ACTION_NULL:
                return word(envelope, p, end, WORD_NULL);
        case ACTION_OBJECT:
                return container_begin(envelope, p, true);
        case ACTION_ARRAY:
                return container_begin(envelope, p, false);
        case ACTION_CLOSE:
                return container_end(envelope, p);
        case ACTION_BLANK:
                envelope->is_blank = true;
                envelope->state = STATE_ENDED;
                return p + 1;
        default:
                return envelope_fail(envelope, p, ENVELOPE_SYNTAX,
                                     action ? action : envelope_expected[envelope->state]);
        }
}

/* Takes bytes until they or the line end, or the line turns out to be wrong. */
static const uint8_t *scan(struct envelope *envelope, const uint8_t *p, const uint8_t *end)
{
        if (envelope->token != TOKEN_NONE)
                p = resume(envelope, p, end);
        while (p < end && envelope->token == TOKEN_NONE && envelope->state != STATE_ENDED) {
                const uint8_t action = envelope_actions[envelope->state][envelope_classes[*p]];

                if (action - 1U < STATE_ENDED) {
                        envelope->state = action;
                        p++;
                } else {
                        p = act(envelope, p, end, action);
                }
        }
        return p;
}

/* Takes what is left of a line that is wrong. */
static const uint8_t *skip(struct envelope *envelope, const uint8_t *p, const uint8_t *end)
{
        const uint8_t *newline = memchr(p, '\n', (size_t)(end - p));

        if (!newline)
                return end;
        envelope->state = STATE_ENDED;
        envelope->token = TOKEN_NONE;
        return newline + 1;
}

void envelope_init(struct envelope *envelope, const struct envelope_names *names,
                   size_t max_elements)
{
        *envelope = (struct envelope){.names = names, .max_elements = max_elements};
        for (unsigned i = 0; names && i < names->count; i++)
                envelope->name_length[i] = (uint8_t)strlen(names->name[i]);
        envelope_reset(envelope);
}

void envelope_reset(struct envelope *envelope)
{
        free(envelope->elements);
        memset(envelope, 0, offsetof(struct envelope, names));
        envelope->state = STATE_LINE;
        envelope->after = STATE_AFTER_LINE;
}

void envelope_clear(struct envelope *envelope)
{
        envelope_reset(envelope);
}

enum envelope_progress envelope_feed(struct envelope *envelope, const void *data, size_t length,
                                     size_t *ret_used)
{
        const uint8_t *begin = data, *p = begin;

        *ret_used = 0;
        if (length > 0 && envelope->state != STATE_ENDED) {
                envelope->base = (uintptr_t)begin - envelope->length;
                if (envelope->token != TOKEN_FAILED)
                        p = scan(envelope, p, begin + length);
                if (envelope->token == TOKEN_FAILED)
                        p = skip(envelope, p, begin + length);
                *ret_used = (size_t)(p - begin);
                envelope->length += *ret_used - (envelope->state == STATE_ENDED);
        }
        return envelope->state == STATE_ENDED ? ENVELOPE_LINE : ENVELOPE_MORE;
}

void envelope_finish(struct envelope *envelope)
{
        size_t used;

        envelope_feed(envelope, "\n", 1, &used);
}

const char *envelope_error_text(const struct envelope *envelope)
{
        const struct reason_text *reason = &envelope_reasons[envelope->reason];

        if (envelope->error == ENVELOPE_OK)
                return "no error";
        return envelope->error == ENVELOPE_TRUNCATED ? reason->truncated : reason->text;
}
