/* SPDX-License-Identifier: MIT */
/*
 * What the scanner says of texts, for a test that knows better:
 *   envelope_check whole|bytes|SEED MAX_ELEMENTS NAME...
 * reads texts from stdin, each one line without its newline after its length (four bytes, least
 * significant first), feeds them whole, byte by byte, or in pieces of random lengths, and writes a
 * line of JSON for each.
 */
#include "common/cleanup.h"
#include "common/envelope.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char *const error_names[] = {
        [ENVELOPE_OK] = "ok",       [ENVELOPE_SYNTAX] = "syntax",       [ENVELOPE_UTF8] = "utf8",
        [ENVELOPE_DEPTH] = "depth", [ENVELOPE_TRUNCATED] = "truncated",
};

static const char *const type_names[] = {
        [ENVELOPE_ABSENT] = "absent", [ENVELOPE_NULL] = "null",     [ENVELOPE_TRUE] = "true",
        [ENVELOPE_FALSE] = "false",   [ENVELOPE_NUMBER] = "number", [ENVELOPE_STRING] = "string",
        [ENVELOPE_OBJECT] = "object", [ENVELOPE_ARRAY] = "array",
};

static const char *const fault_names[] = {
        [ENVELOPE_FAULT_NONE] = "none",
        [ENVELOPE_FAULT_TWICE] = "twice",
        [ENVELOPE_FAULT_MANY] = "many",
};

enum mode { MODE_WHOLE, MODE_BYTES, MODE_RANDOM };

/* xorshift64: the same pieces for the same seed, wherever it runs. */
static uint64_t random_next(uint64_t *state)
{
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        return *state;
}

static size_t piece_length(enum mode mode, uint64_t *state, size_t left)
{
        size_t length = left;

        if (mode == MODE_BYTES)
                length = 1;
        else if (mode == MODE_RANDOM)
                length = 1 + random_next(state) % (random_next(state) % 4 ? 8 : 64);
        return length < left ? length : left;
}

/* Feeds a text in pieces, each a block of its own; false: out of memory. */
static bool feed(struct envelope *envelope, const char *text, size_t length, enum mode mode,
                 uint64_t *state)
{
        size_t used;

        for (size_t offset = 0; offset < length; offset += used) {
                const size_t n = piece_length(mode, state, length - offset);
                _cleanup_free_ char *piece = malloc(n);

                if (!piece)
                        return false;
                memcpy(piece, text + offset, n);
                if (envelope_feed(envelope, piece, n, &used) == ENVELOPE_LINE)
                        return true;
        }
        envelope_finish(envelope);
        return true;
}

static void print_span(const struct envelope_span *span)
{
        printf("[\"%s\",%zu,%zu]", type_names[span->type], span->offset, span->length);
}

static void print_message(const struct envelope_message *message, unsigned n_names)
{
        printf("{\"fault\":\"%s\",\"value\":", fault_names[message->fault]);
        print_span(&message->value);
        printf(",\"members\":[");
        for (unsigned i = 0; i < n_names; i++) {
                printf("%s", i ? "," : "");
                print_span(&message->member[i]);
        }
        printf("]}");
}

static void print_result(const struct envelope *envelope, unsigned n_names)
{
        printf("{\"error\":\"%s\",\"offset\":%zu,\"length\":%zu,\"blank\":%d,\"batch\":%d,"
               "\"overflow\":%d,\"message\":",
               error_names[envelope->error], envelope->error_offset, envelope->length,
               envelope->is_blank, envelope->is_batch, envelope->batch_overflow);
        print_message(&envelope->message, n_names);
        printf(",\"elements\":[");
        for (size_t i = 0; i < envelope->n_elements; i++) {
                printf("%s", i ? "," : "");
                print_message(&envelope->elements[i], n_names);
        }
        printf("]}\n");
}

/* Reads the next text: 1, or 0 at the end of the input, or a negative errno. */
static int read_text(char **ret, size_t *ret_length)
{
        uint8_t head[4];
        size_t n = fread(head, 1, sizeof(head), stdin), length;
        _cleanup_free_ char *text = NULL;

        if (n == 0 && feof(stdin))
                return 0;
        if (n != sizeof(head))
                return -EBADMSG;
        length = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
        text = malloc(length + 1);
        if (!text)
                return -ENOMEM;
        if (fread(text, 1, length, stdin) != length)
                return -EBADMSG;
        *ret = steal(text);
        *ret_length = length;
        return 1;
}

static int check_texts(struct envelope *envelope, enum mode mode, uint64_t seed, unsigned n_names)
{
        uint64_t state = seed | 1;

        for (;;) {
                _cleanup_free_ char *text = NULL;
                size_t length;
                const int r = read_text(&text, &length);

                if (r <= 0)
                        return r;
                if (!feed(envelope, text, length, mode, &state))
                        return -ENOMEM;
                print_result(envelope, n_names);
                envelope_reset(envelope);
        }
}

int main(int argc, char **argv)
{
        struct envelope_names names = {0};
        struct envelope envelope;
        enum mode mode = MODE_RANDOM;
        int r;

        if (argc < 3 || argc - 3 > (int)ENVELOPE_NAMES_MAX) {
                fprintf(stderr, "usage: envelope_check whole|bytes|SEED MAX_ELEMENTS NAME...\n");
                return EX_USAGE;
        }
        if (strcmp(argv[1], "whole") == 0)
                mode = MODE_WHOLE;
        else if (strcmp(argv[1], "bytes") == 0)
                mode = MODE_BYTES;
        for (int i = 3; i < argc; i++)
                names.name[names.count++] = argv[i];
        envelope_init(&envelope, &names, strtoul(argv[2], NULL, 10));
        r = check_texts(&envelope, mode, strtoull(argv[1], NULL, 10), names.count);
        envelope_clear(&envelope);
        if (r == 0 && fflush(stdout) == 0)
                return EXIT_SUCCESS;
        fprintf(stderr, "envelope_check: %s\n", strerror(r < 0 ? -r : errno));
        return EX_IOERR;
}
