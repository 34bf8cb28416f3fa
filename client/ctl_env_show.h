/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Environments as people look at them.
 */
struct json_object;

/* A table of all; 0 or -ENOMEM. */
int ctl_env_put_list(struct json_object *environments);
/* All that is known of one; 0 or -ENOMEM. */
int ctl_env_put_info(struct json_object *environment);
