/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What getopt_long(3) refuses, in a program's own words.
 */
#include <getopt.h>

#define OPTION_ERROR_MAX 256

/*
 * `result` is what it returned, ':' or '?'. It must have been called with opterr 0 and short
 * options that begin with ':'; options that have no short form must have values over 255.
 */
const char *option_error(char text[static OPTION_ERROR_MAX], int result, char *const argv[],
                         const struct option *options);
