/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Where all buffers of a server get their memory from: chunks of bytes, slices that refer to them,
 * and blocks for objects that come and go with messages. What is given back goes to free lists, so
 * that steady traffic allocates nothing.
 */
#include <stddef.h>
#include <stdint.h>

#define BUFFER_CHUNK_SIZE 65536U /* a chunk as it is read into */
#define BUFFER_SMALL_SIZE 256U   /* one for a few bytes */
#define BUFFER_SIZES      9U     /* of chunks, from small ones on, each twice the one before */

struct block;

/* Bytes past `used` belong to nobody: whoever's slice ends there may grow into them. */
struct chunk {
        struct chunk *next;
        unsigned references;
        size_t size;
        size_t used;
        uint8_t data[];
};

struct slice {
        struct slice *next;
        struct chunk *chunk;
        const uint8_t *data;
        size_t length;
};

/* Zero-initialise it. */
struct buffer_pool {
        struct chunk *free_chunks[BUFFER_SIZES]; /* by size, a power of two */
        size_t free_memory;                      /* of all these */
        struct block *free_blocks;               /* see buffer_block_new() */
        struct slice *free_slices;
        unsigned n_free_chunks[BUFFER_SIZES];
        unsigned n_free_blocks;
        unsigned n_free_slices;
        size_t memory; /* bytes of chunks in use, however many share them */
        size_t kept;   /* those of them that stay, by whoever keeps them */
};

/* What is on its way. */
static inline size_t buffer_pool_moving(const struct buffer_pool *pool)
{
        return pool->memory - pool->kept;
}

/* Frees what lies in the free lists. */
void buffer_pool_trim(struct buffer_pool *pool);

/* A chunk with one reference, and nothing used. NULL: out of memory. */
struct chunk *buffer_chunk_new(struct buffer_pool *pool, size_t size);
void buffer_chunk_unref(struct buffer_pool *pool, struct chunk *chunk);
/* Not initialised. NULL: out of memory. */
struct slice *buffer_slice_new(struct buffer_pool *pool);
void buffer_slice_free(struct buffer_pool *pool, struct slice *slice);

/* Memory for an object that comes and goes with messages, as malloc() and free() give and take it:
 * from a free list if it is not large. The size is the same both times. */
void *buffer_block_new(struct buffer_pool *pool, size_t size);
void buffer_block_free(struct buffer_pool *pool, void *object, size_t size);
