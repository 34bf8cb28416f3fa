/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Writes JSON into memory that is large enough, or, without memory, only counts how much is: so a
 * text is written in two passes of the same code, into one allocation.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct writer {
        char *out;     /* NULL: count */
        size_t length; /* written; when counting, never less than what will be written */
        bool comma;    /* the next value or member needs one before it */
};

void writer_open(struct writer *writer, const char *name, char bracket);
void writer_close(struct writer *writer, char bracket);
/* A member if there is a name, else a value. What stands in name and text need not be UTF-8. */
void writer_string(struct writer *writer, const char *name, const char *text);
void writer_number(struct writer *writer, const char *name, uint64_t number);
void writer_json(struct writer *writer, const char *name, const char *json);
void writer_base64(struct writer *writer, const char *name, const void *data, size_t length);
