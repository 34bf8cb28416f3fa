/* SPDX-License-Identifier: MIT */
#include "ctl_tree.h"

#include "ctl_screen.h"

#include <json-c/json.h>
#include <limits.h>

#define DEPTH_MAX 512

struct json_object *ctl_tree_parse(const char *text, size_t length)
{
        struct json_tokener *tokener;
        struct json_object *tree;

        if (length > INT_MAX)
                return NULL;
        tokener = json_tokener_new_ex(DEPTH_MAX);
        if (!tokener)
                return NULL;
        tree = json_tokener_parse_ex(tokener, text, (int)length);
        json_tokener_free(tokener);
        if (!json_object_is_type(tree, json_type_object)) {
                json_object_put(tree);
                return NULL;
        }
        return tree;
}

void ctl_tree_freep(struct json_object **tree)
{
        json_object_put(*tree);
}

struct json_object *ctl_tree_member(struct json_object *tree, const char *name)
{
        struct json_object *value = NULL;

        if (json_object_is_type(tree, json_type_object))
                json_object_object_get_ex(tree, name, &value);
        return value;
}

const char *ctl_tree_text(struct json_object *tree, const char *name)
{
        struct json_object *value = ctl_tree_member(tree, name);

        return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static bool is_number(struct json_object *value)
{
        return json_object_is_type(value, json_type_int) ||
               json_object_is_type(value, json_type_double);
}

int64_t ctl_tree_int(struct json_object *tree, const char *name)
{
        struct json_object *value = ctl_tree_member(tree, name);

        return is_number(value) ? json_object_get_int64(value) : 0;
}

double ctl_tree_number(struct json_object *tree, const char *name)
{
        struct json_object *value = ctl_tree_member(tree, name);

        return is_number(value) ? json_object_get_double(value) : 0;
}

bool ctl_tree_is_false(struct json_object *value)
{
        return json_object_is_type(value, json_type_boolean) && !json_object_get_boolean(value);
}

bool ctl_tree_is_true(struct json_object *value)
{
        return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

void ctl_tree_put_error(FILE *file, struct json_object *error)
{
        const char *exception = ctl_tree_text(error, "exception");
        const char *message = ctl_tree_text(error, "message");

        ctl_put_text(file, exception ? exception : "");
        fputs(exception && message ? ": " : "", file);
        ctl_put_text(file, message ? message : "");
}
