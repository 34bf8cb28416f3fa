/* SPDX-License-Identifier: MIT */
#include "privileges.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

bool privileges_have(int capability)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

        if (syscall(SYS_capget, &header, sets) < 0)
                return false;
        return sets[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

bool privileges_can_change_user(void)
{
        return privileges_have(CAP_SETUID) && privileges_have(CAP_SETGID) &&
               privileges_have(CAP_KILL);
}
