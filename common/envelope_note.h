/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the envelope scanner notes of a line: values at the few depths that matter, the names of a
 * message's members, what is wrong. The grammar is none of its business.
 */
#include "envelope.h"
#include "envelope_table.h"

/* Where p lies in the line. */
static inline size_t envelope_offset(const struct envelope *envelope, const uint8_t *p)
{
        return (size_t)((uintptr_t)p - envelope->base);
}

/* A value of this type begins at p, at a depth that is noted. */
void envelope_note_begin(struct envelope *envelope, const uint8_t *p, enum envelope_type type);
/* The value that began last at this depth has its last byte before p. */
void envelope_note_end(struct envelope *envelope, const uint8_t *p);

/* A member's name: all of it, without an escape. */
void envelope_key_whole(struct envelope *envelope, const uint8_t *bytes, size_t length);
/* Or in pieces: plain bytes as they come, code units of \u escapes, the end. */
void envelope_key_begin(struct envelope *envelope);
void envelope_key_take(struct envelope *envelope, const uint8_t *bytes, size_t length);
void envelope_key_unit(struct envelope *envelope, uint16_t unit);
void envelope_key_end(struct envelope *envelope);

/* The byte at p cannot stand there: returns p, and the line is as good as read. */
const uint8_t *envelope_fail(struct envelope *envelope, const uint8_t *p, enum envelope_error error,
                             enum reason reason);
