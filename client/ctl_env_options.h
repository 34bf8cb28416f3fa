/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The options that only env has, and which of its commands takes which.
 */
#include <getopt.h>
#include <stdbool.h>

struct json_object;

enum ctl_env_command {
        CTL_ENV_CREATE,
        CTL_ENV_LIST,
        CTL_ENV_INFO,
        CTL_ENV_FREEZE,
        CTL_ENV_RESTORE,
        CTL_ENV_REMOVE,
        CTL_ENV_COMMANDS,
};

/* The values of their long forms, from here on; none has a letter. */
enum {
        CTL_ENV_OPTION_FIRST = 1000,
        CTL_ENV_OPTION_CHANNEL = CTL_ENV_OPTION_FIRST,
        CTL_ENV_OPTION_CONFIG,
        CTL_ENV_OPTION_FIND_LINKS,
        CTL_ENV_OPTION_INDEX_URL,
        CTL_ENV_OPTION_MANAGER,
        CTL_ENV_OPTION_NO_INDEX,
        CTL_ENV_OPTION_PYTHON,
        CTL_ENV_OPTION_REQUIREMENTS,
        CTL_ENV_OPTION_SYSTEM_SITE_PACKAGES,
        CTL_ENV_OPTION_END,
};

/* For the table of getopt_long(3). */
#define CTL_ENV_OPTIONS                                                                            \
        {"channel", required_argument, NULL, CTL_ENV_OPTION_CHANNEL},                              \
                {"config", required_argument, NULL, CTL_ENV_OPTION_CONFIG},                        \
                {"find-links", required_argument, NULL, CTL_ENV_OPTION_FIND_LINKS},                \
                {"index-url", required_argument, NULL, CTL_ENV_OPTION_INDEX_URL},                  \
                {"manager", required_argument, NULL, CTL_ENV_OPTION_MANAGER},                      \
                {"no-index", no_argument, NULL, CTL_ENV_OPTION_NO_INDEX},                          \
                {"python", required_argument, NULL, CTL_ENV_OPTION_PYTHON},                        \
                {"requirements", required_argument, NULL, CTL_ENV_OPTION_REQUIREMENTS},            \
        {                                                                                          \
                "system-site-packages", no_argument, NULL, CTL_ENV_OPTION_SYSTEM_SITE_PACKAGES     \
        }

struct ctl_env_options {
        const char *config, *index_url, *manager, *python; /* NULL: not given */
        bool no_index, system_site_packages;
        struct json_object *channels, *find_links, *requirements; /* arrays; NULL: none */
        bool is_given[CTL_ENV_OPTION_END - CTL_ENV_OPTION_FIRST];
};

void ctl_env_options_clear(struct ctl_env_options *options);
/* One that getopt_long(3) has found, and its value. An exit status. */
int ctl_env_options_take(struct ctl_env_options *options, int option, const char *value);
/* Whether any was given; its name, or NULL. */
const char *ctl_env_options_any(const struct ctl_env_options *options);
/* Whether the command takes those that were given, and whether they fit together. An exit status.
 */
int ctl_env_options_check(const struct ctl_env_options *options, enum ctl_env_command command,
                          const char *name);
/* Adds what a job that makes an environment has to know of them. */
void ctl_env_options_put(const struct ctl_env_options *options, struct json_object *job);
