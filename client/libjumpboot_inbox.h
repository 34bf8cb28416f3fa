/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What has come from the daemon, line by line. A line is scanned as it comes; one over the bound is
 * scanned to its end, but only its beginning is kept.
 */
#include "common/envelope.h"

#include <sys/types.h>

struct inbox {
        char *data;
        size_t size, length; /* of data: room, and what is there */
        size_t start;        /* where the line begins */
        size_t scanned;      /* up to here the scanner has seen it */
        size_t skipped;      /* bytes of the line that were not kept */
        size_t max_line;
        struct envelope envelope; /* once inbox_next() gave a line: its scan */
};

void inbox_init(struct inbox *inbox, const struct envelope_names *names, size_t max_line);
void inbox_clear(struct inbox *inbox);

/* Reads once: the count, 0 at the end of input, or a negative errno. *ret_more: the socket may have
 * more than that. */
ssize_t inbox_read(struct inbox *inbox, int fd, bool *ret_more);

/* Whether a line is complete. It is valid until inbox_done(). */
bool inbox_next(struct inbox *inbox);
void inbox_done(struct inbox *inbox);

/* Whether a line has begun and not ended. */
static inline bool inbox_is_partial(const struct inbox *inbox)
{
        return inbox->length > inbox->start;
}

/* Of the line that inbox_next() gave. A span is NULL where it lies in what was not kept. */
bool inbox_line_is_kept(const struct inbox *inbox);
const char *inbox_line_span(const struct inbox *inbox, const struct envelope_span *span);
/* The line (which must have been kept) with room for one more byte, for the caller to free; NULL:
 * no memory. Large ones are given away, small ones copied. inbox_done() is still to be called. */
char *inbox_take_line(struct inbox *inbox);
