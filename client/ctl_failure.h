/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * How failures are told on stderr. Each gives the exit status that goes with it.
 */
#include "jumpboot.h"

#include <stdbool.h>
#include <stdint.h>

/* An answer that is an error. */
struct ctl_failure {
        const char *method;
        const struct jumpboot_reply *reply;
        uint64_t waited; /* microseconds, until it came */
};

int ctl_tell_no_connection(const char *path, int error);
int ctl_tell_no_answer(const char *method, int error, const char *text);
/* A Python exception is printed as Python prints it; json: the error object instead, in one line.
 */
int ctl_tell_error_answer(const struct ctl_failure *failure, bool json);
