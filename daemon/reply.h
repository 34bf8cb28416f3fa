/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A worker's answer line as the answer that a client gets: its kind picks the code, its parts are
 * passed on as they lie.
 */
#include "channel.h"
#include "common/rpc.h"

/* `answer` was initialised, and refers to the channel's input afterwards. */
void reply_translate(const struct channel_answer *from, struct rpc_answer *answer);
/* In place of an answer of the worker's that is none: says what is wrong with it. */
void reply_refuse(struct rpc_answer *answer, const char *fault);
