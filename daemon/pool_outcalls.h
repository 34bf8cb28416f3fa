/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The calls that a pool's workers make. Part of the pool; called by it alone.
 */
#include <stdint.h>

struct request;
struct worker;

/* Cancels the calls that were made within this request, which ends, or has. NULL: all of them. */
void outcalls_end(struct worker *worker, const struct request *within, uint64_t now);
