/* SPDX-License-Identifier: MIT */
#include "log_line.h"

#include "log.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN  4096U
#define ROOM_KEPT 65536U /* what is kept for the next line */
#define SHOWN_MAX 256U   /* bytes of a name that are shown: clients choose those of functions */

void log_line_clear(struct log_line *line)
{
        free(line->bytes);
        *line = (struct log_line){0};
}

void log_line_reset(struct log_line *line)
{
        if (line->room > ROOM_KEPT)
                log_line_clear(line);
        line->length = 0;
        line->is_failed = false;
}

static bool grow(struct log_line *line, size_t length)
{
        size_t room = line->room ? line->room : ROOM_MIN;

        while (room < line->length + length)
                room *= 2;
        char *bytes = room > line->room ? realloc(line->bytes, room) : line->bytes;
        if (!bytes) {
                line->is_failed = true;
                return false;
        }
        line->bytes = bytes;
        line->room = room;
        return true;
}

void log_line_put(struct log_line *line, const void *bytes, size_t length)
{
        if (line->length + length > line->room && !grow(line, length))
                return;
        memcpy(line->bytes + line->length, bytes, length);
        line->length += length;
}

void log_line_put_string(struct log_line *line, const char *string)
{
        log_line_put(line, string, strlen(string));
}

/* Characters that make a terminal or a viewer do something: C1 controls, line and paragraph
 * separators, and marks that turn the order of what is shown. */
static bool is_control_sequence(const uint8_t *p, size_t length)
{
        if (length == 2)
                return p[0] == 0xC2 && p[1] < 0xA0;
        if (length != 3 || p[0] != 0xE2)
                return false;
        return (p[1] == 0x80 && ((p[2] >= 0xA8 && p[2] <= 0xAE) || p[2] == 0x8E || p[2] == 0x8F)) ||
               (p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9);
}

static void put_escaped(struct log_line *line, const uint8_t *bytes, size_t length)
{
        static const char digits[] = "0123456789ABCDEF";

        for (size_t i = 0; i < length; i++) {
                const char escape[] = {'\\', 'x', digits[bytes[i] >> 4], digits[bytes[i] & 15]};

                log_line_put(line, escape, sizeof(escape));
        }
}

/* Printable ASCII, which is what most texts are. */
static const uint8_t *plain_run(const uint8_t *p, const uint8_t *end)
{
        while (p < end && *p >= 0x20 && *p < 0x7F)
                p++;
        return p;
}

void log_line_put_text(struct log_line *line, const char *text, size_t length, const char *newline)
{
        const uint8_t *p = (const uint8_t *)text, *end = p + length;

        while (p < end) {
                const uint8_t *plain = p;

                p = plain_run(p, end);
                log_line_put(line, plain, (size_t)(p - plain));
                if (p == end)
                        break;
                size_t sequence = *p < 0x80 ? 1 : utf8_sequence(p, end);
                bool is_control = *p < 0x80 || sequence == 0 || is_control_sequence(p, sequence);
                if (sequence == 0)
                        sequence = 1;
                if (*p == '\n' && newline)
                        log_line_put_string(line, newline);
                else if (is_control && *p != '\t')
                        put_escaped(line, p, sequence);
                else
                        log_line_put(line, p, sequence);
                p += sequence;
        }
}

static void put_name(struct log_line *line, const char *name)
{
        size_t length = strnlen(name, SHOWN_MAX + 1);

        if (length <= SHOWN_MAX) {
                log_line_put_text(line, name, length, NULL);
                return;
        }
        length = SHOWN_MAX;
        while (length > 0 && utf8_is_continuation((uint8_t)name[length]))
                length--;
        log_line_put_text(line, name, length, NULL);
        log_line_put_string(line, "...");
}

void log_line_put_context(struct log_line *line, const struct log_context *context)
{
        const char *name = context->program ? context->program : context->program_set;
        const char *space = "";
        char number[32];

        if (name) {
                put_name(line, name);
                space = " ";
        }
        if (context->pid) {
                snprintf(number, sizeof(number), "[%d]", (int)context->pid);
                log_line_put_string(line, number);
                space = " ";
        }
        if (context->request) {
                snprintf(number, sizeof(number), "%s#%" PRIu64, space, context->request);
                log_line_put_string(line, number);
                space = " ";
        }
        if (context->function) {
                log_line_put_string(line, space);
                put_name(line, context->function);
                space = " ";
        }
        if (*space)
                log_line_put_string(line, ": ");
}
