/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Bytes on their way: a buffer is a chain of slices of reference-counted chunks.
 *
 * What is read from a descriptor lies in chunks; a message is cut out of them, and what is large
 * moves from buffer to buffer as references, without a copy. An empty buffer owns nothing.
 */
#include "buffer_pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BUFFER_TURN      (4 * BUFFER_CHUNK_SIZE) /* what is read or written at a time, at most */
#define BUFFER_SHARE_MIN 4096U /* a shorter range is copied: it would pin a whole chunk */

struct buffer {
        struct buffer_pool *pool;
        struct slice *head, *tail;
        size_t length;
};

static inline void buffer_init(struct buffer *buffer, struct buffer_pool *pool)
{
        *buffer = (struct buffer){.pool = pool};
}

static inline bool buffer_is_empty(const struct buffer *buffer)
{
        return buffer->length == 0;
}

/* Drops everything. It can be used again. */
void buffer_clear(struct buffer *buffer);

/* These return 0 or -ENOMEM, and leave the buffer as it was when they fail. */
int buffer_append(struct buffer *buffer, const void *data, size_t length);
/* Appends `length` bytes, from 1 to BUFFER_SHARE_MIN, that the caller fills in at once, all of
 * them. NULL: out of memory. */
void *buffer_extend(struct buffer *buffer, size_t length);
/* Appends bytes [offset, offset + length) of `from`: as references where that is worth it. */
int buffer_share(struct buffer *buffer, const struct buffer *from, size_t offset, size_t length);

/* Moves everything to the end of `to`; `from` is empty afterwards. */
void buffer_move(struct buffer *to, struct buffer *from);
/* Drops the first `length` bytes. */
void buffer_drop(struct buffer *buffer, size_t length);
/* The run of bytes in memory that begins at `offset`: its length, 0 at the end of the buffer. */
size_t buffer_peek(const struct buffer *buffer, size_t offset, const uint8_t **ret);
/* Copies [offset, offset + length) out; the range must lie inside. */
void buffer_copy(const struct buffer *buffer, size_t offset, size_t length, void *out);
/* A small rest is copied to a chunk of its own size, so that a connection which stays with half a
 * line does not hold a whole chunk for it. Best effort. */
void buffer_compact(struct buffer *buffer);

/*
 * Reads once: up to `limit` bytes, into room that the buffer has and fresh chunks. Returns the
 * count, 0 at the end of input, or a negative errno (-EAGAIN: nothing there; EINTR is retried).
 */
ssize_t buffer_read(struct buffer *buffer, int fd, size_t limit);
/* What to read at once when `pending` bytes of a message are there and it goes on: one chunk does
 * for small ones, and a large one comes in bigger steps, yet never holds up the others for long. */
static inline size_t buffer_read_limit(size_t pending)
{
        return pending < BUFFER_CHUNK_SIZE / 2 ? BUFFER_CHUNK_SIZE : BUFFER_TURN;
}

/* Writes once, BUFFER_TURN and a slice at most, and drops what was written: the count, or a
 * negative errno. */
ssize_t buffer_write(struct buffer *buffer, int fd);
/* Writes until that fails, all is written, or it was BUFFER_TURN: then the others have their turn,
 * however fast the reader is. The count, which may be more than 0 for what then fails, or the errno
 * of what failed in *ret_error, negative, else 0. */
size_t buffer_write_turn(struct buffer *buffer, int fd, int *ret_error);
