/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Requests that wait, in turn among their callers: each caller's next one stands in front of those
 * that the same caller sent after it, and goes to the end of the round with its successor's turn.
 * So one that sends thousands keeps nobody waiting for longer than another one that sends one.
 *
 * Nothing is searched and nothing allocated: the first request of a caller carries the others. Only
 * a caller that waits in several rotas at once is looked for among these.
 */
#include "request.h"

struct rota {
        struct request_list first; /* the first request of each caller, in turn */
};

void rota_init(struct rota *rota);
/* The last of its caller. Its pool must be set: a pool has one rota. */
void rota_add(struct rota *rota, struct request *request);
/* The next to be served; NULL: none waits. */
struct request *rota_next(const struct rota *rota);
/* Takes out one that is served: its caller's turn is over. */
void rota_serve(struct rota *rota, struct request *request);
/* Takes out one that does not wait any more. */
void rota_remove(struct rota *rota, struct request *request);
