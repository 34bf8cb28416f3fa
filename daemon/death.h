/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What can be told of a process that has ended: to the client whose request it had, and in the log.
 */
#include "common/log.h"

struct json_object;
struct process;

#define DEATH_TEXT_MAX 256

/* What deaths are counted by. */
enum death_cause {
        DEATH_EXIT,   /* it ended by itself */
        DEATH_SIGNAL, /* a signal ended it that the daemon did not send */
        DEATH_MEMORY, /* the kernel killed it for memory */
        DEATH_FAULT,  /* it broke the rules, and was ended for it */
        DEATH_CAUSES
};
enum death_cause death_cause(const struct process *process);
const char *death_cause_name(enum death_cause cause);

/* "was killed by SIGSEGV", "exited with status 3", "was ended: it wrote ..." */
const char *death_text(const struct process *process, char text[DEATH_TEXT_MAX]);
/* The same for the log, with the stack that it left. */
void death_log(int level, const struct log_context *context, const struct process *process);

/* Members of an error's data: pid, signal or exit_status, reason, out_of_memory, stderr, stack. */
struct json_object *death_data(const struct process *process);
/* Why it could not start: what it reported itself, or else how it ended, in the same shape. */
struct json_object *death_start_error(const struct process *process);
