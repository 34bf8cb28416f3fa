/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Whether the kernel kills for memory: it counts those kills, per control group (memory.events of
 * version 2, memory.oom_control of version 1) or at least for the whole machine (/proc/vmstat).
 * A process that was killed while the count rose was killed for memory, most likely.
 */
#include <limits.h>
#include <stdint.h>

enum oom_verdict {
        OOM_UNKNOWN, /* the kernel does not tell */
        OOM_NO,
        OOM_YES,
};

struct oom {
        char path[PATH_MAX]; /* where the count stands; empty: nowhere */
        uint64_t accounted;  /* kills that were asked about, or that nobody asked about in time */
        uint64_t sampled;    /* the count when it was last refreshed */
};

/* Looks for the count of the daemon's own group: `proc` and `cgroups` are the folders /proc and
 * /sys/fs/cgroup. */
void oom_init(struct oom *oom, const char *proc, const char *cgroups);
/* Takes the count of another group, from its memory.events: where that cannot be read, it knows
 * nothing. */
void oom_watch(struct oom *oom, const char *path);
/* One process has been killed, and not by the daemon. Each kill of the kernel's answers for one. */
enum oom_verdict oom_ask(struct oom *oom);
/* To be called now and then: what was counted before the last time is forgotten, since it was
 * somebody else's end. */
void oom_refresh(struct oom *oom);
