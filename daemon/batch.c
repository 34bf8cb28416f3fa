/* SPDX-License-Identifier: MIT */
#include "batch.h"

#include <stdlib.h>

struct batch *batch_new(struct buffer_pool *buffers, size_t *unsent)
{
        struct batch *batch = calloc(1, sizeof(*batch));

        if (!batch)
                return NULL;
        batch->pending = 1;
        batch->unsent = unsent;
        buffer_init(&batch->out, buffers);
        return batch;
}

int batch_add_answer(struct batch *batch, const struct rpc_answer *answer, const char *id,
                     size_t id_length)
{
        size_t before = batch->out.length;
        int r = buffer_append(&batch->out, buffer_is_empty(&batch->out) ? "[" : ",", 1);

        if (r == 0)
                r = rpc_answer_write(answer, id, id_length, &batch->out);
        buffer_compact(&batch->out);
        *batch->unsent += batch->out.length - before;
        return r;
}

int batch_end(struct batch *batch, struct buffer *out)
{
        int r = 0;

        if (--batch->pending > 0)
                return 0;
        *batch->unsent -= batch->out.length;
        if (out && !buffer_is_empty(&batch->out)) {
                r = buffer_append(&batch->out, "]\n", 2);
                buffer_move(out, &batch->out);
        }
        buffer_clear(&batch->out);
        free(batch);
        return r;
}
