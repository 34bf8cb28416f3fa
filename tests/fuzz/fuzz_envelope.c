/* SPDX-License-Identifier: MIT */
/*
 * However a line is cut into pieces, the scanner must come to the same end: the input is fed whole,
 * byte by byte, and in pieces whose lengths the input itself gives; a difference aborts.
 *
 * Build with clang -fsanitize=fuzzer,address,undefined, with common/envelope.c and
 * common/envelope_note.c beside it; run with a folder for the corpus as argument.
 */
#include "common/envelope.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ELEMENTS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct envelope_names names = {4, {"id", "method", "params", "\xC3\xA9"}};

#define REQUIRE(condition)                                                                         \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        abort();                                                                   \
        } while (0)

/* A span lies in the line and begins and ends as its type does. */
static void check_span(const uint8_t *line, size_t length, const struct envelope_span *span)
{
        static const char *const firsts[] = {"", "n", "t", "f", "-0123456789", "\"", "{", "["};
        static const char *const lasts[] = {"", "l", "e", "e", "0123456789", "\"", "}", "]"};

        if (span->type == ENVELOPE_ABSENT)
                return;
        REQUIRE(span->offset < length && span->length <= length - span->offset);
        REQUIRE(span->length > 0);
        REQUIRE(strchr(firsts[span->type], line[span->offset]));
        REQUIRE(strchr(lasts[span->type], line[span->offset + span->length - 1]));
}

static void check_message(const uint8_t *line, const struct envelope *envelope,
                          const struct envelope_message *message)
{
        check_span(line, envelope->length, &message->value);
        for (size_t i = 0; i < ENVELOPE_NAMES_MAX; i++)
                check_span(line, envelope->length, &message->member[i]);
}

static void check_same_span(const struct envelope_span *a, const struct envelope_span *b)
{
        REQUIRE(a->type == b->type && a->offset == b->offset && a->length == b->length);
}

static void check_same_message(const struct envelope_message *a, const struct envelope_message *b)
{
        REQUIRE(a->fault == b->fault);
        check_same_span(&a->value, &b->value);
        for (size_t i = 0; i < ENVELOPE_NAMES_MAX; i++)
                check_same_span(&a->member[i], &b->member[i]);
}

static void check_same(const struct envelope *a, const struct envelope *b)
{
        REQUIRE(a->error == b->error);
        REQUIRE(a->error_offset == b->error_offset);
        REQUIRE(strcmp(envelope_error_text(a), envelope_error_text(b)) == 0);
        REQUIRE(a->is_blank == b->is_blank);
        REQUIRE(a->is_batch == b->is_batch);
        REQUIRE(a->batch_overflow == b->batch_overflow);
        REQUIRE(a->length == b->length);
        REQUIRE(a->n_elements == b->n_elements && a->n_elements <= MAX_ELEMENTS);
        check_same_message(&a->message, &b->message);
        for (size_t i = 0; i < a->n_elements; i++)
                check_same_message(&a->elements[i], &b->elements[i]);
}

/* Takes a piece in a block of its own, so that a read past it is seen. */
static enum envelope_progress feed(struct envelope *envelope, const uint8_t *data, size_t length,
                                   size_t *ret_used)
{
        uint8_t *piece = malloc(length ? length : 1);
        enum envelope_progress progress;

        REQUIRE(piece);
        memcpy(piece, data, length);
        progress = envelope_feed(envelope, piece, length, ret_used);
        REQUIRE(*ret_used <= length);
        free(piece);
        return progress;
}

/* Feeds one line in pieces, until it has ended or the data have; returns the bytes taken. */
static size_t feed_line(struct envelope *envelope, const uint8_t *data, size_t size, bool bytewise)
{
        size_t offset = 0, used = 0;

        while (offset < size) {
                size_t piece = bytewise ? 1 : 1 + data[offset] % 37 + data[size - 1 - offset] % 5;

                if (piece > size - offset)
                        piece = size - offset;
                if (feed(envelope, data + offset, piece, &used) == ENVELOPE_LINE)
                        return offset + used;
                REQUIRE(used == piece);
                offset += used;
        }
        envelope_finish(envelope);
        return offset;
}

static void check_line(const uint8_t *data, const struct envelope *envelope)
{
        if (envelope->error != ENVELOPE_OK)
                REQUIRE(envelope->error_offset <= envelope->length);
        check_message(data, envelope, &envelope->message);
        for (size_t i = 0; i < envelope->n_elements; i++)
                check_message(data, envelope, &envelope->elements[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const size_t max_elements = size % 2 ? MAX_ELEMENTS : 0;
        struct envelope whole, pieces;

        envelope_init(&whole, &names, max_elements);
        envelope_init(&pieces, &names, max_elements);
        while (size > 0) {
                size_t used;

                if (feed(&whole, data, size, &used) == ENVELOPE_MORE)
                        envelope_finish(&whole);
                check_line(data, &whole);
                for (int bytewise = 0; bytewise < 2; bytewise++) {
                        REQUIRE(feed_line(&pieces, data, size, bytewise) == used);
                        check_same(&whole, &pieces);
                        envelope_reset(&pieces);
                }
                envelope_reset(&whole);
                data += used;
                size -= used;
        }
        envelope_clear(&whole);
        envelope_clear(&pieces);
        return 0;
}
