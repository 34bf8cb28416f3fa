/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The pipes between the daemon and a process: which there are, and which end is whose.
 */
#include "spawn.h"

/* Makes the pipe of the child's descriptor `number`: the daemon's end goes to its place in
 * *spawned, the child's, not below `floor`, to *child_end. 0 or a negative errno; both are the
 * caller's to close, also where it fails. */
int spawn_pipe(struct spawned *spawned, int number, int floor, int *child_end);
/* Moves a descriptor to a number that is not below floor. 0 or a negative errno. */
int spawn_move_up(int *fd, int floor);
