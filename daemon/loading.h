/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A config that is being read, by a thread of its own: its files may be many and name services
 * slow, and the event loop waits for neither. The thread shares nothing with the daemon but what it
 * has made, which changes hands once.
 */
#include "config.h"
#include "config_errors.h"

#include <stdbool.h>

struct event_base;

struct loaded {
        int result;            /* what config_load() returned */
        struct config *config; /* NULL: it is wrong */
        struct config_errors errors;
};

void loaded_clear(struct loaded *loaded);

struct loading;

/* Begins; `done` is told once, by the event loop, and may take the config. The path is absolute.
 * 0, or a negative errno. */
int loading_new(struct event_base *base, const char *path,
                void (*done)(void *userdata, struct loaded *loaded), void *userdata,
                struct loading **ret);
/* Not from within `done`. One that still goes on is left to itself, and tells nobody. */
struct loading *loading_free(struct loading *loading);
