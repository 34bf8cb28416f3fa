/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The control groups of the programs, in the part of the hierarchy that is the daemon's:
 *
 *     jumpbootd.service              what systemd has delegated
 *     jumpbootd.service/jumpbootd    the daemon
 *     jumpbootd.service/PROGRAM      all processes of that program, born there
 *
 * A group that hands controllers on to groups below it may have no processes: that is why the
 * daemon has one of its own. No program is called jumpbootd. Where nothing is delegated, nothing of
 * this is there, and all functions do nothing; nor do they for NULL in place of the groups.
 */
#include "cgroup.h"
#include "cgroup_limits.h"
#include "delegation.h"

#include <stdbool.h>
#include <sys/queue.h>

struct event;
struct event_base;
struct json_object;
struct log_context;

LIST_HEAD(cgroup_list, cgroup);

struct cgroups {
        struct event_base *base;
        struct cgroup *root, *own; /* NULL: there are none */
        char reason[DELEGATION_REASON_MAX];
        int faults[CGROUP_KINDS];    /* why the programs' groups do not have it, an errno; or 0 */
        unsigned told;               /* the kinds of which was told that they have no effect */
        struct cgroup_list programs; /* one for each name */
        struct cgroup_list leaving;  /* to be removed when they are empty */
        int watch;                   /* inotify, while there are such; or -1 */
        struct event *emptied;
};

/* Finds what is delegated, and moves the process into its own group there. `proc` is the folder
 * /proc. The reason why there are no groups, if there is one, goes to the log. */
void cgroups_init(struct cgroups *groups, struct event_base *base, const char *proc);
/* Kills what still lives in the groups of programs, and removes those that it can. */
void cgroups_clear(struct cgroups *groups);

/* The group of the program that the context names: a program begins, which has to leave it in the
 * end. NULL: it has to do without. */
struct cgroup *cgroups_join(struct cgroups *groups, const struct log_context *context,
                            const struct cgroup_limits *limits);
void cgroups_leave(struct cgroups *groups, struct cgroup *group);
/* The program has other limits now. */
void cgroups_limit(struct cgroups *groups, const struct cgroup *group,
                   const struct log_context *context, const struct cgroup_limits *limits);
/* The group that a process of the program is born in; NULL: the daemon's. */
struct cgroup *cgroups_find(const struct cgroups *groups, const char *program);

/* Programs have limits of these kinds: warns of those that have no effect, each once. */
void cgroups_want(struct cgroups *groups, unsigned kinds);
/* To be called now and then: see oom_refresh(). */
void cgroups_refresh(struct cgroups *groups);

/* What status tells of one: its path, and what its processes use together. NULL: there is none. */
struct json_object *cgroup_status(const struct cgroup *group);
