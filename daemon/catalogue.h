/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The functions of one program, as its workers have told them, in the words of the OpenRPC
 * document: made once, since they may be long and are asked for often.
 */
#include "common/buffer.h"

#include <stdbool.h>

struct json_object;

struct catalogue {
        struct json_object *told; /* NULL: nothing yet */
        bool takes_any;           /* also functions that are not among them */
        struct buffer text;       /* method objects with commas between; empty: there is none */
        size_t memory;            /* that the text takes: it stays, and is not on its way */
};

void catalogue_init(struct catalogue *catalogue, struct buffer_pool *buffers);
void catalogue_clear(struct catalogue *catalogue);
/* Takes what a worker has told (borrowed; it may be anything). 0; or -ENOMEM, and nothing has
 * changed. */
int catalogue_take(struct catalogue *catalogue, const char *program, struct json_object *told,
                   bool takes_any);
