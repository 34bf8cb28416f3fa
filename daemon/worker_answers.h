/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The answers to the calls that a worker makes. Part of the worker.
 */
#include <stdbool.h>
#include <stddef.h>

struct caller;
struct request;
struct rpc_answer;
struct worker;

/* Whether it works, and waits for calls that it has made. Whatever else it gets waits with them. */
bool worker_is_waiting(const struct worker *worker);
/* Answers one of its calls. `id` is raw JSON. */
void worker_answer_call(struct worker *worker, const char *id, size_t id_length,
                        const struct rpc_answer *answer);
/* The `done` of a worker as a caller. */
void worker_call_answered(struct caller *caller, struct request *request,
                          const struct rpc_answer *answer);
