/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Programs that jumpbootctl runs, or becomes.
 */
#include <stddef.h>

/* A text in a file without a name that a program which is run then finds open; -1: errno. */
int ctl_child_file(const char *text, size_t length);

/* Runs it to its end; its stdout, NUL-terminated, is to be freed. 0 and its exit status; or a
 * negative errno, -ECHILD if a signal has ended it. */
int ctl_child_capture(const char *const *argv, char **ret, size_t *ret_length, int *ret_status);
