/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The listening socket: made here or taken over, and accepting as long as there is room.
 */
#include <stdbool.h>
#include <sys/types.h>

#define LISTENER_ERROR_MAX 512

struct event;
struct event_base;

struct listener {
        int fd;
        struct event *event, *retry;
        bool is_paused;
        char *path; /* of a socket that was made here, and goes with the listener */
        dev_t device;
        ino_t inode;
        /* Takes the connection. */
        void (*accepted)(void *userdata, int fd);
        void *userdata;
};

/*
 * Makes a socket at the path. One that lies there is replaced if nobody answers on it. `group` may
 * be NULL. Returns the descriptor, or a negative errno with the reason in `error`.
 */
int listener_open(const char *path, mode_t mode, const char *group, char error[LISTENER_ERROR_MAX]);

/* Takes the descriptor; `path` (may be NULL) is removed in the end, if it is still that socket. */
int listener_init(struct listener *listener, struct event_base *base, int fd, const char *path,
                  void (*accepted)(void *userdata, int fd), void *userdata);
void listener_clear(struct listener *listener);
void listener_pause(struct listener *listener);
void listener_resume(struct listener *listener);
