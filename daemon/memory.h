/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The memory of a process, as /proc tells it.
 */
#include <stdint.h>
#include <sys/types.h>

/* Bytes that are in memory for it, shared ones too. 0: it cannot be known, or has ended. */
uint64_t memory_resident(pid_t pid);
/* The same with each shared page divided among those that share it. The kernel walks all its pages
 * for this. 0: it cannot be known; another user's process may be closed to the daemon. */
uint64_t memory_proportional(pid_t pid);
/* The proportional size if it can be known, else the resident one; a process whose resident size
 * does not exceed `limit` is not looked at closer, since the other is never more. */
uint64_t memory_of(pid_t pid, uint64_t limit);
