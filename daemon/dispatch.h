/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What becomes of the calls that workers make: requests for the pools, or refusals.
 */
struct channel_call;
struct registry;
struct worker;

#define DISPATCH_CALLS_MAX 64U /* of one worker; bootstrap/jumpboot/calls.py has the same limit */

/* Answers it, now or later; a line that cancels an earlier one is not answered. */
void dispatch_call(struct registry *registry, struct worker *worker,
                   const struct channel_call *line);
