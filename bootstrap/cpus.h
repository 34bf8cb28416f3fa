/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The CPUs that a process may run on, and how they are told: "0-3,8".
 */
#include <sched.h>
#include <stdbool.h>

struct cpus {
        bool is_set;    /* else all that the daemon may use */
        bool is_spread; /* each worker gets one of them, by its slot */
        cpu_set_t set;
};

/* Longer than any set's. */
#define CPUS_TEXT_MAX (CPU_SETSIZE * 3)

/* False: the text is no such list. */
bool cpus_parse(const char *text, cpu_set_t *ret);
/* Returns `text`. */
char *cpus_format(const cpu_set_t *set, char text[static CPUS_TEXT_MAX]);
/* Those that a process of that slot is to run on; -1: it has none, and is pinned to no single one.
 * False: it may run on all that the daemon may. */
bool cpus_of_slot(const struct cpus *cpus, int slot, cpu_set_t *ret);
