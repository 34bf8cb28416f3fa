/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What administrators ask of one worker: its Python stack, or its end. Such a call is answered
 * later, when there is something to tell.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct registry;
struct request;
struct rpc_answer;

/* Begin with the worker that has this pid. True: the request was deferred. False: the answer says
 * why not. */
bool worker_call_stack(const struct registry *registry, pid_t pid, struct request *request,
                       struct rpc_answer *answer);
bool worker_call_kill(const struct registry *registry, pid_t pid, struct request *request,
                      struct rpc_answer *answer);
