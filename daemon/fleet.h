/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * All programs that the daemon serves, and how they follow the config: a new one gets a pool, a
 * changed one new workers, one that is gone is let go once it has answered what it has. One that
 * did not change is not touched. The start is no other case: all of them are new.
 *
 * What is in force is what the pools have. So a program whose new workers fail to start, and which
 * keeps the old ones, still differs from the config the next time.
 */
#include "config.h"
#include "pool.h"
#include "registry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

/* What became of the programs of a config. */
struct fleet_report {
        struct json_object *programs; /* NAME: {"change": ..., "ok": ..., "error": ...} */
        unsigned unchanged, changed, added, removed, failed;
};

struct fleet_events {
        /* All that fleet_apply() has begun is done. The report is the fleet's. */
        void (*settled)(void *userdata, const struct fleet_report *report);
        /* A pool that was stopped has lost its last worker. */
        void (*emptied)(void *userdata);
};

struct fleet {
        const struct surroundings *around;
        const struct fleet_events *events;
        void *userdata;
        struct registry registry;
        struct fleet_report report;
        size_t n_pending; /* programs that the report waits for */
        struct turn_task settle;
};

void fleet_init(struct fleet *fleet, const struct surroundings *around,
                const struct fleet_events *events, void *userdata);
/* Frees the pools too. */
void fleet_clear(struct fleet *fleet);

/* Begins to serve the programs of this config. What an earlier one has begun goes on if this one
 * wants the same, and is given up if not; the one report tells of it, too. 0; or -ENOMEM, and
 * nothing has changed. The config may go afterwards. */
int fleet_apply(struct fleet *fleet, const struct config *config, uint64_t now);
/* Gives a program of the fleet new workers and finishes the request, at any time from now on. */
void fleet_restart(struct pool *pool, struct request *request, uint64_t now);

/* Refuses what waits or runs, and lets the workers go. */
void fleet_stop(struct fleet *fleet, bool hurry, uint64_t now);
bool fleet_has_workers(const struct fleet *fleet);
/* How long the workers may take to leave before they are killed. */
uint64_t fleet_time_to_stop(const struct fleet *fleet);
/* A program of the fleet has not become yet what the config wants it to be. */
bool fleet_is_pending(const struct pool *pool);
/* Tells that all is settled at the end of the turn, if no program is waited for: for berths. */
void fleet_settle_later(struct fleet *fleet);
/* The programs whose workers fail to start. */
size_t fleet_count_failing(const struct fleet *fleet);
