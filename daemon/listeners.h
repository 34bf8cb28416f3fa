/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * All sockets at which clients come in: those that the service manager has handed over, else one of
 * the daemon's own.
 */
#include "listener.h"
#include "options.h"
#include "sd.h"
#include "socket_file.h"

#include <stdbool.h>
#include <stddef.h>

struct listeners {
        struct listener each[SD_SOCKETS_MAX];
        size_t n;
        bool are_given;                 /* handed over */
        struct socket_file socket_file; /* of a socket of its own */
        char path[LISTENER_PATH_MAX];   /* where the first one is */
};

#define LISTENERS_NONE                                                                             \
        {                                                                                          \
                .socket_file.lock = -1                                                             \
        }

/* Makes the socket if none was handed over. 0, or a negative errno; of a socket that cannot be made
 * the log and the service manager are told. What it was before: LISTENERS_NONE. */
int listeners_init(struct listeners *listeners, struct event_base *base,
                   const struct server_options *options, void (*accepted)(void *userdata, int fd),
                   void *userdata);
/* Closes what there is, also after a listeners_init() that failed. */
void listeners_clear(struct listeners *listeners);
void listeners_pause(struct listeners *listeners);
void listeners_resume(struct listeners *listeners);
/* Closes them for good, with regard for who waits there. */
void listeners_end(struct listeners *listeners);
