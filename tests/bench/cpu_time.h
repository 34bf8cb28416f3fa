/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The CPU time of groups of processes, in nanoseconds as the scheduler counts it: how much of it a
 * server takes for a call. All threads that are alive at both times count.
 */
#include <stdint.h>
#include <sys/types.h>

#define CPU_TIME_PROCESSES_MAX 512

struct cpu_time {
        const char *name;
        pid_t pids[CPU_TIME_PROCESSES_MAX];
        unsigned n_pids;
        uint64_t begin;
};

/* NAME=PID[,PID...]. -EINVAL: it is not that; -E2BIG. The text has to stay. */
int cpu_time_parse(struct cpu_time *group, char *text);
/* All that was taken since the processes began. */
uint64_t cpu_time_read(const struct cpu_time *group);
