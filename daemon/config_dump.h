/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A config as JSON, every default filled in and every path absolute:
 *   { "server": {...}, "program_sets": { PATH: { "programs": { NAME: {...} } } } }
 * "server" is what could stand in jumpbootd.conf, and each set what could stand in its file: they
 * load as the same config again.
 */
#include "config.h"

/* The text is to be freed. 0 or -ENOMEM. The config must still have its sources. */
int config_dump(const struct config *config, char **ret);

/*
 * What the maker of environments has to know of a config, which may be wrong and of which only the
 * drafts are needed:
 *   { "state_directory": PATH, "listen": PATH, "micromamba": PATH, "programs": { NAME: {
 * "environment": {...} } }, "errors": [TEXT, ...] } The text is to be freed. 0 or -ENOMEM.
 */
int config_dump_environments(const struct config *config, const struct config_errors *errors,
                             char **ret);
