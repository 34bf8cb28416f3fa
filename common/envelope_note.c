/* SPDX-License-Identifier: MIT */
#include "envelope_note.h"

#include "text_bytes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#define FNV_OFFSET 0xCBF29CE484222325ULL
#define FNV_PRIME  0x100000001B3ULL

#define FIRST_CAPACITY 4U

/* The message that members belong to. */
static struct envelope_message *current_message(struct envelope *envelope)
{
        return envelope->is_batch ? &envelope->elements[envelope->n_elements] : &envelope->message;
}

static bool make_room(struct envelope *envelope)
{
        size_t capacity = MIN(MAX(2 * envelope->capacity, FIRST_CAPACITY), envelope->max_elements);
        struct envelope_message *elements;

        if (envelope->n_elements < envelope->capacity)
                return true;
        if (envelope->n_elements == envelope->max_elements)
                return false;
        elements = reallocarray(envelope->elements, capacity, sizeof(*elements));
        if (!elements)
                return false;
        envelope->elements = elements;
        envelope->capacity = capacity;
        return true;
}

/* The next element of a batch, or the end of noting. */
static void begin_element(struct envelope *envelope)
{
        if (make_room(envelope)) {
                *current_message(envelope) = (struct envelope_message){0};
                envelope->n_members = envelope->n_seen = 0;
                return;
        }
        envelope->batch_overflow = true;
        envelope->note_depth = envelope->member_depth = 0;
}

void envelope_note_begin(struct envelope *envelope, const uint8_t *p, enum envelope_type type)
{
        envelope->start[envelope->depth] = envelope_offset(envelope, p);
        envelope->type[envelope->depth] = (uint8_t)type;
        if (envelope->depth == 0) {
                envelope->member = -1;
                envelope->is_batch = type == ENVELOPE_ARRAY && envelope->max_elements > 0;
                envelope->member_depth = envelope->is_batch ? 2 : type == ENVELOPE_OBJECT;
                envelope->note_depth = envelope->member_depth;
        } else if (envelope->depth == 1 && envelope->is_batch) {
                begin_element(envelope);
        }
}

void envelope_note_end(struct envelope *envelope, const uint8_t *p)
{
        const unsigned depth = envelope->depth;
        const struct envelope_span span = {
                .type = envelope->type[depth],
                .offset = envelope->start[depth],
                .length = envelope_offset(envelope, p) - envelope->start[depth],
        };

        if (depth == 0) {
                envelope->message.value = span;
        } else if (depth < envelope->member_depth) {
                current_message(envelope)->value = span;
                envelope->n_elements++;
        } else if (envelope->member >= 0) {
                current_message(envelope)->member[envelope->member] = span;
                envelope->member = -1;
        }
}

void envelope_key_begin(struct envelope *envelope)
{
        envelope->key_length = 0;
        envelope->key_surrogate = 0;
        envelope->key_hash = FNV_OFFSET;
}

static uint64_t hash_more(uint64_t hash, const uint8_t *bytes, size_t length)
{
        for (size_t i = 0; i < length; i++)
                hash = (hash ^ bytes[i]) * FNV_PRIME;
        return hash;
}

static void add_bytes(struct envelope *envelope, const uint8_t *bytes, size_t length)
{
        envelope->key_hash = hash_more(envelope->key_hash, bytes, length);
        if (length > ENVELOPE_NAME_LENGTH - MIN(envelope->key_length, ENVELOPE_NAME_LENGTH)) {
                envelope->key_length = ENVELOPE_NAME_LENGTH + 1;
                return;
        }
        memcpy(envelope->key + envelope->key_length, bytes, length);
        envelope->key_length = (uint8_t)(envelope->key_length + length);
}

static void add_code(struct envelope *envelope, uint32_t code)
{
        uint8_t bytes[4];

        add_bytes(envelope, bytes, utf8_encode(code, bytes));
}

/* A high surrogate that nothing can follow any more stands for itself. */
static void flush_surrogate(struct envelope *envelope)
{
        const uint16_t surrogate = envelope->key_surrogate;

        envelope->key_surrogate = 0;
        if (surrogate)
                add_code(envelope, surrogate);
}

void envelope_key_take(struct envelope *envelope, const uint8_t *bytes, size_t length)
{
        if (length == 0)
                return;
        flush_surrogate(envelope);
        add_bytes(envelope, bytes, length);
}

void envelope_key_unit(struct envelope *envelope, uint16_t unit)
{
        const uint16_t high = envelope->key_surrogate;

        if (high && text_is_low_surrogate(unit)) {
                envelope->key_surrogate = 0;
                add_code(envelope, text_join_surrogates(high, unit));
                return;
        }
        flush_surrogate(envelope);
        if (text_is_high_surrogate(unit))
                envelope->key_surrogate = unit;
        else
                add_code(envelope, unit);
}

/* The number of a name that is looked for, or -1. */
static int find_name(const struct envelope *envelope, const uint8_t *bytes, size_t length)
{
        const struct envelope_names *names = envelope->names;

        for (unsigned i = 0; names && i < names->count; i++)
                if (envelope->name_length[i] == length &&
                    memcmp(names->name[i], bytes, length) == 0)
                        return (int)i;
        return -1;
}

/* Whether a name that nobody looks for was there before; remembers it if not. */
static bool was_seen(struct envelope *envelope, uint64_t hash)
{
        for (unsigned i = 0; i < envelope->n_seen; i++)
                if (envelope->seen[i] == hash)
                        return true;
        if (envelope->n_seen < ENVELOPE_MEMBERS_MAX)
                envelope->seen[envelope->n_seen++] = hash;
        return false;
}

/* The next value is that of the member with this number; is_twice: it was there before. */
static void take_name(struct envelope *envelope, int name, bool is_twice)
{
        struct envelope_message *message = current_message(envelope);
        enum envelope_fault fault = ENVELOPE_FAULT_NONE;

        if (envelope->n_members == ENVELOPE_MEMBERS_MAX)
                fault = ENVELOPE_FAULT_MANY;
        else
                envelope->n_members++;
        if (is_twice || (name >= 0 && message->member[name].type != ENVELOPE_ABSENT)) {
                fault = ENVELOPE_FAULT_TWICE;
                name = -1;
        }
        envelope->member = (int8_t)name;
        if (message->fault == ENVELOPE_FAULT_NONE)
                message->fault = fault;
}

void envelope_key_end(struct envelope *envelope)
{
        int name = -1;

        flush_surrogate(envelope);
        if (envelope->key_length <= ENVELOPE_NAME_LENGTH)
                name = find_name(envelope, (const uint8_t *)envelope->key, envelope->key_length);
        take_name(envelope, name, name < 0 && was_seen(envelope, envelope->key_hash));
}

void envelope_key_whole(struct envelope *envelope, const uint8_t *bytes, size_t length)
{
        int name = find_name(envelope, bytes, length);

        take_name(envelope, name,
                  name < 0 && was_seen(envelope, hash_more(FNV_OFFSET, bytes, length)));
}

const uint8_t *envelope_fail(struct envelope *envelope, const uint8_t *p, enum envelope_error error,
                             enum reason reason)
{
        envelope->error = *p == '\n' ? ENVELOPE_TRUNCATED : error;
        envelope->error_offset = envelope_offset(envelope, p);
        envelope->reason = (uint8_t)reason;
        envelope->token = TOKEN_FAILED;
        return p;
}
