/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The option `extra_files` in the form of the config file, complete.
 */
#include "extra_files.h"

struct json_object;

/* NULL: no memory. */
struct json_object *extra_files_to_json(const struct extra_files *files);
