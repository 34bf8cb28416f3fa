/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * One control group of version 2, by the folder that stands for it. Nothing in it but its processes
 * is told apart here: who they are is up to whoever has the group.
 */
#include "oom.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct cgroup {
        LIST_ENTRY(cgroup) link; /* its owner's */
        unsigned users;          /* its owner's count */
        char *path;              /* in the hierarchy */
        char *folder;
        const char *name; /* the last part of both */
        int fd;           /* of the folder: processes can be born into it */
        struct oom oom;   /* kills for memory in it; it knows nothing where those are not counted */
};

/* One that is there. 0 or a negative errno. */
int cgroup_open(const char *path, const char *folder, struct cgroup **ret);
/* One below another, which is made unless it is there. */
int cgroup_make(const struct cgroup *parent, const char *name, struct cgroup **ret);
/* Leaves the control group itself as it is. */
struct cgroup *cgroup_free(struct cgroup *group);

/* Writes to one of its files, or reads a number there ("max" is UINT64_MAX) or the value that
 * stands behind the key. 0 or a negative errno. */
int cgroup_write(const struct cgroup *group, const char *file, const char *text);
int cgroup_read(const struct cgroup *group, const char *file, uint64_t *ret);
int cgroup_read_key(const struct cgroup *group, const char *file, const char *key, uint64_t *ret);
/* Whether a blank-separated list in one of its files has the word. */
bool cgroup_lists(const struct cgroup *group, const char *file, const char *word);

/* Whether a process lives in it, or below. */
bool cgroup_is_populated(const struct cgroup *group);
/* Kills all that lives in it, and below. */
void cgroup_kill(const struct cgroup *group);
/* Removes it with what was made below. 0, or a negative errno: -EBUSY while anything lives there.
 */
int cgroup_remove(const struct cgroup *group);
