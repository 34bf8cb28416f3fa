/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include "common/cleanup.h"

#include <errno.h>
#include <sys/socket.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

#define GROUPS_FIRST 32 /* more are asked for anew */

void peer_init(struct peer *peer, int fd)
{
        struct ucred credentials;
        socklen_t length = sizeof(credentials);

        if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0)
                credentials = (struct ucred){.uid = (uid_t)-1, .gid = (gid_t)-1};
        *peer = (struct peer){
                .uid = credentials.uid,
                .gid = credentials.gid,
                .pid = credentials.pid,
                .fd = fd,
        };
}

void peer_detach(struct peer *peer)
{
        peer->fd = -1;
}

void peer_clear(struct peer *peer)
{
        free(peer->groups);
        *peer = (struct peer){.uid = (uid_t)-1, .gid = (gid_t)-1, .fd = -1};
}

/* The kernel says how much room it would have needed. */
static void read_groups(struct peer *peer)
{
        socklen_t length = GROUPS_FIRST * sizeof(gid_t);

        for (int tries = 0; tries < 2; tries++) {
                gid_t *grown = realloc(peer->groups, length);

                if (!grown)
                        return;
                peer->groups = grown;
                if (getsockopt(peer->fd, SOL_SOCKET, SO_PEERGROUPS, grown, &length) == 0) {
                        peer->n_groups = length / sizeof(gid_t);
                        return;
                }
                if (errno != ERANGE)
                        return;
        }
}

void peer_keep_groups(struct peer *peer)
{
        if (!peer->has_groups && peer->fd >= 0) {
                peer->has_groups = true;
                read_groups(peer);
        }
}

const gid_t *peer_groups(struct peer *peer, size_t *ret_n)
{
        peer_keep_groups(peer);
        *ret_n = peer->n_groups;
        return peer->groups;
}
