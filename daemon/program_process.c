/* SPDX-License-Identifier: MIT */
#include "program_process.h"

#include "extra_files_read.h"
#include "privileges.h"
#include "run_as.h"
#include "slot_text.h"

#include "common/env_store.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>

struct build {
        const struct program_draft *draft;
        const struct program_place *place;
        struct config_errors *errors;
        struct program_options *options;
        struct run_as run_as;
};

/* Those that name the slot are made anew for each process. */
static int take_slot_variables(struct program_options *options,
                               const struct environment_setting *settings, size_t n)
{
        options->slot_variables = calloc(n + 1, sizeof(*options->slot_variables));
        if (!options->slot_variables)
                return -ENOMEM;
        for (size_t i = 0, at = 0; i < n; i++) {
                if (!slot_text_uses_slot(settings[i].value))
                        continue;
                environment_block_remove(options->environment, settings[i].name);
                options->uses_slot = true;
                if (asprintf(&options->slot_variables[at], "%s=%s", settings[i].name,
                             settings[i].value) < 0) {
                        options->slot_variables[at] = NULL;
                        return -ENOMEM;
                }
                at++;
        }
        return 0;
}

/* HOME and its like are those of `user`. */
static size_t user_settings(const struct run_as *run_as, struct environment_setting settings[4])
{
        const struct account *account = &run_as->account;

        if (!run_as->has_account)
                return 0;
        settings[0] = (struct environment_setting){"HOME", account->home};
        settings[1] = (struct environment_setting){"LOGNAME", account->name};
        settings[2] = (struct environment_setting){"SHELL", account->shell};
        settings[3] = (struct environment_setting){"USER", account->name};
        return 4;
}

static int build_variables(struct build *build, const struct environment *environment)
{
        _cleanup_free_ struct environment_setting *settings = NULL, *plain = NULL;
        _cleanup_free_ char *texts = NULL;
        const struct draft_part *part;
        size_t n, n_of_user, index = 0, room = 1;
        char *text;
        int r;

        settings = calloc(build->draft->n_parts + 4, sizeof(*settings));
        plain = calloc(build->draft->n_parts + 4, sizeof(*plain));
        if (!settings || !plain)
                return -ENOMEM;
        n = n_of_user = user_settings(&build->run_as, settings);
        while ((part = program_draft_next(build->draft, DRAFT_VARIABLE, &index))) {
                settings[n++] = (struct environment_setting){part->node.name,
                                                             json_node_string(&part->node)};
                room += strlen(settings[n - 1].value) + 1;
        }
        texts = text = malloc(room);
        if (!texts)
                return -ENOMEM;
        memcpy(plain, settings, n_of_user * sizeof(*plain));
        for (size_t i = n_of_user; i < n; i++) {
                plain[i] = (struct environment_setting){settings[i].name, text};
                text += slot_text_expand(settings[i].value, 0, text) + 1;
        }
        r = environment_block(environment, build->draft->values.clear_env, environ, plain, n,
                              &build->options->environment);
        return r < 0 ? r : take_slot_variables(build->options, settings + n_of_user, n - n_of_user);
}

/* Where the environment is: NULL for the system's. */
static int environment_path(const struct build *build, enum environment_kind *ret_kind, char **ret)
{
        _cleanup_free_ char *store = NULL, *name = NULL;
        int r = program_draft_environment(build->draft, ret_kind, ret);

        if (r < 0 || *ret_kind != ENVIRONMENT_NAMED)
                return r;
        name = steal(*ret);
        store = env_store_path(build->place->state_directory);
        if (!store || asprintf(ret, "%s/%s", store, name) < 0)
                *ret = NULL;
        return *ret ? 0 : -ENOMEM;
}

/* What Python reads there before anything else decides what it runs. */
static int expose(const struct build *build, const struct environment *environment)
{
        struct exposure *exposure = build->place->exposure;
        _cleanup_free_ char *cfg = NULL;
        int r = exposure_add(exposure, environment->python);

        if (r == 0 && environment->packages)
                r = exposure_add(exposure, environment->packages);
        if (r < 0 || !environment->folder)
                return r;
        if (asprintf(&cfg, "%s/pyvenv.cfg", environment->folder) < 0) {
                cfg = NULL;
                return -ENOMEM;
        }
        return exposure_add(exposure, cfg);
}

static int build_environment(struct build *build)
{
        const struct json_node *node = &build->draft->environment;
        _cleanup_(environment_clear) struct environment environment = {0};
        char error[ENVIRONMENT_ERROR_MAX] = "";
        _cleanup_free_ char *path = NULL;
        enum environment_kind kind;
        int r;

        r = environment_path(build, &kind, &path);
        if (r < 0)
                return r;
        r = environment_find(kind, path, &environment, error);
        if (r > 0 && json_node_exists(node))
                json_node_error(node, build->errors, "%s%s", error,
                                kind == ENVIRONMENT_PYTHON
                                        ? " (a path is meant here; PATH is not searched)"
                                        : "");
        else if (r > 0)
                json_node_name_error(&build->place->node, build->errors,
                                     "%s; \"environment\" can name another", error);
        if (r == 0)
                r = expose(build, &environment);
        if (r != 0)
                return r;
        build->options->python = steal(environment.python);
        return build_variables(build, &environment);
}

static int build_arguments(struct build *build)
{
        const struct json_node *node = &build->draft->args;
        struct json_cursor cursor = {0};
        struct json_node element;
        size_t n = 0;

        if (json_node_exists(node))
                n = json_object_array_length(node->value);
        build->options->arguments = calloc(n + 1, sizeof(*build->options->arguments));
        if (!build->options->arguments)
                return -ENOMEM;
        if (!json_node_exists(node))
                return 0;
        while (json_node_next(node, &cursor, &element)) {
                char *copy = strdup(json_node_string(&element));
                if (!copy)
                        return -ENOMEM;
                build->options->arguments[cursor.index - 1] = copy;
        }
        return 0;
}

/* A limit above the daemon's own could not be set. */
static int check_limits(struct build *build)
{
        const struct limits *limits = &build->options->limits;
        struct rlimit own;
        int r = 0;

        for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
                if (!limits->is_set[resource] || privileges_have(CAP_SYS_RESOURCE) ||
                    getrlimit((__rlimit_resource_t)resource, &own) < 0 ||
                    limits->at[resource].rlim_max <= own.rlim_max)
                        continue;
                json_node_error(&build->draft->origins[DRAFT_OPTION_limits], build->errors,
                                "limits: %s cannot be more than the daemon's own hard limit, %llu, "
                                "which only root, or a daemon with CAP_SYS_RESOURCE, can raise",
                                limit_kinds[resource].name, (unsigned long long)own.rlim_max);
                r = 1;
        }
        return r;
}

static int build_identity(struct build *build)
{
        const struct program_options *values = &build->draft->values;
        char error[RUN_AS_ERROR_MAX];
        int r = run_as_find(values->user, values->group, &build->run_as, error);

        if (r > 0)
                json_node_error(&build->draft->origins[values->user ? DRAFT_OPTION_user
                                                                    : DRAFT_OPTION_group],
                                build->errors, "%s", error);
        if (r != 0)
                return r;
        build->options->identity = build->run_as.identity;
        build->options->is_other_user = build->run_as.is_other;
        build->run_as.identity.groups = NULL; /* which are the options' now */
        return 0;
}

/* After the identity: they are opened by whom the processes run as. */
static int build_extra_files(struct build *build)
{
        const struct json_node *node = &build->draft->extra_files;
        struct program_options *options = build->options;
        int r;

        if (!json_node_exists(node))
                return 0;
        r = extra_files_read(node, build->errors, &options->extra_files);
        return r != 0 ? r
                      : extra_files_check(node, options->is_other_user ? &options->identity : NULL,
                                          build->errors, options->extra_files);
}

int program_process_build(const struct program_draft *draft, const struct program_place *place,
                          struct config_errors *errors, struct program_options *options)
{
        struct build build = {.draft = draft, .place = place, .errors = errors, .options = options};
        static int (*const steps[])(struct build * build) = {
                check_limits, build_identity, build_extra_files, build_arguments, build_environment,
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(steps); i++) {
                int next = steps[i](&build);

                r = next < 0 ? next : r | next; /* all are tried, to tell all that is wrong */
        }
        run_as_clear(&build.run_as);
        return r;
}
