/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a client's lines become: requests for the pools, calls of the daemon's own methods, or
 * refusals; and their way back as answers. Part of the client; called by it alone.
 */
struct caller;
struct client;
struct request;
struct rpc_answer;

/* The client's scanner stands at the end of a line: deals with what is in it. */
void calls_take_line(struct client *client);
/* The caller's `done`. */
void calls_done(struct caller *caller, struct request *request, const struct rpc_answer *answer);
