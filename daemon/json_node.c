/* SPDX-License-Identifier: MIT */
#include "json_node.h"

#include <json-c/linkhash.h>
#include <string.h>

struct json_node json_document_root(const struct json_document *document)
{
        return (struct json_node){
                .document = document,
                .value = document->root,
                .name_offset = document->root_placement.offset,
                .offset = document->root_placement.offset,
                .length = document->root_placement.length,
        };
}

static struct json_node make_node(const struct json_node *parent, const char *name,
                                  struct json_object *value, size_t index)
{
        const struct json_placements *placements = json_object_get_userdata(parent->value);
        const struct json_placement *at = &placements->at[index];

        return (struct json_node){
                .document = parent->document,
                .name = name,
                .value = value,
                .name_offset = at->name_offset,
                .offset = at->offset,
                .length = at->length,
        };
}

static bool next_member(const struct json_node *parent, struct json_cursor *cursor,
                        struct json_node *ret)
{
        const struct lh_entry *entry;

        entry = cursor->entry ? cursor->entry->next : json_object_get_object(parent->value)->head;
        if (!entry)
                return false;
        *ret = make_node(parent, lh_entry_k(entry), lh_entry_v(entry), cursor->index++);
        cursor->entry = entry;
        return true;
}

bool json_node_next(const struct json_node *parent, struct json_cursor *cursor,
                    struct json_node *ret)
{
        struct json_object *value;

        if (json_object_is_type(parent->value, json_type_object))
                return next_member(parent, cursor, ret);
        if (cursor->index >= json_object_array_length(parent->value))
                return false;
        value = json_object_array_get_idx(parent->value, cursor->index);
        *ret = make_node(parent, NULL, value, cursor->index++);
        return true;
}

bool json_node_member(const struct json_node *object, const char *name, struct json_node *ret)
{
        struct json_cursor cursor = {0};

        while (json_node_next(object, &cursor, ret))
                if (strcmp(ret->name, name) == 0)
                        return true;
        *ret = (struct json_node){0};
        return false;
}

bool json_node_is(const struct json_node *node, enum json_type type)
{
        return json_object_is_type(node->value, type);
}

const char *json_node_string(const struct json_node *node)
{
        return json_object_get_string(node->value);
}

/* A text of the file, shortened to what fits a message without cutting a character in two. */
static void quote_source(const struct json_node *node, const char *what, char *buffer)
{
        const char *text = node->document->source + node->offset;
        size_t room = JSON_DESCRIPTION_MAX - strlen(what) - sizeof(" ...\"");
        size_t length = node->length;

        if (length <= room) {
                snprintf(buffer, JSON_DESCRIPTION_MAX, "%s %.*s", what, (int)length, text);
                return;
        }
        for (length = room; length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80;)
                length--;
        snprintf(buffer, JSON_DESCRIPTION_MAX, "%s %.*s...%s", what, (int)length, text,
                 *text == '"' ? "\"" : "");
}

const char *json_node_describe(const struct json_node *node,
                               char buffer[static JSON_DESCRIPTION_MAX])
{
        switch (json_object_get_type(node->value)) {
        case json_type_null:
                return "null";
        case json_type_boolean:
                return json_object_get_boolean(node->value) ? "true" : "false";
        case json_type_object:
                return "an object";
        case json_type_array:
                return "an array";
        case json_type_string:
                quote_source(node, "the string", buffer);
                break;
        case json_type_double:
        case json_type_int:
                quote_source(node, "the number", buffer);
                break;
        }
        return buffer;
}

/* Lines end at a newline; a column is a character, not a byte. */
struct config_place json_document_place(const struct json_document *document, size_t offset)
{
        struct config_place place = {.path = document->path, .line = 1, .column = 1};

        for (size_t i = 0; i < offset && i < document->length; i++) {
                if (document->source[i] == '\n') {
                        place.line++;
                        place.column = 1;
                } else if (((unsigned char)document->source[i] & 0xC0) != 0x80) {
                        place.column++;
                }
        }
        return place;
}

void json_document_error(const struct json_document *document, struct config_errors *errors,
                         size_t offset, const char *format, ...)
{
        struct config_place place = json_document_place(document, offset);
        va_list arguments;

        va_start(arguments, format);
        config_errors_addv(errors, false, &place, format, arguments);
        va_end(arguments);
}

struct config_place json_node_place(const struct json_node *node)
{
        return json_document_place(node->document, node->offset);
}

struct config_place json_node_name_place(const struct json_node *node)
{
        return json_document_place(node->document, node->name_offset);
}

void json_node_error(const struct json_node *node, struct config_errors *errors, const char *format,
                     ...)
{
        struct config_place place = json_node_place(node);
        va_list arguments;

        va_start(arguments, format);
        config_errors_addv(errors, false, &place, format, arguments);
        va_end(arguments);
}

void json_node_name_error(const struct json_node *node, struct config_errors *errors,
                          const char *format, ...)
{
        struct config_place place = json_node_name_place(node);
        va_list arguments;

        va_start(arguments, format);
        config_errors_addv(errors, false, &place, format, arguments);
        va_end(arguments);
}

void json_node_warning(const struct json_node *node, struct config_errors *errors,
                       const char *format, ...)
{
        struct config_place place = json_node_place(node);
        va_list arguments;

        va_start(arguments, format);
        config_errors_addv(errors, true, &place, format, arguments);
        va_end(arguments);
}
