/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * ZMTP 3.0 (rfc.zeromq.org/spec/23), as much of it as a client needs that asks a ROUTER: what a
 * DEALER says first, and messages of two frames, of which the first is empty.
 */
#include <stddef.h>

#define ZMTP_MESSAGE_HEAD 11 /* bytes before the body of a message that is sent */

/* What is sent before anything else. */
const char *zmtp_greeting(size_t *ret_length);
/* How many bytes the other side's greeting has; 0: more of it has to come. */
size_t zmtp_greeting_size(const char *bytes, size_t length);

void zmtp_put_head(char buffer[static ZMTP_MESSAGE_HEAD], size_t body);

/* The size of the message at the beginning, and its last frame's body; 0: more has to come. */
size_t zmtp_find(const char *bytes, size_t length, const char **ret_body, size_t *ret_length);
