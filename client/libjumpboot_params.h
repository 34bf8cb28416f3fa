/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * JSON as people write it: it may have line breaks, which the wire has not.
 */
#include <stdbool.h>
#include <stddef.h>

struct params_fault {
        size_t offset;    /* of the byte that cannot stand there */
        const char *text; /* static: "expected ',' or '}'" and the like */
};

/*
 * Whether the text is one JSON value, no deeper than the daemon takes in params. Makes one line of
 * it in place: line breaks become tabs, which JSON too allows between values and not in strings.
 */
bool params_check_value(char *text, size_t length, struct params_fault *ret_fault);
/* The same, and it is an object or an array. */
bool params_check(char *text, size_t length, struct params_fault *ret_fault);
