/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Whatever way a line is cut into pieces, the scanner must come to the same end. So the tests feed
 * every text whole, byte by byte, and at every split in two, and compare all outcomes. Pieces are
 * heap blocks of their exact size: a sanitizer sees a read past them.
 */
#include "common/envelope.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct envelope_names names = {4, {"jsonrpc", "id", "method", "params"}};

/* Takes one piece of a line; the piece is gone afterwards. */
static enum envelope_progress feed(struct envelope *envelope, const char *data, size_t length,
                                   size_t *ret_used)
{
        char *piece = malloc(length);
        enum envelope_progress progress;

        ck_assert(length == 0 || piece);
        if (length > 0)
                memcpy(piece, data, length);
        progress = envelope_feed(envelope, piece, length, ret_used);
        free(piece);
        return progress;
}

/* Takes a piece that the line's end is not in. */
static void feed_part(struct envelope *envelope, const char *data, size_t length)
{
        size_t used;

        ck_assert_int_eq(feed(envelope, data, length, &used), ENVELOPE_MORE);
        ck_assert_uint_eq(used, length);
}

/* Takes the newline. */
static void feed_end(struct envelope *envelope)
{
        size_t used;

        ck_assert_int_eq(feed(envelope, "\n", 1, &used), ENVELOPE_LINE);
        ck_assert_uint_eq(used, 1);
}

static bool is_same_span(const struct envelope_span *a, const struct envelope_span *b)
{
        return a->type == b->type && a->offset == b->offset && a->length == b->length;
}

static bool is_same_message(const struct envelope_message *a, const struct envelope_message *b)
{
        for (size_t i = 0; i < ENVELOPE_NAMES_MAX; i++)
                if (!is_same_span(&a->member[i], &b->member[i]))
                        return false;
        return a->fault == b->fault && is_same_span(&a->value, &b->value);
}

static bool is_same(const struct envelope *a, const struct envelope *b)
{
        for (size_t i = 0; i < a->n_elements && i < b->n_elements; i++)
                if (!is_same_message(&a->elements[i], &b->elements[i]))
                        return false;
        return a->error == b->error && a->error_offset == b->error_offset &&
               strcmp(envelope_error_text(a), envelope_error_text(b)) == 0 &&
               a->is_blank == b->is_blank && a->is_batch == b->is_batch &&
               a->batch_overflow == b->batch_overflow && a->length == b->length &&
               a->n_elements == b->n_elements && is_same_message(&a->message, &b->message);
}

/*
 * Scans the text in all the ways there are to cut it; the outcome of having it whole is left in
 * `envelope`, which is to be cleared.
 */
static void scan(struct envelope *envelope, const char *text, size_t length, size_t max_elements)
{
        struct envelope other;

        envelope_init(envelope, &names, max_elements);
        feed_part(envelope, text, length);
        feed_end(envelope);

        envelope_init(&other, &names, max_elements);
        for (size_t split = 0; split <= length; split++) {
                feed_part(&other, text, split);
                feed_part(&other, text + split, length - split);
                feed_end(&other);
                ck_assert_msg(is_same(envelope, &other), "%s: split at %zu", text, split);
                envelope_reset(&other);
        }
        for (size_t i = 0; i < length; i++)
                feed_part(&other, text + i, 1);
        envelope_finish(&other);
        ck_assert_msg(is_same(envelope, &other), "%s: byte by byte", text);
        envelope_clear(&other);
}

static void check_span(const char *text, const struct envelope_span *span, enum envelope_type type,
                       const char *expected)
{
        ck_assert_msg(span->type == type, "%s: type %d, not %d", text, span->type, type);
        ck_assert_msg(span->length == strlen(expected) &&
                              strncmp(text + span->offset, expected, span->length) == 0,
                      "%s: [%.*s], not [%s]", text, (int)span->length, text + span->offset,
                      expected);
}
