/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a program's processes may have together: the options for its control group, and the files of
 * the kernel that take them.
 */
#include <stdbool.h>
#include <stdint.h>

struct cgroup;
struct program_options;

struct cgroup_limits {
        uint64_t memory_max;
        unsigned cpu_weight, tasks_max;
};

enum cgroup_kind { CGROUP_MEMORY, CGROUP_CPU, CGROUP_TASKS, CGROUP_KINDS };

/* A set of kinds, as bits. */
#define CGROUP_BIT(kind) (1U << (kind))

struct cgroup_kind_names {
        const char *option, *controller, *file;
};
extern const struct cgroup_kind_names cgroup_kinds[CGROUP_KINDS];

struct cgroup_limits cgroup_limits_of(const struct program_options *options);
/* The kinds of which there is more to say than what the kernel does by itself. */
unsigned cgroup_limits_wanted(const struct cgroup_limits *limits);
/* Writes one kind. 0 or a negative errno. */
int cgroup_limits_write(const struct cgroup_limits *limits, enum cgroup_kind kind,
                        const struct cgroup *group);
/* "memory_max and tasks_max": the options of a set that is not empty, or their controllers. */
#define CGROUP_NAMES_MAX 64
const char *cgroup_kinds_text(unsigned kinds, bool are_controllers, char text[CGROUP_NAMES_MAX]);
