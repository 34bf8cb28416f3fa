/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * All that the daemon knows of one program, for people.
 */
struct json_object;

/* Prints it. 0 or -ENOMEM. */
int ctl_program_print(const char *name, struct json_object *program);
