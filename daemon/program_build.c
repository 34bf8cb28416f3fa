/* SPDX-License-Identifier: MIT */
#include "program_build.h"

#include "code.h"
#include "program_debug.h"

#include "common/units.h"

#include <errno.h>
#include <string.h>

#define MEMORY_MAX_LEAST (8U << 20)

struct build {
        const struct program_draft *draft;
        const struct program_place *place;
        struct config_errors *errors;
        struct program_options *options;
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

static int expose(void *userdata, const char *path)
{
        return exposure_add(userdata, path);
}

static int build_text(struct build *build)
{
        _cleanup_(program_freep) struct program *program = NULL;
        int r;

        program = program_new(build->place->node.name);
        if (!program)
                return -ENOMEM;
        program_set_max_sizes(program, build->place->max_response_size,
                              build->place->max_request_size);
        if (build->options->start_method == START_FORKSERVER)
                program_set_forked(program);
        program_set_debug(program, build->options->debug_port, build->options->break_on_start);
        r = add_main(build, program);
        for (size_t i = 0; r >= 0 && i < build->draft->n_parts; i++)
                r = both(r, add_part(build, program, &build->draft->parts[i]));
        if (r == 0)
                r = extra_files_add_to(build->options->extra_files, program);
        if (r == 0)
                r = program_each_path(program, expose, build->place->exposure);
        return r != 0 ? r : program_to_text(program, &build->options->text);
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

/* As many workers as there are CPUs, unless the config says otherwise. */
static unsigned default_max_workers(const struct program_options *options)
{
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        unsigned n = cpus > 0 ? (unsigned)cpus : 1;

        if (n < options->min_workers)
                n = options->min_workers;
        return n < options->spare_workers ? options->spare_workers : n;
}

static int tell_option(struct build *build, enum draft_option option, const char *reason)
{
        json_node_error(&build->draft->origins[option], build->errors, "%s", reason);
        return 1;
}

/* What no program could live with. */
static int check_control_group(struct build *build)
{
        const struct program_options *options = build->options;
        int r = 0;

        if (options->memory_max != 0 && options->memory_max < MEMORY_MAX_LEAST)
                r |= tell_option(build, DRAFT_OPTION_memory_max,
                                 "memory_max must be 0 or at least 8M: no Python process could "
                                 "start");
        if (options->tasks_max != 0 && options->tasks_max <= options->min_workers)
                r |= tell_option(build, DRAFT_OPTION_tasks_max,
                                 "tasks_max must be 0 or more than min_workers: while a worker is "
                                 "replaced there is one more process");
        return r;
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
        r = program_debug_build(build->draft, build->place->allow_debug, build->errors, options);
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
        r |= check_control_group(build);
        if (options->max_queue_size == 0 && options->min_workers == 0) {
                json_node_error(&build->draft->origins[DRAFT_OPTION_max_queue_size], build->errors,
                                "max_queue_size 0 needs a min_workers of 1 or more: no request "
                                "could wait for the first worker");
                r = 1;
        }
        return r;
}

static int build_process(struct build *build)
{
        return program_process_build(build->draft, build->place, build->errors, build->options);
}

int program_build(const struct program_draft *draft, const struct program_place *place,
                  struct config_errors *errors, struct program_options **ret)
{
        _cleanup_(program_options_unrefp) struct program_options *options = NULL;
        struct build build = {.draft = draft, .place = place, .errors = errors};
        static int (*const steps[])(struct build * build) = {build_values, build_process,
                                                             build_text};
        int r = 0;

        build.options = options = program_options_new(place->node.name, place->program_set);
        if (!options)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(steps); i++)
                r = both(r, steps[i](&build));
        if (r == 0)
                *ret = steal(options);
        return r;
}
