/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a new child does on its way to exec. It may still share its memory with the daemon (vfork),
 * so it only makes system calls, on data that was prepared before.
 */
#include "cpus.h"
#include "extra_file.h"
#include "identity.h"
#include "limits.h"

#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

struct child_plan {
        const char *executable; /* absolute */
        char *const *arguments;
        char *const *environment;
        const char *working_directory; /* NULL: as it is */
        const int *cgroup; /* the folder of the control group that it has to enter; or NULL */
        const struct rlimit
                *files_limit;        /* RLIMIT_NOFILE, unless the limits have it; may be NULL */
        const struct limits *limits; /* may be NULL, as may the next */
        const struct identity *identity;
        pid_t parent;
        int umask;             /* -1: as it is */
        int nice;              /* 0: as it is */
        bool is_batch;         /* SCHED_BATCH */
        const cpu_set_t *cpus; /* NULL: as it is */
        /* The child's descriptor i is a duplicate of descriptors[i], which is not below count. */
        const int *descriptors;
        int count;
        const struct extra_file
                *extra_files; /* those with a path take the place of the last ones */
        int n_extra_files;
        int report; /* a pipe: takes a child_report if the way ends early; above count */
};

enum child_step {
        CHILD_CGROUP,
        CHILD_PROCESS_GROUP,
        CHILD_DESCRIPTORS,
        CHILD_FILES_LIMIT,
        CHILD_LIMITS,
        CHILD_NICE,
        CHILD_SCHEDULING,
        CHILD_CPUS,
        CHILD_GROUPS,
        CHILD_USER,
        CHILD_WORKING_DIRECTORY,
        CHILD_EXTRA_FILES,
        CHILD_PRIVILEGES,
        CHILD_PARENT_DEATH,
        CHILD_EXECUTE,
};

struct child_report {
        enum child_step step;
        int error;  /* errno */
        int number; /* of CHILD_LIMITS: the resource; of CHILD_EXTRA_FILES: which one */
};

_Noreturn void child_run(const struct child_plan *plan);
