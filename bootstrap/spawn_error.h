/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a process has failed at, in words.
 */
#include "common/cleanup.h"
#include "spawn.h"

/* Writes what failed and the reason of the negative errno r to `error`, and returns r. */
_printf_(3, 4) int spawn_fail(char error[static SPAWN_ERROR_MAX], int r, const char *format, ...);
