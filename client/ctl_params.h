/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Params from the words of a command line: nothing, one JSON text, "-" (a JSON text from stdin), or
 * any number of name=text and name:=json.
 */
#include <stddef.h>
#include <stdio.h>

#define CTL_PARAMS_ERROR_MAX 512

/*
 * 0: *ret is the JSON text, or NULL for no params. -EINVAL: error says which word is wrong and what
 * would be right. Else a system failure, with error as well.
 */
int ctl_params(char *const *words, size_t n_words, FILE *input, char **ret,
               char error[static CTL_PARAMS_ERROR_MAX]);
