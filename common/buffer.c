/* SPDX-License-Identifier: MIT */
#include "buffer.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_VECTORS  16
#define WRITE_VECTORS 64

static void link_slice(struct buffer *buffer, struct slice *slice)
{
        slice->next = NULL;
        if (buffer->tail)
                buffer->tail->next = slice;
        else
                buffer->head = slice;
        buffer->tail = slice;
        buffer->length += slice->length;
}

/* Puts a slice at the end that refers to the given bytes; takes over one reference of the chunk. */
static int add_slice(struct buffer *buffer, struct chunk *chunk, const uint8_t *data, size_t length)
{
        struct slice *slice = buffer_slice_new(buffer->pool);

        if (!slice)
                return -ENOMEM;
        slice->chunk = chunk;
        slice->data = data;
        slice->length = length;
        link_slice(buffer, slice);
        return 0;
}

/* The free bytes right behind the buffer's last one. */
static size_t tail_room(const struct buffer *buffer)
{
        const struct slice *tail = buffer->tail;

        if (!tail || tail->data + tail->length != tail->chunk->data + tail->chunk->used)
                return 0;
        return tail->chunk->size - tail->chunk->used;
}

static void grow_tail(struct buffer *buffer, size_t length)
{
        buffer->tail->chunk->used += length;
        buffer->tail->length += length;
        buffer->length += length;
}

/* Takes the slices behind `last` (all of them where it is NULL) off again. */
static void cut_behind(struct buffer *buffer, struct slice *last, size_t length)
{
        struct slice *slice = last ? last->next : buffer->head;

        while (slice) {
                struct slice *next = slice->next;
                buffer_chunk_unref(buffer->pool, slice->chunk);
                buffer_slice_free(buffer->pool, slice);
                slice = next;
        }
        if (last)
                last->next = NULL;
        else
                buffer->head = NULL;
        buffer->tail = last;
        buffer->length = length;
}

void buffer_clear(struct buffer *buffer)
{
        cut_behind(buffer, NULL, 0);
}

/* The first `length` bytes of a new chunk of that size, which are the buffer's last. NULL: no
 * memory. */
static void *extend_by_chunk(struct buffer *buffer, size_t length, size_t size)
{
        struct chunk *chunk = buffer_chunk_new(buffer->pool, size);

        if (!chunk)
                return NULL;
        chunk->used = length;
        if (add_slice(buffer, chunk, chunk->data, length) == 0)
                return chunk->data;
        buffer_chunk_unref(buffer->pool, chunk);
        return NULL;
}

static int append_chunk(struct buffer *buffer, const uint8_t *data, size_t length, size_t size)
{
        void *room = extend_by_chunk(buffer, length, size);

        if (!room)
                return -ENOMEM;
        memcpy(room, data, length);
        return 0;
}

/* A chunk for what comes behind `length` bytes: a few bytes do not take a large one, and many in
 * small pieces do not take many. */
static size_t next_chunk_size(size_t length, size_t left)
{
        size_t size = BUFFER_SMALL_SIZE;

        while (size < BUFFER_CHUNK_SIZE && (size < left || size < length))
                size *= 2;
        return size;
}

void *buffer_extend(struct buffer *buffer, size_t length)
{
        if (length > tail_room(buffer))
                return extend_by_chunk(buffer, length, next_chunk_size(buffer->length, length));
        uint8_t *room = buffer->tail->chunk->data + buffer->tail->chunk->used;
        grow_tail(buffer, length);
        return room;
}

/* What does not fit behind the last byte, where there is some room perhaps. */
static int append_beyond(struct buffer *buffer, const uint8_t *rest, size_t length, size_t room)
{
        struct slice *last = buffer->tail;
        size_t before = buffer->length;

        if (room > 0)
                memcpy(last->chunk->data + last->chunk->used, rest, room);
        rest += room;
        for (size_t left = length - room; left > 0;) {
                size_t size = next_chunk_size(buffer->length, left);
                size_t part = left < size ? left : size;
                if (append_chunk(buffer, rest, part, size) < 0) {
                        cut_behind(buffer, last, before);
                        return -ENOMEM;
                }
                rest += part;
                left -= part;
        }
        if (room > 0) {
                last->chunk->used += room;
                last->length += room;
                buffer->length += room;
        }
        return 0;
}

int buffer_append(struct buffer *buffer, const void *data, size_t length)
{
        size_t room = tail_room(buffer);

        if (length > room)
                return append_beyond(buffer, data, length, room);
        if (length > 0) {
                memcpy(buffer->tail->chunk->data + buffer->tail->chunk->used, data, length);
                grow_tail(buffer, length);
        }
        return 0;
}

/* Finds the slice that holds byte `*offset`, which becomes an offset into that slice. */
static const struct slice *find(const struct buffer *buffer, size_t *offset)
{
        const struct slice *slice = buffer->head;

        while (slice && *offset >= slice->length) {
                *offset -= slice->length;
                slice = slice->next;
        }
        return slice;
}

int buffer_share(struct buffer *buffer, const struct buffer *from, size_t offset, size_t length)
{
        struct slice *last = buffer->tail;
        size_t before = buffer->length, last_length = last ? last->length : 0;
        bool copy = length < BUFFER_SHARE_MIN;
        int r = 0;

        for (const struct slice *slice = find(from, &offset); length > 0; slice = slice->next) {
                size_t part = slice->length - offset;
                if (part > length)
                        part = length;
                if (copy) {
                        r = buffer_append(buffer, slice->data + offset, part);
                } else {
                        r = add_slice(buffer, slice->chunk, slice->data + offset, part);
                        if (r == 0)
                                slice->chunk->references++;
                }
                if (r < 0) {
                        cut_behind(buffer, last, before);
                        if (last)
                                last->length = last_length;
                        return r;
                }
                length -= part;
                offset = 0;
        }
        return 0;
}

void buffer_move(struct buffer *to, struct buffer *from)
{
        if (!from->head)
                return;
        if (to->tail)
                to->tail->next = from->head;
        else
                to->head = from->head;
        to->tail = from->tail;
        to->length += from->length;
        buffer_init(from, from->pool);
}

void buffer_drop(struct buffer *buffer, size_t length)
{
        buffer->length -= length;
        while (length > 0) {
                struct slice *slice = buffer->head;
                if (length < slice->length) {
                        slice->data += length;
                        slice->length -= length;
                        return;
                }
                length -= slice->length;
                buffer->head = slice->next;
                if (!buffer->head)
                        buffer->tail = NULL;
                buffer_chunk_unref(buffer->pool, slice->chunk);
                buffer_slice_free(buffer->pool, slice);
        }
}

size_t buffer_peek(const struct buffer *buffer, size_t offset, const uint8_t **ret)
{
        const struct slice *slice = find(buffer, &offset);

        if (!slice)
                return 0;
        *ret = slice->data + offset;
        return slice->length - offset;
}

void buffer_copy(const struct buffer *buffer, size_t offset, size_t length, void *out)
{
        uint8_t *to = out;

        for (const struct slice *slice = find(buffer, &offset); length > 0; slice = slice->next) {
                size_t part = slice->length - offset;
                if (part > length)
                        part = length;
                memcpy(to, slice->data + offset, part);
                to += part;
                length -= part;
                offset = 0;
        }
}

void buffer_compact(struct buffer *buffer)
{
        uint8_t bytes[BUFFER_SHARE_MIN];
        size_t length = buffer->length;

        if (length == 0 || length > sizeof(bytes))
                return;
        if (!buffer->head->next && buffer->head->chunk->size <= length)
                return;
        buffer_copy(buffer, 0, length, bytes);

        struct buffer compact = {.pool = buffer->pool};
        if (append_chunk(&compact, bytes, length, length) < 0)
                return;
        buffer_clear(buffer);
        *buffer = compact;
}

/* Fresh chunks for `limit` bytes at the most; fewer where memory is short. */
static unsigned take_chunks(struct buffer_pool *pool, struct chunk **chunks, struct iovec *vectors,
                            unsigned max, size_t limit)
{
        unsigned n = 0;

        for (size_t total = 0; n < max && total < limit; n++) {
                chunks[n] = buffer_chunk_new(pool, BUFFER_CHUNK_SIZE);
                if (!chunks[n])
                        break;
                size_t part = limit - total < BUFFER_CHUNK_SIZE ? limit - total : BUFFER_CHUNK_SIZE;
                vectors[n] = (struct iovec){.iov_base = chunks[n]->data, .iov_len = part};
                total += part;
        }
        return n;
}

/* Gives `length` read bytes to the buffer, chunk by chunk, and the unused chunks back. */
static int keep_chunks(struct buffer *buffer, struct chunk **chunks, unsigned n, size_t length)
{
        int r = 0;

        for (unsigned i = 0; i < n; i++) {
                size_t part = length < BUFFER_CHUNK_SIZE ? length : BUFFER_CHUNK_SIZE;
                length -= part;
                chunks[i]->used = part;
                if (part > 0 && r == 0)
                        r = add_slice(buffer, chunks[i], chunks[i]->data, part);
                if (part == 0 || r < 0)
                        buffer_chunk_unref(buffer->pool, chunks[i]);
        }
        return r;
}

static ssize_t read_vectors(int fd, const struct iovec *vectors, int n)
{
        ssize_t got;

        do
                got = readv(fd, vectors, n);
        while (got < 0 && errno == EINTR);
        return got < 0 ? -errno : got;
}

ssize_t buffer_read(struct buffer *buffer, int fd, size_t limit)
{
        struct iovec vectors[READ_VECTORS + 1];
        struct chunk *chunks[READ_VECTORS];
        size_t room = tail_room(buffer);

        if (room > limit)
                room = limit;
        if (room > 0)
                vectors[0] = (struct iovec){
                        .iov_base = buffer->tail->chunk->data + buffer->tail->chunk->used,
                        .iov_len = room,
                };
        unsigned first = room > 0 ? 1 : 0;
        unsigned n = take_chunks(buffer->pool, chunks, vectors + first, READ_VECTORS, limit - room);
        if (first + n == 0)
                return -ENOMEM;

        ssize_t got = read_vectors(fd, vectors, (int)(first + n));
        size_t length = got > 0 ? (size_t)got : 0;
        size_t in_room = length < room ? length : room;
        if (in_room > 0)
                grow_tail(buffer, in_room);
        int r = keep_chunks(buffer, chunks, n, length - in_room);
        return r < 0 ? r : got;
}

ssize_t buffer_write(struct buffer *buffer, int fd)
{
        struct iovec vectors[WRITE_VECTORS];
        size_t length = 0;
        int n = 0;
        ssize_t written;

        for (struct slice *slice = buffer->head; slice && n < WRITE_VECTORS && length < BUFFER_TURN;
             slice = slice->next) {
                vectors[n++] = (struct iovec){
                        .iov_base = (void *)(uintptr_t)slice->data,
                        .iov_len = slice->length,
                };
                length += slice->length;
        }
        do
                written = writev(fd, vectors, n);
        while (written < 0 && errno == EINTR);
        if (written < 0)
                return -errno;
        buffer_drop(buffer, (size_t)written);
        return written;
}

size_t buffer_write_turn(struct buffer *buffer, int fd, int *ret_error)
{
        size_t count = 0;
        ssize_t n = 0;

        while (!buffer_is_empty(buffer) && n >= 0 && count < BUFFER_TURN) {
                n = buffer_write(buffer, fd);
                count += n > 0 ? (size_t)n : 0;
        }
        *ret_error = n < 0 ? (int)n : 0;
        return count;
}
