/* SPDX-License-Identifier: MIT */
#include "ctl_json.h"

#include <string.h>

#define INDENT 2

struct writer {
        FILE *file;
        const char *next, *end;
        bool indented;
        size_t depth;
};

static void skip_space(struct writer *writer)
{
        while (writer->next < writer->end && strchr(" \t\r\n", *writer->next))
                writer->next++;
}

static void new_line(struct writer *writer)
{
        if (writer->indented)
                fprintf(writer->file, "\n%*s", (int)(writer->depth * INDENT), "");
}

/* Nothing between the brackets stays so: "[]" and "{}". */
static void open_bracket(struct writer *writer, char bracket)
{
        putc(bracket, writer->file);
        skip_space(writer);
        if (writer->next < writer->end && *writer->next == bracket + 2) { /* ASCII: {} and [] */
                putc(*writer->next++, writer->file);
                return;
        }
        writer->depth++;
        new_line(writer);
}

static void write_string(struct writer *writer)
{
        const char *start = writer->next - 1;

        while (*writer->next != '"')
                writer->next += *writer->next == '\\' ? 2 : 1;
        writer->next++;
        fwrite(start, 1, (size_t)(writer->next - start), writer->file);
}

static void write_token(struct writer *writer)
{
        char c = *writer->next++;

        switch (c) {
        case '"':
                write_string(writer);
                break;
        case '{':
        case '[':
                open_bracket(writer, c);
                break;
        case '}':
        case ']':
                writer->depth--;
                new_line(writer);
                putc(c, writer->file);
                break;
        case ',':
                putc(c, writer->file);
                new_line(writer);
                break;
        case ':':
                fputs(writer->indented ? ": " : ":", writer->file);
                break;
        default:
                putc(c, writer->file);
        }
}

void ctl_json_write(FILE *file, const char *text, size_t length, bool indented)
{
        struct writer writer = {
                .file = file,
                .next = text,
                .end = text + length,
                .indented = indented,
        };

        for (skip_space(&writer); writer.next < writer.end; skip_space(&writer))
                write_token(&writer);
        putc('\n', file);
}
