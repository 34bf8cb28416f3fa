/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The lines that wait in a client's buffer while it is at its limit, looked at for cancels before
 * their turn: what is to be cancelled stands in the way of the cancel. Each byte is looked at once.
 * Only single messages count; batches, and lines over a few kilobytes, take their turn.
 *
 * A cancel acts on what is in flight when it is seen; it is kept besides until its turn, since what
 * it is for may wait before it.
 */
#include "cancel.h"
#include "common/buffer.h"
#include "common/envelope.h"
#include "request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AHEAD_KEPT_MAX 64U /* cancels; more of them act when they are seen and in their turn */

/* A cancel whose turn has not come. */
struct ahead_cancel {
        TAILQ_ENTRY(ahead_cancel) link;
        uint64_t line; /* the number of the byte that its line begins with */
        struct cancel_id id;
};

struct ahead {
        struct envelope envelope; /* of the line that is being looked at */
        size_t start;             /* where in the buffer that line begins */
        uint64_t passed;          /* bytes that have left the buffer */
        TAILQ_HEAD(, ahead_cancel) cancels;
        unsigned n_cancels;
};

/* The buffer begins with the beginning of a line. NULL: out of memory. */
struct ahead *ahead_new(void);
struct ahead *ahead_free(struct ahead *ahead);

/* Looks at what is new in the buffer, and cancels what it names of the caller's. */
void ahead_look(struct ahead *ahead, const struct buffer *in, struct caller *caller, uint64_t now);
/* A cancel stands behind a request that is being taken out of the buffer. `ahead` may be NULL. */
bool ahead_is_cancelled(const struct ahead *ahead, const char *id, size_t id_length);
/* So many bytes have left the buffer, to the end of a line. May be NULL. */
void ahead_dropped(struct ahead *ahead, size_t length);
