/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the Python side of jumpbootctl env is to do, and its start. A job is a JSON object.
 */
struct json_object;

/* Takes the job over, and becomes that process: returns only, with an exit status, if it cannot. */
int ctl_env_become(struct json_object *job);
/* Takes the job over and runs it; what it prints is JSON, to be freed. An exit status, which stderr
 * tells of. */
int ctl_env_ask(struct json_object *job, struct json_object **ret);
