/* SPDX-License-Identifier: MIT */
#include "account.h"

#include "common/cleanup.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>

#define GROUPS_MAX 65536 /* the kernel's own limit */

/* The number that all of the text is. One less than the largest is the most: that one means
 * "unchanged" to the kernel. */
static bool read_number(const char *text, uint32_t *ret)
{
        uint64_t number = 0;

        if (!*text || strlen(text) > 10 || strspn(text, "0123456789") != strlen(text))
                return false;
        for (; *text; text++)
                number = number * 10 + (uint64_t)(*text - '0');
        *ret = (uint32_t)number;
        return number < UINT32_MAX;
}

/* What getpwnam(3) may say of one that is not there, besides nothing. */
static bool is_absence(int error)
{
        return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

static int tell(const char *what, const char *name, int error, char text[static ACCOUNT_ERROR_MAX])
{
        if (error == ENOMEM)
                return -ENOMEM;
        if (is_absence(error))
                snprintf(text, ACCOUNT_ERROR_MAX, "this system has no %s \"%.100s\"", what, name);
        else
                snprintf(text, ACCOUNT_ERROR_MAX, "cannot look up the %s \"%.100s\": %s", what,
                         name, strerror(error));
        return 1;
}

static int take_texts(struct account *account, const char *name, const char *home,
                      const char *shell)
{
        account->name = strdup(name);
        account->home = strdup(*home ? home : "/");
        account->shell = strdup(*shell ? shell : "/bin/sh");
        if (account->name && account->home && account->shell)
                return 0;
        account_clear(account);
        return -ENOMEM;
}

int account_find_user(const char *user, struct account *ret, char error[static ACCOUNT_ERROR_MAX])
{
        uint32_t number;
        bool is_number = read_number(user, &number);
        const struct passwd *entry;

        *ret = (struct account){0};
        errno = 0;
        entry = is_number ? getpwuid(number) : getpwnam(user);
        if (entry) {
                *ret = (struct account){entry->pw_uid, entry->pw_gid, .is_listed = true};
                return take_texts(ret, entry->pw_name, entry->pw_dir, entry->pw_shell);
        }
        if (!is_number || !is_absence(errno))
                return tell("user", user, errno, error);
        ret->uid = number;
        return take_texts(ret, user, "", "");
}

int account_find_group(const char *group, gid_t *ret, char error[static ACCOUNT_ERROR_MAX])
{
        const struct group *entry;

        if (read_number(group, ret))
                return 0;
        errno = 0;
        entry = getgrnam(group);
        if (!entry)
                return tell("group", group, errno, error);
        *ret = entry->gr_gid;
        return 0;
}

void account_clear(struct account *account)
{
        free(account->name);
        free(account->home);
        free(account->shell);
        *account = (struct account){0};
}

int account_groups(const struct account *account, gid_t gid, gid_t **ret, size_t *ret_n)
{
        _cleanup_free_ gid_t *groups = NULL;
        int n = 1, room = 16;

        for (;;) {
                gid_t *grown = reallocarray(groups, (size_t)room, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                groups = grown;
                groups[0] = gid;
                n = room;
                if (!account->is_listed || getgrouplist(account->name, gid, groups, &n) >= 0)
                        break;
                if (room >= GROUPS_MAX) /* no process can have more than the first of them */
                        break;
                room *= 4;
        }
        *ret_n = !account->is_listed ? 1 : n < room ? (size_t)n : (size_t)room;
        *ret = steal(groups);
        return 0;
}
