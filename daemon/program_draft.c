/* SPDX-License-Identifier: MIT */
#include "program_draft.h"

#include "code.h"
#include "extra_files_read.h"
#include "package_names.h"
#include "slot_text.h"

#include "common/env_store.h"
#include "common/path.h"

#include <errno.h>
#include <string.h>

int program_draft_init(struct program_draft *draft)
{
        *draft = (struct program_draft){0};
        return options_set_defaults(&program_option_table, &draft->values);
}

int program_draft_copy(struct program_draft *draft, const struct program_draft *from)
{
        *draft = *from;
        draft->values = (struct program_options){0};
        draft->parts = calloc(from->n_parts + 1, sizeof(*draft->parts));
        if (!draft->parts)
                return -ENOMEM;
        if (from->n_parts > 0)
                memcpy(draft->parts, from->parts, from->n_parts * sizeof(*draft->parts));
        return options_copy(&program_option_table, &draft->values, &from->values);
}

void program_draft_clear(struct program_draft *draft)
{
        options_clear(&program_option_table, &draft->values);
        free(draft->parts);
        *draft = (struct program_draft){0};
}

const struct draft_part *program_draft_next(const struct program_draft *draft, enum draft_kind kind,
                                            size_t *index)
{
        while (*index < draft->n_parts) {
                const struct draft_part *part = &draft->parts[(*index)++];
                if (part->kind == kind)
                        return part;
        }
        return NULL;
}

static bool is_import(enum draft_kind kind)
{
        return kind == DRAFT_MODULE || kind == DRAFT_PACKAGE;
}

/* Modules and packages share one space of names. */
static struct draft_part *find(struct program_draft *draft, enum draft_kind kind, const char *name)
{
        for (size_t i = 0; i < draft->n_parts; i++) {
                struct draft_part *part = &draft->parts[i];
                if ((part->kind == kind || (is_import(part->kind) && is_import(kind))) &&
                    strcmp(part->node.name, name) == 0)
                        return part;
        }
        return NULL;
}

static int put(struct program_draft *draft, enum draft_kind kind, const struct json_node *node,
               struct config_errors *errors)
{
        struct draft_part *part = find(draft, kind, node->name), *grown;
        char place[CONFIG_PLACE_MAX];

        if (part && part->kind != kind && part->level == draft->level) {
                struct config_place first = json_node_name_place(&part->node);
                json_node_name_error(node, errors,
                                     "\"%s\" is a module and a package; the other is at %s",
                                     node->name, config_place_text(place, &first));
                return 0;
        }
        if (!part) {
                grown = reallocarray(draft->parts, draft->n_parts + 1, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                draft->parts = grown;
                part = &grown[draft->n_parts++];
        }
        *part = (struct draft_part){.kind = kind, .level = draft->level, .node = *node};
        return 0;
}

/* A module or a package that programs import by this name. */
static bool check_import_name(const struct json_node *node, const char *what,
                              struct config_errors *errors)
{
        const char *fault = program_name_fault(node->name, 0);

        if (strcmp(node->name, "jumpboot") == 0)
                fault = "the package that every program gets has this name";
        else if (strcmp(node->name, "__main__") == 0)
                fault = "the main module has this name; \"main\" says what it is";
        if (fault)
                json_node_name_error(node, errors, "a %s cannot be called \"%.100s\": %s", what,
                                     node->name, fault);
        return !fault;
}

static bool check_part(enum draft_kind kind, const struct json_node *node,
                       struct config_errors *errors)
{
        char description[JSON_DESCRIPTION_MAX];
        char slot_fault[SLOT_TEXT_FAULT_MAX];
        const char *fault = NULL;
        struct code code;

        switch (kind) {
        case DRAFT_MODULE:
                return check_import_name(node, "module", errors) &&
                       code_read(CODE_MODULE, node, errors, &code) == 0;
        case DRAFT_PACKAGE:
                return check_import_name(node, "package", errors) &&
                       code_read(CODE_PACKAGE, node, errors, &code) == 0;
        case DRAFT_KEY_VALUE:
                fault = package_names_fault(node->name);
                if (fault)
                        json_node_name_error(node, errors,
                                             "a key-value cannot be called \"%.100s\": %s",
                                             node->name, fault);
                break;
        case DRAFT_VARIABLE:
                fault = environment_name_fault(node->name);
                if (fault)
                        json_node_name_error(node, errors, "%s: \"%.100s\"", fault, node->name);
                else if (!json_node_is(node, json_type_string))
                        json_node_error(node, errors,
                                        "the value of the variable %.100s must be a string, not %s",
                                        node->name, json_node_describe(node, description));
                else if (!slot_text_is_right(json_node_string(node), slot_fault))
                        json_node_error(node, errors, "%s", fault = slot_fault);
                return !fault && json_node_is(node, json_type_string);
        }
        return !fault;
}

static int apply_parts(struct program_draft *draft, enum draft_kind kind,
                       const struct json_node *node, struct config_errors *errors)
{
        struct json_cursor cursor = {0};
        struct json_node member;
        int r = 0;

        if (!section_is_object(node, node->name, errors))
                return 0;
        while (r == 0 && json_node_next(node, &cursor, &member))
                if (check_part(kind, &member, errors))
                        r = put(draft, kind, &member, errors);
        return r;
}

const char *const environment_members[] = {
        [ENVIRONMENT_SYSTEM] = NULL, [ENVIRONMENT_PYTHON] = "python",
        [ENVIRONMENT_VENV] = "venv", [ENVIRONMENT_PREFIX] = "prefix",
        [ENVIRONMENT_NAMED] = "env",
};

#define ENVIRONMENT_FORM                                                                           \
        "{\"env\": \"NAME\"}, {\"venv\": \"...\"}, {\"prefix\": \"...\"} or {\"python\": \"...\"}"

/* ENVIRONMENT_SYSTEM: there is no member of this name. */
static enum environment_kind environment_kind_of(const char *member)
{
        for (size_t kind = ENVIRONMENT_SYSTEM + 1; kind < ARRAY_SIZE(environment_members); kind++)
                if (strcmp(environment_members[kind], member) == 0)
                        return (enum environment_kind)kind;
        return ENVIRONMENT_SYSTEM;
}

static bool check_environment(const struct json_node *member, struct config_errors *errors)
{
        enum environment_kind kind = environment_kind_of(member->name);
        char description[JSON_DESCRIPTION_MAX];
        bool is_text = json_node_is(member, json_type_string) && *json_node_string(member);

        if (kind == ENVIRONMENT_SYSTEM)
                json_node_name_error(member, errors,
                                     "environment must be one of " ENVIRONMENT_FORM
                                     ", not \"%.100s\"",
                                     member->name);
        else if (!is_text)
                json_node_error(member, errors, "%s must be a %s, not %s", member->name,
                                kind == ENVIRONMENT_NAMED ? "name" : "path",
                                json_node_describe(member, description));
        else if (kind == ENVIRONMENT_NAMED && !env_name_is_right(json_node_string(member)))
                json_node_error(member, errors,
                                "an environment cannot be called \"%.100s\": " ENV_NAME_RULE
                                "; the path of one is a \"venv\" or a \"prefix\"",
                                json_node_string(member));
        else
                return true;
        return false;
}

static void apply_environment(struct program_draft *draft, const struct json_node *node,
                              struct config_errors *errors)
{
        char description[JSON_DESCRIPTION_MAX];
        struct json_cursor cursor = {0};
        struct json_node member;

        if (!json_node_is(node, json_type_object)) {
                json_node_error(node, errors,
                                "environment must be one of " ENVIRONMENT_FORM ", not %s",
                                json_node_describe(node, description));
                return;
        }
        if (json_object_object_length(node->value) != 1) {
                json_node_error(node, errors,
                                "environment must be exactly one of " ENVIRONMENT_FORM);
                return;
        }
        json_node_next(node, &cursor, &member);
        if (check_environment(&member, errors))
                draft->environment = *node;
}

static int apply_extra_files(struct program_draft *draft, const struct json_node *node,
                             struct config_errors *errors)
{
        _cleanup_(extra_files_freep) struct extra_files *files = NULL;
        int r = extra_files_read(node, errors, &files);

        if (r == 0)
                draft->extra_files = *node;
        return r < 0 ? r : 0;
}

static int apply_structured(struct program_draft *draft, const struct json_node *node,
                            struct config_errors *errors)
{
        static const struct {
                const char *name;
                enum draft_kind kind;
        } part_options[] = {
                {"modules", DRAFT_MODULE},
                {"packages", DRAFT_PACKAGE},
                {"key_values", DRAFT_KEY_VALUE},
                {"env", DRAFT_VARIABLE},
        };
        struct code code;

        for (size_t i = 0; i < ARRAY_SIZE(part_options); i++)
                if (strcmp(part_options[i].name, node->name) == 0)
                        return apply_parts(draft, part_options[i].kind, node, errors);
        if (strcmp(node->name, "extra_files") == 0)
                return apply_extra_files(draft, node, errors);
        if (strcmp(node->name, "environment") == 0)
                apply_environment(draft, node, errors);
        else if (strcmp(node->name, "args") == 0 && code_is_strings(node, "args", errors))
                draft->args = *node;
        else if (strcmp(node->name, "main") == 0) {
                draft->has_wrong_main = code_read(CODE_MODULE, node, errors, &code) != 0;
                draft->main = *node;
        }
        return 0;
}

static int apply_member(struct program_draft *draft, enum section section,
                        const struct json_node *node, struct config_errors *errors)
{
        const struct option *option = option_find(&program_option_table, node->name);
        int r;

        if (!section_has(section, node->name)) {
                section_unknown(section, node, errors);
                return 0;
        }
        if (!option)
                return apply_structured(draft, node, errors);
        r = option_set(option, &draft->values, node, errors);
        if (r == 0)
                draft->origins[option - program_option_table.options] = *node;
        return r < 0 ? r : 0;
}

int program_draft_apply(struct program_draft *draft, enum section section,
                        const struct json_node *object, struct config_errors *errors)
{
        struct json_cursor cursor = {0};
        struct json_node member;
        int r = 0;

        draft->level++;
        while (r == 0 && json_node_next(object, &cursor, &member))
                r = apply_member(draft, section, &member, errors);
        return r;
}

int program_draft_environment(const struct program_draft *draft, enum environment_kind *ret_kind,
                              char **ret)
{
        struct json_cursor cursor = {0};
        struct json_node member;

        *ret_kind = ENVIRONMENT_SYSTEM;
        *ret = NULL;
        if (!json_node_exists(&draft->environment))
                return 0;
        json_node_next(&draft->environment, &cursor, &member);
        *ret_kind = environment_kind_of(member.name);
        *ret = *ret_kind == ENVIRONMENT_NAMED
                       ? strdup(json_node_string(&member))
                       : path_resolve(member.document->folder, json_node_string(&member));
        return *ret ? 0 : -ENOMEM;
}
