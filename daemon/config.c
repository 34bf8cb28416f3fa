/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "config_server.h"
#include "config_sources.h"
#include "json_reader.h"
#include "program_build.h"
#include "set_list.h"

#include "common/path.h"

#include <errno.h>
#include <string.h>

#define PROGRAM_NAME_MAX 64U

struct loader {
        struct config *config;
        struct config_errors *errors;
        struct program_draft defaults; /* the server's */
        struct exposure exposure;      /* of the files that all comes from */
        bool is_survey;                /* drafts are all that is wanted */
};

/* Reads a file whose value is an object, and keeps its document. 0, 1 or -ENOMEM. */
static int read_object(struct loader *loader, const char *path, const char *what,
                       struct json_node *ret)
{
        _cleanup_(json_document_freep) struct json_document *document = NULL;
        int r;

        r = json_read_file(path, loader->errors, &document);
        if (r != 0)
                return r;
        *ret = json_document_root(document);
        r = config_sources_add_document(loader->config->sources, steal(document));
        if (r == 0)
                r = exposure_add(&loader->exposure, ret->document->path);
        if (r < 0)
                return r;
        return section_is_object(ret, what, loader->errors) ? 0 : 1;
}

static bool is_program_name(const char *name)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        static const char others[] = "0123456789_-";
        size_t length = strlen(name);
        bool all = true;

        for (size_t i = 0; i < length; i++)
                all = all && (strchr(letters, name[i]) || (i > 0 && strchr(others, name[i])));
        return all && length > 0 && length <= PROGRAM_NAME_MAX;
}

/* Programs of all sets share one space of names. */
static bool is_taken(struct loader *loader, const struct json_node *node)
{
        const struct config_sources *sources = loader->config->sources;
        char place[CONFIG_PLACE_MAX];

        for (size_t i = 0; i < sources->n_programs; i++) {
                struct config_place other;

                if (strcmp(sources->programs[i].node.name, node->name) != 0)
                        continue;
                other = json_node_name_place(&sources->programs[i].node);
                json_node_name_error(node, loader->errors,
                                     "two programs are called \"%s\"; the other is at %s",
                                     node->name, config_place_text(place, &other));
                return true;
        }
        return false;
}

static bool check_program_name(struct loader *loader, const struct json_node *node)
{
        const char *fault = NULL;

        if (!is_program_name(node->name))
                fault = "its name is a letter, then letters, digits, _ and -, at most 64 in all";
        else if (strcmp(node->name, "rpc") == 0 || strcmp(node->name, "jumpbootd") == 0)
                fault = "the daemon's own methods begin with it";
        if (fault)
                json_node_name_error(node, loader->errors,
                                     "a program cannot be called \"%.100s\": %s", node->name,
                                     fault);
        return !fault && !is_taken(loader, node);
}

static int add_program(struct config *config, struct program_options *program)
{
        struct program_options **grown;

        grown = reallocarray(config->programs, config->n_programs + 1, sizeof(*grown));
        if (!grown) {
                program_options_unref(program);
                return -ENOMEM;
        }
        grown[config->n_programs++] = program;
        config->programs = grown;
        return 0;
}

/* Takes the options. */
static int take_program(struct loader *loader, const struct program_draft *draft,
                        struct program_options *options)
{
        for (size_t i = 0; options->debug_port && i < loader->config->n_programs; i++) {
                const struct program_options *other = loader->config->programs[i];

                if (other->debug_port == options->debug_port)
                        json_node_error(&draft->origins[DRAFT_OPTION_debug_port], loader->errors,
                                        "the program \"%s\" has the debug_port %u, too",
                                        other->name, other->debug_port);
        }
        return add_program(loader->config, options);
}

static int load_program(struct loader *loader, const struct program_draft *set,
                        const char *set_name, const struct json_node *node)
{
        struct config_program program = {.node = *node};
        struct program_place place = {
                .node = *node,
                .program_set = set_name,
                .allow_debug = loader->config->server.allow_debug,
                .max_response_size = loader->config->server.max_response_size,
                .max_request_size = loader->config->server.max_request_size,
                .state_directory = loader->config->server.state_directory,
                .exposure = &loader->exposure,
        };
        struct program_options *options = NULL;
        int r;

        if (!section_is_object(node, "a program", loader->errors) ||
            !check_program_name(loader, node))
                return 0;
        r = program_draft_copy(&program.draft, set);
        if (r == 0)
                r = program_draft_apply(&program.draft, SECTION_PROGRAM, node, loader->errors);
        if (r == 0 && !loader->is_survey)
                r = program_build(&program.draft, &place, loader->errors, &options);
        if (r < 0) {
                program_draft_clear(&program.draft);
                return r;
        }
        r = options ? take_program(loader, &program.draft, options) : 0;
        if (r < 0) {
                program_draft_clear(&program.draft);
                return r;
        }
        return config_sources_add_program(loader->config->sources, &program);
}

static int load_programs(struct loader *loader, const struct program_draft *draft,
                         const char *set_name, const struct json_node *root)
{
        struct json_cursor cursor = {0};
        struct json_node programs, program;
        int r = 0;

        if (!json_node_member(root, "programs", &programs)) {
                json_node_error(root, loader->errors,
                                "this program set has no \"programs\": { NAME: {\"main\": ...} }");
                return 0;
        }
        if (!section_is_object(&programs, "programs", loader->errors))
                return 0;
        if (json_object_object_length(programs.value) == 0)
                json_node_error(&programs, loader->errors,
                                "this program set has no program: NAME: {\"main\": ...}");
        while (r == 0 && json_node_next(&programs, &cursor, &program))
                r = load_program(loader, draft, set_name, &program);
        return r;
}

/* The object's "defaults", if it has any. */
static int apply_defaults(struct loader *loader, struct program_draft *draft, enum section section,
                          const struct json_node *object)
{
        struct json_node defaults;

        if (!json_node_member(object, "defaults", &defaults) ||
            !section_is_object(&defaults, "defaults", loader->errors))
                return 0;
        return program_draft_apply(draft, section, &defaults, loader->errors);
}

static int load_set(struct loader *loader, const struct set_file *file)
{
        _cleanup_(program_draft_clear) struct program_draft draft = {0};
        struct json_node root;
        int r;

        r = read_object(loader, file->path, "a program set", &root);
        if (r != 0)
                return r < 0 ? r : 0;
        r = program_draft_copy(&draft, &loader->defaults);
        if (r == 0)
                r = apply_defaults(loader, &draft, SECTION_SET_DEFAULTS, &root);
        if (r == 0)
                r = program_draft_apply(&draft, SECTION_SET, &root, loader->errors);
        return r == 0 ? load_programs(loader, &draft, file->name, &root) : r;
}

static int load_sets(struct loader *loader, const struct json_node *root)
{
        _cleanup_(set_list_clear) struct set_list list = {0};
        struct json_node patterns;
        int r;

        if (!json_node_member(root, "program_sets", &patterns)) {
                if (loader->errors->n_errors == 0) /* its name may be what is wrong */
                        json_node_warning(root, loader->errors,
                                          "there is nothing to call: \"program_sets\" would name "
                                          "the files that define programs");
                return 0;
        }
        r = set_list_read(&patterns, loader->errors, &list);
        for (size_t i = 0; r == 0 && i < list.n; i++)
                r = load_set(loader, &list.files[i]);
        return r;
}

static int load(struct loader *loader, const char *path)
{
        struct json_node root;
        int r;

        r = read_object(loader, path, "jumpbootd.conf", &root);
        if (r != 0)
                return r;
        r = config_load_server(&loader->config->server, &root, loader->errors);
        if (r < 0)
                return r;
        r = program_draft_init(&loader->defaults);
        if (r == 0)
                r = apply_defaults(loader, &loader->defaults, SECTION_SERVER_DEFAULTS, &root);
        return r == 0 ? load_sets(loader, &root) : r;
}

static struct config *config_new(const char *path)
{
        struct config *config = calloc(1, sizeof(*config));

        if (!config)
                return NULL;
        config->path = path_resolve(NULL, path);
        config->sources = calloc(1, sizeof(*config->sources));
        return config->path && config->sources ? config : config_free(config);
}

int config_load(const char *path, struct config_errors *errors, struct config **ret)
{
        _cleanup_(config_freep) struct config *config = config_new(path);
        struct loader loader = {.config = config, .errors = errors};
        int r;

        if (!config)
                return -ENOMEM;
        r = load(&loader, config->path);
        program_draft_clear(&loader.defaults);
        if (r == 0 && errors->n_errors == 0)
                r = exposure_warn(&loader.exposure, config->programs, config->n_programs, errors);
        exposure_clear(&loader.exposure);
        if (r < 0 || errors->out_of_memory)
                return -ENOMEM;
        if (r > 0 || errors->n_errors > 0)
                return 1;
        *ret = steal(config);
        return 0;
}

int config_survey(const char *path, struct config_errors *errors, struct config **ret)
{
        _cleanup_(config_freep) struct config *config = config_new(path);
        struct loader loader = {.config = config, .errors = errors, .is_survey = true};
        int r;

        if (!config)
                return -ENOMEM;
        r = load(&loader, config->path);
        program_draft_clear(&loader.defaults);
        exposure_clear(&loader.exposure);
        if (r > 0) /* before there were any options */
                r = config_set_state_directory(&config->server);
        if (r < 0 || errors->out_of_memory)
                return -ENOMEM;
        *ret = steal(config);
        return 0;
}

void config_drop_sources(struct config *config)
{
        config->sources = config_sources_free(config->sources);
}

struct config *config_free(struct config *config)
{
        if (!config)
                return NULL;
        config_drop_sources(config);
        for (size_t i = 0; i < config->n_programs; i++)
                program_options_unref(config->programs[i]);
        free(config->programs);
        options_clear(&server_option_table, &config->server);
        free(config->path);
        free(config);
        return NULL;
}
