/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a worker writes to the daemon: its answers, each of which has to find its request, and its
 * calls. Part of the worker.
 */
#include <stdbool.h>

struct channel_events;
struct worker;

/* For a channel whose userdata is the worker. */
extern const struct channel_events worker_channel_events;

/* It has not read the last request that it was sent; an answer to a call that it has made since is
 * none. */
bool worker_has_unread_request(const struct worker *worker);
