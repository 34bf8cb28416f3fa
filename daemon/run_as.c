/* SPDX-License-Identifier: MIT */
#include "run_as.h"

#include "common/cleanup.h"
#include "privileges.h"

#include <errno.h>
#include <string.h>

static int own_groups(gid_t **ret, size_t *ret_n)
{
        int n = getgroups(0, NULL);
        gid_t *groups = n < 0 ? NULL : calloc((size_t)n + 1, sizeof(*groups));

        if (!groups)
                return -ENOMEM;
        n = getgroups(n, groups);
        if (n < 0) {
                free(groups);
                return -ENOMEM;
        }
        *ret = groups;
        *ret_n = (size_t)n;
        return 0;
}

static bool has_group(const struct identity *identity, gid_t group)
{
        if (identity->gid == group)
                return true;
        for (size_t i = 0; i < identity->n_groups; i++)
                if (identity->groups[i] == group)
                        return true;
        return false;
}

static bool are_among(const struct identity *some, const struct identity *of)
{
        for (size_t i = 0; i < some->n_groups; i++)
                if (!has_group(of, some->groups[i]))
                        return false;
        return true;
}

/* Whether there is nothing to take on: then no privilege is needed either. */
static bool is_own(const struct identity *identity, const struct identity *own)
{
        uid_t uids[3];
        gid_t gids[3];

        if (getresuid(&uids[0], &uids[1], &uids[2]) < 0 ||
            getresgid(&gids[0], &gids[1], &gids[2]) < 0)
                return false;
        for (size_t i = 0; i < 3; i++)
                if (uids[i] != identity->uid || gids[i] != identity->gid)
                        return false;
        return are_among(identity, own) && are_among(own, identity);
}

/* The groups of the user, or without one the daemon's own. */
static int find_groups(struct run_as *run_as, const char *group,
                       char error[static RUN_AS_ERROR_MAX])
{
        struct identity *identity = &run_as->identity;
        int r = 0;

        if (group)
                r = account_find_group(group, &identity->gid, error);
        else if (run_as->has_account && !run_as->account.is_listed) {
                snprintf(error, RUN_AS_ERROR_MAX,
                         "the user %s is not in the user database: \"group\" must say which group "
                         "it has",
                         run_as->account.name);
                r = 1;
        } else if (run_as->has_account)
                identity->gid = run_as->account.gid;
        if (r != 0)
                return r;
        if (!run_as->has_account)
                return own_groups(&identity->groups, &identity->n_groups);
        return account_groups(&run_as->account, identity->gid, &identity->groups,
                              &identity->n_groups);
}

/* Whether it is another one than the daemon's, and may be taken on. */
static int compare(struct run_as *run_as, char error[static RUN_AS_ERROR_MAX])
{
        struct identity own = {.uid = geteuid(), .gid = getegid()};
        int r = own_groups(&own.groups, &own.n_groups);

        if (r < 0)
                return r;
        run_as->is_other = !is_own(&run_as->identity, &own);
        free(own.groups);
        if (!run_as->is_other || privileges_can_change_user())
                return 0;
        snprintf(error, RUN_AS_ERROR_MAX,
                 "only a daemon that runs as root, or has CAP_SETUID, CAP_SETGID and CAP_KILL, can "
                 "run workers as another user or group; this one has uid %u and gid %u",
                 (unsigned)own.uid, (unsigned)own.gid);
        return 1;
}

int run_as_find(const char *user, const char *group, struct run_as *ret,
                char error[static RUN_AS_ERROR_MAX])
{
        int r = 0;

        *ret = (struct run_as){.identity = {.uid = geteuid(), .gid = getegid()}};
        if (user) {
                r = account_find_user(user, &ret->account, error);
                ret->has_account = r == 0;
                ret->identity.uid = ret->account.uid;
        }
        if (r == 0)
                r = find_groups(ret, group, error);
        if (r == 0 && (user || group))
                r = compare(ret, error);
        if (r != 0)
                run_as_clear(ret);
        return r;
}

void run_as_clear(struct run_as *run_as)
{
        account_clear(&run_as->account);
        free(run_as->identity.groups);
        *run_as = (struct run_as){0};
}
