/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the kernel lets the daemon do.
 */
#include <stdbool.h>

/* Whether a capability of <linux/capability.h> is in effect. */
bool privileges_have(int capability);
/* Those that it takes to run workers as somebody else, and to end them. */
bool privileges_can_change_user(void);
