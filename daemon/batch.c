/* SPDX-License-Identifier: MIT */
#include "batch.h"

#include <stdlib.h>

struct batch *batch_new(struct buffer_pool *buffers, struct batch_room *room)
{
        struct batch *batch = calloc(1, sizeof(*batch));

        if (!batch)
                return NULL;
        batch->pending = 1;
        batch->room = room;
        buffer_init(&batch->out, buffers);
        return batch;
}

static size_t length_of(const struct rpc_answer *answer)
{
        return answer->result.length + answer->message.length + answer->data.length;
}

static bool has_room(const struct batch *batch, const struct rpc_answer *answer)
{
        const struct batch_room *room = batch->room;
        size_t length = length_of(answer);

        return length < BUFFER_SHARE_MIN || room->used + length <= room->max;
}

static int add(struct batch *batch, const struct rpc_answer *answer, const char *id,
               size_t id_length)
{
        size_t before = batch->out.length;
        int r = buffer_append(&batch->out, buffer_is_empty(&batch->out) ? "[" : ",", 1);

        if (r == 0)
                r = rpc_answer_write(answer, id, id_length, &batch->out);
        buffer_compact(&batch->out);
        batch->room->used += batch->out.length - before;
        return r;
}

int batch_add_answer(struct batch *batch, const struct rpc_answer *answer, const char *id,
                     size_t id_length)
{
        struct rpc_answer refusal;

        if (has_room(batch, answer))
                return add(batch, answer, id, id_length);
        rpc_answer_init(&refusal, batch->out.pool);
        rpc_answer_fail(&refusal, RPC_TOO_LARGE, NULL,
                        "an answer of %zu bytes: those that wait for the others of their batches "
                        "have at most %zu together, half of max_buffered",
                        length_of(answer), batch->room->max);
        int r = add(batch, &refusal, id, id_length);
        rpc_answer_clear(&refusal);
        return r;
}

int batch_end(struct batch *batch, struct buffer *out)
{
        int r = 0;

        if (--batch->pending > 0)
                return 0;
        batch->room->used -= batch->out.length;
        if (out && !buffer_is_empty(&batch->out)) {
                r = buffer_append(&batch->out, "]\n", 2);
                buffer_move(out, &batch->out);
        }
        buffer_clear(&batch->out);
        free(batch);
        return r;
}
