/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Who is at the other end of a socket: the credentials that it had when it connected, as the kernel
 * keeps them. Its supplementary groups are asked for when somebody needs them, once.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct peer {
        uid_t uid; /* (uid_t)-1: not known; so with gid */
        gid_t gid;
        pid_t pid;
        int fd; /* the socket, which is its owner's; -1: there is none */
        bool has_groups;
        gid_t *groups;
        size_t n_groups;
};

/* fd -1: nobody is known to be there. */
void peer_init(struct peer *peer, int fd);
/* Asks for the supplementary groups while that can be done. */
void peer_keep_groups(struct peer *peer);
/* The socket is about to be closed. */
void peer_detach(struct peer *peer);
void peer_clear(struct peer *peer);

/* The supplementary groups; none where they cannot be had. */
const gid_t *peer_groups(struct peer *peer, size_t *ret_n);
