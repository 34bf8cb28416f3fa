/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Where in the grammar of JSON a text stands that is valid as far as some offset: what is open, and
 * what may come next.
 */
#include "common/envelope.h"

#include <stdbool.h>
#include <stddef.h>

enum json_expected {
        JSON_EXPECTED_VALUE,
        JSON_EXPECTED_FIRST_VALUE, /* or the end of the array */
        JSON_EXPECTED_NAME,
        JSON_EXPECTED_FIRST_NAME, /* or the end of the object */
        JSON_EXPECTED_COLON,
        JSON_EXPECTED_COMMA, /* or the end of what is open */
        JSON_EXPECTED_END,
};

struct json_position {
        enum json_expected expected;
        unsigned depth;
        size_t open[ENVELOPE_DEPTH_MAX]; /* offsets of the brackets */
        size_t last_end;                 /* behind the last token */
        size_t token;                    /* the last string, number or word, ... */
        bool in_string, in_word;         /* ... in which the offset lies, or at its unfit end */
};

void json_position_find(const char *text, size_t offset, struct json_position *ret);

bool json_position_wants_name(const struct json_position *position);

/* What numbers and words are made of, also those of other languages. */
static inline bool json_is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static inline bool json_is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}

static inline bool json_is_word(char c)
{
        return json_is_letter(c) || json_is_digit(c) || c == '-' || c == '+' || c == '.';
}
