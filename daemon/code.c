/* SPDX-License-Identifier: MIT */
#include "code.h"

#include "common/path.h"

#include <string.h>

static const char *const forms[] = {
        [CODE_MODULE] = "the path of a Python file or {\"source\": \"...\"}",
        [CODE_PACKAGE] = "the path of a folder or {\"path\": \"...\", \"data\": [\"*.json\"]}",
};

static bool is_text(const struct json_node *node)
{
        return json_node_is(node, json_type_string) && *json_node_string(node);
}

static int wrong_form(enum code_kind kind, const struct json_node *node,
                      struct config_errors *errors)
{
        char description[JSON_DESCRIPTION_MAX];

        json_node_error(node, errors, "%s must be %s, not %s", node->name, forms[kind],
                        json_node_describe(node, description));
        return 1;
}

bool code_is_strings(const struct json_node *node, const char *what, struct config_errors *errors)
{
        char description[JSON_DESCRIPTION_MAX];
        struct json_cursor cursor = {0};
        struct json_node element = *node;
        bool is_array = json_node_is(node, json_type_array);

        while (is_array && json_node_next(node, &cursor, &element))
                if (!json_node_is(&element, json_type_string))
                        is_array = false;
        if (!is_array)
                json_node_error(&element, errors, "%s must be an array of strings, not %s%s", what,
                                element.value == node->value ? "" : "of ",
                                json_node_describe(&element, description));
        return is_array;
}

static int read_member(enum code_kind kind, const struct json_node *member,
                       struct config_errors *errors, struct code *ret)
{
        bool is_path = strcmp(member->name, "path") == 0;

        if (kind == CODE_PACKAGE && strcmp(member->name, "data") == 0) {
                ret->data = *member;
                return !code_is_strings(member, "data", errors);
        }
        if (!is_path && !(kind == CODE_MODULE && strcmp(member->name, "source") == 0)) {
                json_node_name_error(member, errors, "\"%.100s\" is unknown here; right is %s",
                                     member->name, forms[kind]);
                return 1;
        }
        if (is_path ? !is_text(member) : !json_node_is(member, json_type_string)) {
                char description[JSON_DESCRIPTION_MAX];
                json_node_error(member, errors, "%s must be a string%s, not %s", member->name,
                                is_path ? " that is a path" : "",
                                json_node_describe(member, description));
                return 1;
        }
        *(is_path ? &ret->path : &ret->source) = *member;
        return 0;
}

int code_read(enum code_kind kind, const struct json_node *node, struct config_errors *errors,
              struct code *ret)
{
        struct json_cursor cursor = {0};
        struct json_node member;
        int wrong = 0;

        *ret = (struct code){0};
        if (is_text(node)) {
                ret->path = *node;
                return 0;
        }
        if (!json_node_is(node, json_type_object))
                return wrong_form(kind, node, errors);
        while (json_node_next(node, &cursor, &member))
                wrong |= read_member(kind, &member, errors, ret);
        if (wrong)
                return 1;
        if (json_node_exists(&ret->path) == json_node_exists(&ret->source)) {
                json_node_error(node, errors, "%s must be %s%s", node->name, forms[kind],
                                json_node_exists(&ret->path) ? ": one of the two, not both" : "");
                return 1;
        }
        return 0;
}

char *code_path(const struct code *code)
{
        return path_resolve(code->path.document->folder, json_node_string(&code->path));
}

const char **code_strings(const struct json_node *node)
{
        struct json_cursor cursor = {0};
        struct json_node element;
        const char **strings;
        size_t n = 0;

        strings = calloc(json_object_array_length(node->value) + 1, sizeof(*strings));
        while (strings && json_node_next(node, &cursor, &element))
                strings[n++] = json_node_string(&element);
        return strings;
}
