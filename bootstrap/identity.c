/* SPDX-License-Identifier: MIT */
#include "identity.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* On machines whose first calls had ids of 16 bits, others have taken their place. */
#ifdef SYS_setresuid32
#define SETGROUPS SYS_setgroups32
#define SETRESGID SYS_setresgid32
#define SETRESUID SYS_setresuid32
#else
#define SETGROUPS SYS_setgroups
#define SETRESGID SYS_setresgid
#define SETRESUID SYS_setresuid
#endif

int identity_take_groups(const struct identity *identity)
{
        if (syscall(SETGROUPS, identity->n_groups, identity->groups) < 0)
                return -1;
        return syscall(SETRESGID, identity->gid, identity->gid, identity->gid) < 0 ? -1 : 0;
}

int identity_take_user(const struct identity *identity)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

        if (syscall(SETRESUID, identity->uid, identity->uid, identity->uid) < 0)
                return -1;
        if (identity->uid == 0)
                return 0;
        /* Until it executes something, it holds a copy of the daemon's memory. */
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return -1;
        return syscall(SYS_capset, &header, none) < 0 ? -1 : 0;
}
