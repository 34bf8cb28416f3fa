/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What can be told of a worker that has ended: to the client whose request it had, and in the log.
 */
#include <stdbool.h>

struct json_object;
struct worker;

#define DEATH_TEXT_MAX 256

/* "was killed by SIGSEGV", "exited with status 3", "was ended: it wrote ..." */
const char *death_text(const struct worker *worker, char text[DEATH_TEXT_MAX]);
/* Members of an error's data: pid, signal or exit_status, reason, stderr, started. */
struct json_object *death_data(const struct worker *worker);
/* Why it could not start: what it reported itself, or else how it ended, in the same shape. */
struct json_object *death_start_error(const struct worker *worker);
