/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * How many files the daemon may have open, and for how many clients that leaves room.
 */
#include <stdint.h>
#include <sys/resource.h>

struct file_limit {
        struct rlimit files; /* as it was: what workers get */
        rlim_t raised;       /* what the daemon has */
};

/* Raises the soft limit of open files to what is allowed. */
void file_limit_raise(struct file_limit *limit);
/* Workers must be able to start: where there is not room for all, there are fewer clients than
 * `wanted`, which is logged. */
unsigned file_limit_clients(const struct file_limit *limit, uint64_t n_workers, unsigned wanted);
