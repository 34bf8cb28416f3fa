/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The option `extra_files` as it stands in a config file, an array of
 *   "path", "memfd:64M",
 *   {"path": "...", "mode": "a", "create": true, "permissions": "0640"},
 *   {"memfd": "64M", "name": "frames"}
 */
#include "extra_files.h"
#include "json_node.h"

#include "bootstrap/identity.h"

/* Reads what stands there, and nothing else. 0; or 1 if something is wrong, which `errors` tells;
 * or -ENOMEM. */
int extra_files_read(const struct json_node *array, struct config_errors *errors,
                     struct extra_files **ret);
/* Whether those who are to open the files may do so (who NULL: the daemon's own user), by what can
 * be known before, and makes the areas. Returns the same. */
int extra_files_check(const struct json_node *array, const struct identity *who,
                      struct config_errors *errors, struct extra_files *files);
