/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * From a finished draft to the program that pools and workers share: reads every file, works out
 * what its processes are, and checks what the options say together.
 */
#include "program_process.h"

/* 0; or 1 if something is wrong with it, which `errors` tells; or -ENOMEM. */
int program_build(const struct program_draft *draft, const struct program_place *place,
                  struct config_errors *errors, struct program_options **ret);
