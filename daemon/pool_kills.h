/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Workers whose end was asked for, and those who wait for it. Part of the pool, which has
 * pool_kill_worker() from here.
 */
struct request;
struct worker;

/* Answers a call of the daemon's own methods when the worker has ended: {"pid", "program", "end"}.
 */
void kills_await(struct worker *worker, struct request *request);
/* It has. */
void kills_exited(struct worker *worker);
