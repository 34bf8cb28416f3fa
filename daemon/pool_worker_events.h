/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a pool does when one of its workers gets ready, answers, calls or ends: it asks its modules
 * in the order that is needed. Part of the pool; called by it alone.
 */
struct worker_events;

/* For workers whose userdata is their pool. */
extern const struct worker_events pool_worker_events;
