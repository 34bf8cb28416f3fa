/* SPDX-License-Identifier: MIT */
#include "limits.h"

#include <string.h>

const struct limit_kind limit_kinds[RLIM_NLIMITS] = {
        [RLIMIT_AS] = {"as", LIMIT_BYTES},
        [RLIMIT_CORE] = {"core", LIMIT_BYTES},
        [RLIMIT_CPU] = {"cpu", LIMIT_SECONDS},
        [RLIMIT_DATA] = {"data", LIMIT_BYTES},
        [RLIMIT_FSIZE] = {"fsize", LIMIT_BYTES},
        [RLIMIT_LOCKS] = {"locks", LIMIT_COUNT},
        [RLIMIT_MEMLOCK] = {"memlock", LIMIT_BYTES},
        [RLIMIT_MSGQUEUE] = {"msgqueue", LIMIT_BYTES},
        [RLIMIT_NICE] = {"nice", LIMIT_COUNT},
        [RLIMIT_NOFILE] = {"nofile", LIMIT_COUNT},
        [RLIMIT_NPROC] = {"nproc", LIMIT_COUNT},
        [RLIMIT_RSS] = {"rss", LIMIT_BYTES},
        [RLIMIT_RTPRIO] = {"rtprio", LIMIT_COUNT},
        [RLIMIT_RTTIME] = {"rttime", LIMIT_MICROSECONDS},
        [RLIMIT_SIGPENDING] = {"sigpending", LIMIT_COUNT},
        [RLIMIT_STACK] = {"stack", LIMIT_BYTES},
};

int limits_find(const char *name)
{
        for (int resource = 0; resource < RLIM_NLIMITS; resource++)
                if (strcmp(limit_kinds[resource].name, name) == 0)
                        return resource;
        return -1;
}

int limits_apply(const struct limits *limits)
{
        for (int resource = 0; resource < RLIM_NLIMITS; resource++)
                if (limits->is_set[resource] &&
                    setrlimit((__rlimit_resource_t)resource, &limits->at[resource]) < 0)
                        return resource;
        return -1;
}
