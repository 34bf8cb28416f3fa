/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The bytes of one entry of the log while they are put together. Text of whatever origin is escaped
 * here, so that a terminal or a viewer shows it and does nothing else.
 */
#include <stdbool.h>
#include <stddef.h>

struct log_context;

struct log_line {
        char *bytes;
        size_t length, room;
        bool is_failed; /* there was no memory for all of it */
};

void log_line_clear(struct log_line *line);
/* Empties it, for the next one. */
void log_line_reset(struct log_line *line);

void log_line_put(struct log_line *line, const void *bytes, size_t length);
void log_line_put_string(struct log_line *line, const char *string);
/* A newline in it becomes `newline`; NULL: it is escaped, as other control characters are. */
void log_line_put_text(struct log_line *line, const char *text, size_t length, const char *newline);
/* "calc[1234] #17 add: ", of what is known. */
void log_line_put_context(struct log_line *line, const struct log_context *context);
