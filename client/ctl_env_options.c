/* SPDX-License-Identifier: MIT */
#include "ctl_env_options.h"

#include "common/cleanup.h"
#include "ctl_session.h"

#include <json-c/json.h>
#include <string.h>

#define N_OPTIONS  (CTL_ENV_OPTION_END - CTL_ENV_OPTION_FIRST)
#define FOR_CREATE (1U << CTL_ENV_CREATE)
#define FOR_MAKING (FOR_CREATE | 1U << CTL_ENV_RESTORE)
#define FOR_ALL    ((1U << CTL_ENV_COMMANDS) - 1)
#define AT(option) [CTL_ENV_OPTION_##option - CTL_ENV_OPTION_FIRST]
#define VENV       "venv"
#define MICROMAMBA "micromamba"

/* Who takes an option: commands of env, and one manager or, with NULL, both. */
static const struct {
        const char *name;
        unsigned commands;
        const char *manager;
} uses[N_OPTIONS] = {
        AT(CHANNEL) = {"--channel", FOR_CREATE, MICROMAMBA},
        AT(CONFIG) = {"--config", FOR_ALL, NULL},
        AT(FIND_LINKS) = {"--find-links", FOR_MAKING, VENV},
        AT(INDEX_URL) = {"--index-url", FOR_MAKING, VENV},
        AT(MANAGER) = {"--manager", FOR_CREATE, NULL},
        AT(NO_INDEX) = {"--no-index", FOR_MAKING, VENV},
        AT(PYTHON) = {"--python", FOR_MAKING, NULL},
        AT(REQUIREMENTS) = {"--requirements", FOR_CREATE, NULL},
        AT(SYSTEM_SITE_PACKAGES) = {"--system-site-packages", FOR_CREATE, VENV},
};

void ctl_env_options_clear(struct ctl_env_options *options)
{
        json_object_put(options->channels);
        json_object_put(options->find_links);
        json_object_put(options->requirements);
        *options = (struct ctl_env_options){0};
}

static void add(struct json_object **array, const char *value)
{
        if (!*array)
                *array = json_object_new_array();
        json_object_array_add(*array, json_object_new_string(value));
}

static int take_manager(struct ctl_env_options *options, const char *value)
{
        options->manager = value;
        if (strcmp(value, VENV) == 0 || strcmp(value, MICROMAMBA) == 0)
                return CTL_SUCCESS;
        return ctl_usage_error("--manager %s: it is venv or micromamba", value);
}

int ctl_env_options_take(struct ctl_env_options *options, int option, const char *value)
{
        options->is_given[option - CTL_ENV_OPTION_FIRST] = true;
        if (value && !*value)
                return ctl_usage_error("%s needs a value, and this one is empty",
                                       uses[option - CTL_ENV_OPTION_FIRST].name);
        switch (option) {
        case CTL_ENV_OPTION_CHANNEL:
                add(&options->channels, value);
                break;
        case CTL_ENV_OPTION_CONFIG:
                options->config = value;
                break;
        case CTL_ENV_OPTION_FIND_LINKS:
                add(&options->find_links, value);
                break;
        case CTL_ENV_OPTION_INDEX_URL:
                options->index_url = value;
                break;
        case CTL_ENV_OPTION_MANAGER:
                return take_manager(options, value);
        case CTL_ENV_OPTION_NO_INDEX:
                options->no_index = true;
                break;
        case CTL_ENV_OPTION_PYTHON:
                options->python = value;
                break;
        case CTL_ENV_OPTION_REQUIREMENTS:
                add(&options->requirements, value);
                break;
        case CTL_ENV_OPTION_SYSTEM_SITE_PACKAGES:
                options->system_site_packages = true;
                break;
        }
        return CTL_SUCCESS;
}

const char *ctl_env_options_any(const struct ctl_env_options *options)
{
        for (size_t i = 0; i < N_OPTIONS; i++)
                if (options->is_given[i])
                        return uses[i].name;
        return NULL;
}

int ctl_env_options_check(const struct ctl_env_options *options, enum ctl_env_command command,
                          const char *name)
{
        const char *manager = options->manager ? options->manager : VENV;

        for (size_t i = 0; i < N_OPTIONS; i++) {
                if (!options->is_given[i])
                        continue;
                if (!(uses[i].commands & 1U << command))
                        return ctl_usage_error("env %s: it takes no %s", name, uses[i].name);
                if (command == CTL_ENV_CREATE && uses[i].manager &&
                    strcmp(uses[i].manager, manager) != 0)
                        return ctl_usage_error("env create: %s is for --manager %s", uses[i].name,
                                               uses[i].manager);
        }
        if (options->index_url && options->no_index)
                return ctl_usage_error("env %s: --index-url and --no-index exclude each other",
                                       name);
        return CTL_SUCCESS;
}

static struct json_object *text_or_null(const char *text)
{
        return text ? json_object_new_string(text) : NULL;
}

static struct json_object *array_of(struct json_object *array)
{
        return array ? json_object_get(array) : json_object_new_array();
}

void ctl_env_options_put(const struct ctl_env_options *options, struct json_object *job)
{
        const char *manager = options->manager ? options->manager : VENV;

        json_object_object_add(job, "manager", json_object_new_string(manager));
        json_object_object_add(job, "python", text_or_null(options->python));
        json_object_object_add(job, "index_url", text_or_null(options->index_url));
        json_object_object_add(job, "no_index", json_object_new_boolean(options->no_index));
        json_object_object_add(job, "system_site_packages",
                               json_object_new_boolean(options->system_site_packages));
        json_object_object_add(job, "channels", array_of(options->channels));
        json_object_object_add(job, "find_links", array_of(options->find_links));
        json_object_object_add(job, "requirements", array_of(options->requirements));
}
