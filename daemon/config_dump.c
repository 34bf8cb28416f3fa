/* SPDX-License-Identifier: MIT */
#include "config_dump.h"

#include "code.h"
#include "config_sources.h"
#include "extra_files_dump.h"

#include <errno.h>
#include <json-c/linkhash.h>
#include <string.h>
#include <sysexits.h>

static void json_putp(struct json_object **object)
{
        json_object_put(*object);
}

/* Takes the value; NULL stands for a failed allocation. */
static int put(struct json_object *object, const char *name, struct json_object *value)
{
        if (value && json_object_object_add(object, name, value) == 0)
                return 0;
        json_object_put(value);
        return -ENOMEM;
}

static int put_text(struct json_object *object, const char *name, const char *text)
{
        return put(object, name, json_object_new_string(text));
}

static int put_path(struct json_object *object, const char *name, const struct code *code)
{
        _cleanup_free_ char *path = code_path(code);

        return path ? put_text(object, name, path) : -ENOMEM;
}

static int put_code(struct json_object *object, enum code_kind kind, const char *name,
                    const struct json_node *node)
{
        _cleanup_(json_putp) struct json_object *value = NULL;
        struct code code;
        int r;

        code_read(kind, node, NULL, &code); /* it was found right when the config was loaded */
        if (json_node_exists(&code.path) && !json_node_exists(&code.data))
                return put_path(object, name, &code);
        value = json_object_new_object();
        if (!value)
                return -ENOMEM;
        if (json_node_exists(&code.source))
                r = put(value, "source", json_object_get(code.source.value));
        else
                r = put_path(value, "path", &code);
        if (r == 0 && json_node_exists(&code.data))
                r = put(value, "data", json_object_get(code.data.value));
        return r < 0 ? r : put(object, name, steal(value));
}

static int put_part(struct json_object *object, const struct draft_part *part)
{
        const struct json_node *node = &part->node;

        switch (part->kind) {
        case DRAFT_MODULE:
                return put_code(object, CODE_MODULE, node->name, node);
        case DRAFT_PACKAGE:
                return put_code(object, CODE_PACKAGE, node->name, node);
        case DRAFT_KEY_VALUE:
        case DRAFT_VARIABLE:
                break;
        }
        if (json_object_object_add(object, node->name, json_object_get(node->value)) < 0) {
                json_object_put(node->value);
                return -ENOMEM;
        }
        return 0;
}

static int put_parts(struct json_object *object, const char *name,
                     const struct program_draft *draft, enum draft_kind kind)
{
        _cleanup_(json_putp) struct json_object *parts = json_object_new_object();
        const struct draft_part *part;
        size_t index = 0;
        int r = 0;

        if (!parts)
                return -ENOMEM;
        while (r == 0 && (part = program_draft_next(draft, kind, &index)))
                r = put_part(parts, part);
        return r < 0 ? r : put(object, name, steal(parts));
}

static int put_environment(struct json_object *object, const struct program_draft *draft)
{
        _cleanup_(json_putp) struct json_object *value = json_object_new_object();
        _cleanup_free_ char *path = NULL;
        enum environment_kind kind;
        int r;

        r = program_draft_environment(draft, &kind, &path);
        if (r < 0 || !value)
                return -ENOMEM;
        if (kind == ENVIRONMENT_SYSTEM)
                kind = ENVIRONMENT_PYTHON;
        r = put_text(value, environment_members[kind], path ? path : ENVIRONMENT_SYSTEM_PYTHON);
        return r < 0 ? r : put(object, "environment", steal(value));
}

static int put_arguments(struct json_object *object, const struct program_options *options)
{
        _cleanup_(json_putp) struct json_object *array = json_object_new_array();
        struct json_object *value;

        if (!array)
                return -ENOMEM;
        for (char **at = options->arguments; *at; at++) {
                value = json_object_new_string(*at);
                if (!value || json_object_array_add(array, value) < 0) {
                        json_object_put(value);
                        return -ENOMEM;
                }
        }
        return put(object, "args", steal(array));
}

static int describe_program(const struct program_draft *draft,
                            const struct program_options *options, struct json_object *object)
{
        int r;

        r = put_code(object, CODE_MODULE, "main", &draft->main);
        if (r == 0)
                r = put_arguments(object, options);
        if (r == 0)
                r = put(object, "extra_files", extra_files_to_json(options->extra_files));
        if (r == 0)
                r = put_environment(object, draft);
        if (r == 0)
                r = put_parts(object, "env", draft, DRAFT_VARIABLE);
        if (r == 0)
                r = put_parts(object, "modules", draft, DRAFT_MODULE);
        if (r == 0)
                r = put_parts(object, "packages", draft, DRAFT_PACKAGE);
        if (r == 0)
                r = put_parts(object, "key_values", draft, DRAFT_KEY_VALUE);
        return r < 0 ? r : options_to_json(&program_option_table, options, object);
}

/* The "programs" of the set in that file, made when its first program comes. */
static int programs_of(struct json_object *sets, const char *path, struct json_object **ret)
{
        struct json_object *set;
        int r;

        if (json_object_object_get_ex(sets, path, &set)) {
                json_object_object_get_ex(set, "programs", ret);
                return 0;
        }
        set = json_object_new_object();
        r = put(sets, path, set);
        *ret = json_object_new_object();
        return r < 0 ? r : put(set, "programs", *ret);
}

static int describe_sets(const struct config *config, struct json_object *sets)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < config->n_programs; i++) {
                const struct config_program *program = &config->sources->programs[i];
                struct json_object *programs, *object = json_object_new_object();

                r = programs_of(sets, program->node.document->path, &programs);
                if (r < 0 || put(programs, config->programs[i]->name, object) < 0)
                        return -ENOMEM;
                r = describe_program(&program->draft, config->programs[i], object);
        }
        return r;
}

static int describe_server(const struct config *config, struct json_object *sets,
                           struct json_object *server)
{
        _cleanup_(json_putp) struct json_object *paths = json_object_new_array();
        int r;

        if (!paths)
                return -ENOMEM;
        for (struct lh_entry *set = json_object_get_object(sets)->head; set; set = set->next) {
                struct json_object *value = json_object_new_string(lh_entry_k(set));
                if (!value || json_object_array_add(paths, value) < 0) {
                        json_object_put(value);
                        return -ENOMEM;
                }
        }
        r = options_to_json(&server_option_table, &config->server, server);
        return r < 0 ? r : put(server, "program_sets", steal(paths));
}

static int to_text(struct json_object *root, char **ret)
{
        const char *text = json_object_to_json_string_ext(
                root,
                JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);

        *ret = text ? strdup(text) : NULL;
        return *ret ? 0 : -ENOMEM;
}

int config_dump(const struct config *config, char **ret)
{
        _cleanup_(json_putp) struct json_object *root = json_object_new_object();
        struct json_object *server, *sets;

        if (!root || put(root, "server", server = json_object_new_object()) < 0 ||
            put(root, "program_sets", sets = json_object_new_object()) < 0 ||
            describe_sets(config, sets) < 0 || describe_server(config, sets, server) < 0)
                return -ENOMEM;
        return to_text(root, ret);
}

static int describe_errors(const struct config_errors *errors, struct json_object *root)
{
        struct json_object *texts = json_object_new_array(), *text;
        int r = put(root, "errors", texts);

        for (size_t i = 0; r == 0 && i < errors->n_messages; i++) {
                if (errors->messages[i].is_warning)
                        continue;
                text = json_object_new_string(errors->messages[i].text);
                if (!text || json_object_array_add(texts, text) < 0) {
                        json_object_put(text);
                        return -ENOMEM;
                }
        }
        return r;
}

int config_dump_environments(const struct config *config, const struct config_errors *errors,
                             char **ret)
{
        _cleanup_(json_putp) struct json_object *root = json_object_new_object();
        struct json_object *programs = json_object_new_object();
        int r = put(root, "programs", programs);

        if (r == 0)
                r = put_text(root, "state_directory", config->server.state_directory);
        if (r == 0 && config->server.listen)
                r = put_text(root, "listen", config->server.listen);
        if (r == 0 && config->server.micromamba)
                r = put_text(root, "micromamba", config->server.micromamba);
        for (size_t i = 0; r == 0 && i < config->sources->n_programs; i++) {
                const struct config_program *program = &config->sources->programs[i];
                struct json_object *object = json_object_new_object();

                r = put(programs, program->node.name, object);
                if (r == 0)
                        r = put_environment(object, &program->draft);
        }
        if (r == 0)
                r = describe_errors(errors, root);
        return r < 0 ? r : to_text(root, ret);
}
