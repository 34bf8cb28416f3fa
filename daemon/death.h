/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What can be told of a process that has ended: to the client whose request it had, and in the log.
 */
#include <stdbool.h>

struct json_object;
struct process;

#define DEATH_TEXT_MAX 256

/* "was killed by SIGSEGV", "exited with status 3", "was ended: it wrote ..." */
const char *death_text(const struct process *process, char text[DEATH_TEXT_MAX]);
/* Members of an error's data: pid, signal or exit_status, reason, stderr, started. */
struct json_object *death_data(const struct process *process);
/* Why it could not start: what it reported itself, or else how it ended, in the same shape. */
struct json_object *death_start_error(const struct process *process);
