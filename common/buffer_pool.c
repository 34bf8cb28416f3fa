/* SPDX-License-Identifier: MIT */
#include "buffer_pool.h"

#include <stdlib.h>

#define FREE_LIST_MAX   (4U * 1024U * 1024U) /* bytes of free chunks of one size */
#define FREE_SLICES_MAX 1024U
#define FREE_BLOCKS_MAX 1024U
#define BLOCK_SIZE      512U

/* Which of the free lists the chunk is for; BUFFER_SIZES: none, for it was made to measure. */
static unsigned list_of(size_t size)
{
        if (size < BUFFER_SMALL_SIZE || size > BUFFER_CHUNK_SIZE || (size & (size - 1)) != 0)
                return BUFFER_SIZES;
        return (unsigned)__builtin_ctzl(size / BUFFER_SMALL_SIZE);
}

static struct chunk *take_free(struct buffer_pool *pool, unsigned list)
{
        struct chunk *chunk = list < BUFFER_SIZES ? pool->free_chunks[list] : NULL;

        if (chunk) {
                pool->free_chunks[list] = chunk->next;
                pool->n_free_chunks[list]--;
                pool->free_memory -= chunk->size;
        }
        return chunk;
}

struct chunk *buffer_chunk_new(struct buffer_pool *pool, size_t size)
{
        struct chunk *chunk = take_free(pool, list_of(size));

        if (!chunk && !(chunk = malloc(sizeof(*chunk) + size)))
                return NULL;
        chunk->references = 1;
        chunk->size = size;
        chunk->used = 0;
        pool->memory += size;
        return chunk;
}

void buffer_chunk_unref(struct buffer_pool *pool, struct chunk *chunk)
{
        const unsigned list = list_of(chunk->size);

        if (--chunk->references > 0)
                return;
        pool->memory -= chunk->size;
        if (list == BUFFER_SIZES || pool->n_free_chunks[list] * chunk->size >= FREE_LIST_MAX) {
                free(chunk);
                return;
        }
        chunk->next = pool->free_chunks[list];
        pool->free_chunks[list] = chunk;
        pool->n_free_chunks[list]++;
        pool->free_memory += chunk->size;
}

/* An object's memory while nobody has it. */
struct block {
        struct block *next;
};

void *buffer_block_new(struct buffer_pool *pool, size_t size)
{
        struct block *block = pool->free_blocks;

        if (size > BLOCK_SIZE)
                return malloc(size);
        if (!block)
                return malloc(BLOCK_SIZE);
        pool->free_blocks = block->next;
        pool->n_free_blocks--;
        return block;
}

void buffer_block_free(struct buffer_pool *pool, void *object, size_t size)
{
        struct block *block = object;

        if (size > BLOCK_SIZE || pool->n_free_blocks >= FREE_BLOCKS_MAX) {
                free(object);
                return;
        }
        block->next = pool->free_blocks;
        pool->free_blocks = block;
        pool->n_free_blocks++;
}

struct slice *buffer_slice_new(struct buffer_pool *pool)
{
        struct slice *slice = pool->free_slices;

        if (!slice)
                return malloc(sizeof(*slice));
        pool->free_slices = slice->next;
        pool->n_free_slices--;
        return slice;
}

void buffer_slice_free(struct buffer_pool *pool, struct slice *slice)
{
        if (pool->n_free_slices >= FREE_SLICES_MAX) {
                free(slice);
                return;
        }
        slice->next = pool->free_slices;
        pool->free_slices = slice;
        pool->n_free_slices++;
}

void buffer_pool_trim(struct buffer_pool *pool)
{
        struct chunk *chunk;

        for (unsigned list = 0; list < BUFFER_SIZES; list++)
                while ((chunk = take_free(pool, list)))
                        free(chunk);
        while (pool->free_slices) {
                struct slice *slice = pool->free_slices;
                pool->free_slices = slice->next;
                free(slice);
        }
        while (pool->free_blocks) {
                struct block *block = pool->free_blocks;
                pool->free_blocks = block->next;
                free(block);
        }
        pool->n_free_slices = pool->n_free_blocks = 0;
}
