/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the config, read by jumpbootd itself, and the daemon, if one runs, say of environments:
 * where they are, and which programs use them.
 */
#include "ctl_session.h"

#include <stdbool.h>

struct json_object;

struct ctl_env_survey {
        struct json_object *tree;
        char *store;            /* the folder that the environments are in */
        const char *micromamba; /* NULL: the config names none */
};

/* config: the file; NULL: the usual one. Gives an exit status; with CTL_SUCCESS it is to be
 * cleared. A config that is wrong is no failure: see below. */
int ctl_env_survey(const char *config, struct ctl_env_survey *ret);
void ctl_env_survey_clear(struct ctl_env_survey *survey);

/* The programs that use the environment, by the config: an array of their names. To be freed. */
struct json_object *ctl_env_programs(const struct ctl_env_survey *survey, const char *name);

/* CTL_SUCCESS if neither the config nor the daemon has a program that uses it, else an exit status;
 * stderr tells. What cannot be found out counts as used. */
int ctl_env_check_unused(struct ctl_session *session, const struct ctl_env_survey *survey,
                         const char *name);
