/* SPDX-License-Identifier: MIT */
#include "access.h"

#include "request.h"

static bool is_listed(const struct access *access, struct peer *peer)
{
        const gid_t *groups;
        size_t n;

        if (peer->uid == 0 || id_list_has(access->users, peer->uid))
                return true;
        if (!access->groups)
                return false;
        if (id_list_has(access->groups, peer->gid))
                return true;
        groups = peer_groups(peer, &n);
        for (size_t i = 0; i < n; i++)
                if (id_list_has(access->groups, groups[i]))
                        return true;
        return false;
}

bool access_allows(const struct access *access, struct caller *caller)
{
        return (!access->users && !access->groups) || is_listed(access, &caller->peer);
}

bool access_is_admin(const struct access *access, struct caller *caller)
{
        return is_listed(access, &caller->peer);
}
