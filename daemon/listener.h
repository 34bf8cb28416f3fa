/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A listening socket: accepting as long as there is room.
 */
#include <stdbool.h>

#define LISTENER_PATH_MAX 109 /* that of a UNIX socket at its longest, and its end */

struct event;
struct event_base;

struct listener {
        int fd;
        struct event *event, *retry;
        bool is_paused;
        bool is_short; /* of descriptors or memory, which was told */
        /* Takes the connection. */
        void (*accepted)(void *userdata, int fd);
        void *userdata;
};

/* Takes the descriptor. 0 or -ENOMEM. */
int listener_init(struct listener *listener, struct event_base *base, int fd,
                  void (*accepted)(void *userdata, int fd), void *userdata);
void listener_clear(struct listener *listener);
void listener_pause(struct listener *listener);
void listener_resume(struct listener *listener);
/* Accepts at once all who wait, unless it is paused meanwhile. */
void listener_accept_all(struct listener *listener);
/* Where clients find it: a path, or @ and an abstract name. */
const char *listener_path(const struct listener *listener, char path[static LISTENER_PATH_MAX]);
