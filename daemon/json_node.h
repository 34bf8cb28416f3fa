/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Values of a JSON file that know where they stand, so that whoever looks at one can say what is
 * wrong with it by file, line and column. Objects and arrays are json-c's.
 */
#include "config_errors.h"

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

/* Where the members of an object, or the elements of an array, stand; hangs on the json_object. */
struct json_placement {
        size_t name_offset;
        size_t offset, length;
};
struct json_placements {
        size_t n;
        struct json_placement at[];
};

struct json_document {
        char *path;   /* absolute */
        char *folder; /* the part of it that relative paths start from */
        char *source; /* as it is in the file */
        char *text;   /* the same length, comments and line ends blanked */
        size_t length;
        struct json_object *root;
        struct json_placement root_placement;
};

/* A value and where it stands. Lives as long as its document; a node without a document is none. */
struct json_node {
        const struct json_document *document;
        const char *name;          /* of a member; NULL for elements and the root */
        struct json_object *value; /* NULL: the null of JSON */
        size_t name_offset;        /* == offset if it has no name */
        size_t offset, length;     /* of the value, in source and text */
};

struct config_place json_document_place(const struct json_document *document, size_t offset);
void json_document_error(const struct json_document *document, struct config_errors *errors,
                         size_t offset, const char *format, ...) _printf_(4, 5);
struct json_node json_document_root(const struct json_document *document);

/* Goes through the members of an object or the elements of an array: start with an empty cursor. */
struct json_cursor {
        size_t index;
        const struct lh_entry *entry;
};
bool json_node_next(const struct json_node *parent, struct json_cursor *cursor,
                    struct json_node *ret);
/* Finds a member; false if the object has none of that name. */
bool json_node_member(const struct json_node *object, const char *name, struct json_node *ret);

static inline bool json_node_exists(const struct json_node *node)
{
        return node->document;
}
bool json_node_is(const struct json_node *node, enum json_type type);
/* Of a string; it has no NUL within. */
const char *json_node_string(const struct json_node *node);

/* What an error message calls the value: `the string "4"`, `the number 30`, `an object`. */
#define JSON_DESCRIPTION_MAX 64
const char *json_node_describe(const struct json_node *node,
                               char buffer[static JSON_DESCRIPTION_MAX]);

struct config_place json_node_place(const struct json_node *node);      /* of its value */
struct config_place json_node_name_place(const struct json_node *node); /* of its name, if any */
void json_node_error(const struct json_node *node, struct config_errors *errors, const char *format,
                     ...) _printf_(3, 4);
void json_node_name_error(const struct json_node *node, struct config_errors *errors,
                          const char *format, ...) _printf_(3, 4);
void json_node_warning(const struct json_node *node, struct config_errors *errors,
                       const char *format, ...) _printf_(3, 4);
