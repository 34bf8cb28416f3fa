/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A JSON-RPC batch: the answers of its requests, gathered until the last one has come.
 */
#include "common/buffer.h"
#include "common/rpc.h"

#include <stdbool.h>

/* What the unfinished batches of all clients hold together. */
struct batch_room {
        size_t used, max;
};

struct batch {
        unsigned pending; /* requests that are not answered yet, and whoever still adds some */
        struct buffer out;
        struct batch_room *room;
};

/* One is pending: the maker, who calls batch_end() when all requests have been added. */
struct batch *batch_new(struct buffer_pool *buffers, struct batch_room *room);
/* A large answer for which there is no room is replaced by an error: nobody can take it before the
 * others have come, too, and room for these can only come of batches that end. */
int batch_add_answer(struct batch *batch, const struct rpc_answer *answer, const char *id,
                     size_t id_length);
/* One less is pending. With the last one, the array of answers (if there are any) goes to the end
 * of `out` (which may be NULL: nobody wants it), and the batch is freed. */
int batch_end(struct batch *batch, struct buffer *out);
