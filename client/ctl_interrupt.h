/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A call that SIGINT (Ctrl-C) cancels. A second one ends the command at once, as it does by
 * default; where SIGINT is ignored from the start it stays so.
 */
#include "jumpboot.h"

#include <stdbool.h>

/* As jumpboot_call(). If SIGINT has come, *ret_interrupted is true and there is no reply, whatever
 * the call ended with. */
int ctl_interruptible_call(struct jumpboot *jb, const char *method, const char *params,
                           int timeout_ms, struct jumpboot_reply **ret, bool *ret_interrupted);
