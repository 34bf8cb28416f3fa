/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The workers, as a table.
 */
#include <stddef.h>

struct json_object;

/* Orders an array of workers: those that run a function come first, the longest first. */
void ctl_workers_sort(struct json_object *workers);
/* Prints the first so many, with the end that their lines have. 0 or -ENOMEM. */
int ctl_workers_print(struct json_object *workers, size_t n, const char *line_end);
