/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * JSON texts, printed as they came: white space is all that changes. No number is read and written
 * again, so none can lose a digit.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Writes one valid JSON text and a newline: on one line, or indented for people. */
void ctl_json_write(FILE *file, const char *text, size_t length, bool indented);
