/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Whether a process has a handler for a signal. One that it has none for could end it: so this is
 * asked before a signal is sent that is to do no more than make it do something.
 */
#include <stdbool.h>
#include <sys/types.h>

/* false as well where it cannot be found out. */
bool handled_by(pid_t pid, int signal);
