/* SPDX-License-Identifier: MIT */
#include "writer.h"

#include "base64.h"

#include "common/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put(struct writer *writer, const char *bytes, size_t length)
{
        if (writer->out)
                memcpy(writer->out + writer->length, bytes, length);
        writer->length += length;
}

static void put_string(struct writer *writer, const char *text)
{
        size_t length = strlen(text);

        put(writer, "\"", 1);
        if (writer->out)
                writer->length += text_escape(text, length, writer->out + writer->length);
        else
                writer->length += length * 6;
        put(writer, "\"", 1);
}

/* What comes before a value: a comma, its name. */
static void begin(struct writer *writer, const char *name)
{
        if (writer->comma)
                put(writer, ",", 1);
        writer->comma = true;
        if (name) {
                put_string(writer, name);
                put(writer, ":", 1);
        }
}

void writer_open(struct writer *writer, const char *name, char bracket)
{
        begin(writer, name);
        put(writer, &bracket, 1);
        writer->comma = false;
}

void writer_close(struct writer *writer, char bracket)
{
        put(writer, &bracket, 1);
        writer->comma = true;
}

void writer_string(struct writer *writer, const char *name, const char *text)
{
        begin(writer, name);
        put_string(writer, text);
}

void writer_number(struct writer *writer, const char *name, uint64_t number)
{
        char digits[24];

        snprintf(digits, sizeof(digits), "%" PRIu64, number);
        writer_json(writer, name, digits);
}

void writer_json(struct writer *writer, const char *name, const char *json)
{
        begin(writer, name);
        put(writer, json, strlen(json));
}

void writer_base64(struct writer *writer, const char *name, const void *data, size_t length)
{
        begin(writer, name);
        put(writer, "\"", 1);
        if (writer->out)
                base64_encode(data, length, writer->out + writer->length);
        writer->length += base64_length(length);
        put(writer, "\"", 1);
}
