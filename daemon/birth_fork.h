/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a template is asked for: a fork with these pipes and pages, and with this environment.
 */
#include "bootstrap/spawn.h"

struct birth;

/* To be called in `begin` of a birth: asks for the fork. `ends` gets the daemon's ends of the
 * pipes, of which the process keeps its own. 0, or a negative errno with the reason in `error`. */
int birth_fork(struct birth *birth, const int *page_fds, struct spawned *ends,
               char error[SPAWN_ERROR_MAX]);
