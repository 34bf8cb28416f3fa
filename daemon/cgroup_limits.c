/* SPDX-License-Identifier: MIT */
#include "cgroup_limits.h"

#include "cgroup.h"
#include "options.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CPU_WEIGHT_DEFAULT 100 /* the kernel's, and the option's */

const struct cgroup_kind_names cgroup_kinds[CGROUP_KINDS] = {
        [CGROUP_MEMORY] = {"memory_max", "memory", "memory.max"},
        [CGROUP_CPU] = {"cpu_weight", "cpu", "cpu.weight"},
        [CGROUP_TASKS] = {"tasks_max", "pids", "pids.max"},
};

struct cgroup_limits cgroup_limits_of(const struct program_options *options)
{
        return (struct cgroup_limits){
                .memory_max = options->memory_max,
                .cpu_weight = options->cpu_weight,
                .tasks_max = options->tasks_max,
        };
}

static uint64_t value_of(const struct cgroup_limits *limits, enum cgroup_kind kind)
{
        const uint64_t values[CGROUP_KINDS] = {
                [CGROUP_MEMORY] = limits->memory_max,
                [CGROUP_CPU] = limits->cpu_weight,
                [CGROUP_TASKS] = limits->tasks_max,
        };

        return values[kind];
}

unsigned cgroup_limits_wanted(const struct cgroup_limits *limits)
{
        return (limits->memory_max != 0 ? CGROUP_BIT(CGROUP_MEMORY) : 0) |
               (limits->cpu_weight != CPU_WEIGHT_DEFAULT ? CGROUP_BIT(CGROUP_CPU) : 0) |
               (limits->tasks_max != 0 ? CGROUP_BIT(CGROUP_TASKS) : 0);
}

int cgroup_limits_write(const struct cgroup_limits *limits, enum cgroup_kind kind,
                        const struct cgroup *group)
{
        uint64_t value = value_of(limits, kind);
        char text[32];

        if (value == 0)
                return cgroup_write(group, cgroup_kinds[kind].file, "max");
        snprintf(text, sizeof(text), "%" PRIu64, value);
        return cgroup_write(group, cgroup_kinds[kind].file, text);
}

const char *cgroup_kinds_text(unsigned kinds, bool are_controllers, char text[CGROUP_NAMES_MAX])
{
        size_t length = 0;

        for (enum cgroup_kind kind = 0; kind < CGROUP_KINDS; kind++) {
                unsigned later = kinds >> (kind + 1);
                if (!(kinds & CGROUP_BIT(kind)))
                        continue;
                const char *between = length == 0 ? "" : later ? ", " : " and ";
                length +=
                        (size_t)snprintf(text + length, CGROUP_NAMES_MAX - length, "%s%s", between,
                                         are_controllers ? cgroup_kinds[kind].controller
                                                         : cgroup_kinds[kind].option);
        }
        return text;
}
