/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Where the entries of the log go: stderr, or the journal. An outlet never blocks.
 */
#include <stddef.h>

struct log_context;
struct log_line;

enum log_written {
        LOG_WRITTEN,
        LOG_BUSY,    /* the rest can be written once the descriptor takes more */
        LOG_GONE,    /* there is nobody to take it now, and may be later */
        LOG_DROPPED, /* it will not be written */
};

struct log_outlet {
        /* Puts the bytes of one entry together. */
        void (*format)(struct log_line *line, int level, const struct log_context *context,
                       const char *text, size_t length);
        /* Writes what is left of an entry from *done on, which it advances. */
        enum log_written (*write)(const char *bytes, size_t length, size_t *done);
        /* The one that is to be waited for after LOG_BUSY. */
        int (*descriptor)(void);
};

extern const struct log_outlet log_stderr;
