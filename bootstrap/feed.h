/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Writes a text that somebody else owns into a pipe as the pipe takes it, then closes the pipe:
 * the reader's sign that this was all. Nothing is copied; nothing blocks.
 */
#include <stddef.h>

struct event_base;
struct feed;

/* Called once, from the event loop: 0 when everything was written, else the negative errno of the
 * write (-EPIPE: the reader went away). The feed is done then and can be freed in the callback. */
typedef void feed_done_fn(struct feed *feed, int result, void *userdata);

/* Takes the descriptor, also when it fails; it is closed when done or freed. `data` must live as
 * long as the feed. */
int feed_new(struct event_base *base, int fd, const void *data, size_t length, feed_done_fn *done,
             void *userdata, struct feed **ret);
struct feed *feed_free(struct feed *feed);
