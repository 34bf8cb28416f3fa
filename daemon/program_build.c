/* SPDX-License-Identifier: MIT */
#include "program_build.h"

#include "code.h"
#include "privileges.h"
#include "run_as.h"
#include "slot_text.h"

#include "common/units.h"

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

/* The results of steps that are all tried, to tell all that is wrong: -ENOMEM ends it, 1 sticks. */
static int both(int r, int next)
{
        return next < 0 ? next : r | next;
}

/* What program.h's functions return, told at the node. */
static int tell(struct build *build, const struct json_node *node, int r, const char *error)
{
        if (r == 0 || r == -ENOMEM)
                return r;
        json_node_error(node, build->errors, "%s", error);
        return 1;
}

static int add_main(struct build *build, struct program *program)
{
        const struct json_node *node = &build->draft->main;
        char error[PROGRAM_ERROR_MAX] = "";
        _cleanup_free_ char *path = NULL;
        struct code code;

        if (!json_node_exists(node)) {
                json_node_name_error(&build->place->node, build->errors,
                                     "the program \"%s\" has no \"main\": the path of its Python "
                                     "file, or {\"source\": \"...\"}",
                                     build->place->node.name);
                return 1;
        }
        if (build->draft->has_wrong_main)
                return 1; /* which has been told */
        code_read(CODE_MODULE, node, build->errors, &code);
        if (json_node_exists(&code.source)) {
                const char *source = json_node_string(&code.source);
                return program_set_main_source(program, source, strlen(source));
        }
        path = code_path(&code);
        if (!path)
                return -ENOMEM;
        return tell(build, &code.path, program_set_main_file(program, path, error), error);
}

static int add_module(struct build *build, struct program *program, const struct json_node *node)
{
        char error[PROGRAM_ERROR_MAX] = "";
        _cleanup_free_ char *path = NULL;
        struct code code;

        code_read(CODE_MODULE, node, build->errors, &code);
        if (json_node_exists(&code.source)) {
                const char *source = json_node_string(&code.source);
                return program_add_module_source(program, node->name, source, strlen(source));
        }
        path = code_path(&code);
        if (!path)
                return -ENOMEM;
        return tell(build, &code.path, program_add_module_file(program, node->name, path, error),
                    error);
}

static int add_package(struct build *build, struct program *program, const struct json_node *node)
{
        _cleanup_free_ const char **patterns = NULL;
        char error[PROGRAM_ERROR_MAX] = "";
        _cleanup_free_ char *path = NULL;
        struct code code;

        code_read(CODE_PACKAGE, node, build->errors, &code);
        path = code_path(&code);
        if (json_node_exists(&code.data))
                patterns = code_strings(&code.data);
        if (!path || (json_node_exists(&code.data) && !patterns))
                return -ENOMEM;
        return tell(build, &code.path,
                    program_add_package(program, node->name, path, patterns, error), error);
}

/* The value goes through in the words of the file, so that Python sees the very same numbers. */
static int add_key_value(struct program *program, const struct json_node *node)
{
        _cleanup_free_ char *json = strndup(node->document->text + node->offset, node->length);

        return json ? program_add_key_value(program, node->name, json) : -ENOMEM;
}

static int add_part(struct build *build, struct program *program, const struct draft_part *part)
{
        switch (part->kind) {
        case DRAFT_MODULE:
                return add_module(build, program, &part->node);
        case DRAFT_PACKAGE:
                return add_package(build, program, &part->node);
        case DRAFT_KEY_VALUE:
                return add_key_value(program, &part->node);
        case DRAFT_VARIABLE:
                break;
        }
        return 0;
}

static int build_text(struct build *build)
{
        _cleanup_(program_freep) struct program *program = NULL;
        int r;

        program = program_new(build->place->node.name);
        if (!program)
                return -ENOMEM;
        program_set_max_response_size(program, build->place->max_response_size);
        if (build->options->start_method == START_FORKSERVER)
                program_set_forked(program);
        r = add_main(build, program);
        for (size_t i = 0; r >= 0 && i < build->draft->n_parts; i++)
                r = both(r, add_part(build, program, &build->draft->parts[i]));
        return r != 0 ? r : program_to_text(program, &build->options->text);
}

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

static int build_environment(struct build *build)
{
        const struct json_node *node = &build->draft->environment;
        _cleanup_(environment_clear) struct environment environment = {0};
        char error[ENVIRONMENT_ERROR_MAX] = "";
        _cleanup_free_ char *path = NULL;
        enum environment_kind kind;
        int r;

        r = program_draft_environment(build->draft, &kind, &path);
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

/* `name` may not be more than max_workers. */
static int check_within_max(struct build *build, const char *name, unsigned value,
                            enum draft_option option)
{
        const struct json_node *origins = build->draft->origins;
        char place[CONFIG_PLACE_MAX];
        struct config_place of_max;

        if (value <= build->options->max_workers)
                return 0;
        of_max = json_node_place(&origins[DRAFT_OPTION_max_workers]);
        json_node_error(&origins[option], build->errors,
                        "%s (%u) cannot be more than max_workers (%u, at %s)", name, value,
                        build->options->max_workers, config_place_text(place, &of_max));
        return 1;
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

/* As many workers as there are CPUs, unless the config says otherwise. */
static unsigned default_max_workers(const struct program_options *options)
{
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        unsigned n = cpus > 0 ? (unsigned)cpus : 1;

        if (n < options->min_workers)
                n = options->min_workers;
        return n < options->spare_workers ? options->spare_workers : n;
}

static int build_values(struct build *build)
{
        struct program_options *options = build->options;
        int r;

        r = options_copy(&program_option_table, options, &build->draft->values);
        if (r < 0)
                return r;
        if (options->max_workers == 0)
                options->max_workers = default_max_workers(options);
        r |= check_within_max(build, "min_workers", options->min_workers, DRAFT_OPTION_min_workers);
        r |= check_within_max(build, "spare_workers", options->spare_workers,
                              DRAFT_OPTION_spare_workers);
        if (options->max_worker_lifetime != 0 && options->max_worker_lifetime < USEC_PER_SEC) {
                json_node_error(&build->draft->origins[DRAFT_OPTION_max_worker_lifetime],
                                build->errors,
                                "max_worker_lifetime must be 0 or at least 1s: workers would do "
                                "nothing but start");
                r = 1;
        }
        if (options->max_queue_size == 0 && options->min_workers == 0) {
                json_node_error(&build->draft->origins[DRAFT_OPTION_max_queue_size], build->errors,
                                "max_queue_size 0 needs a min_workers of 1 or more: no request "
                                "could wait for the first worker");
                r = 1;
        }
        return r | check_limits(build);
}

int program_build(const struct program_draft *draft, const struct program_place *place,
                  struct config_errors *errors, struct program_options **ret)
{
        _cleanup_(program_options_unrefp) struct program_options *options = NULL;
        struct build build = {.draft = draft, .place = place, .errors = errors};
        static int (*const steps[])(struct build * build) = {
                build_values, build_identity, build_arguments, build_environment, build_text};
        int r = 0;

        build.options = options = program_options_new(place->node.name, place->program_set);
        if (!options)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(steps); i++)
                r = both(r, steps[i](&build));
        run_as_clear(&build.run_as);
        if (r == 0)
                *ret = steal(options);
        return r;
}
