/* SPDX-License-Identifier: MIT */
#include "catalogue.h"

#include "common/cleanup.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

static struct json_object *member(struct json_object *object, const char *key)
{
        struct json_object *value = NULL;

        json_object_object_get_ex(object, key, &value);
        return value;
}

static void put(struct json_object *object, const char *key, struct json_object *value)
{
        json_object_object_add(object, key, value);
}

/* What a worker told of itself is checked where it is used: it may be anything. */
static size_t length_of(struct json_object *array)
{
        return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

/* A parameter as a content descriptor; its default goes into the schema, as OpenRPC has it. */
static struct json_object *new_param(struct json_object *parameter)
{
        struct json_object *param = json_object_new_object(), *schema = NULL;

        if (json_object_is_type(member(parameter, "schema"), json_type_object))
                json_object_deep_copy(member(parameter, "schema"), &schema, NULL);
        if (!schema)
                schema = json_object_new_object();
        if (json_object_object_get_ex(parameter, "default", NULL))
                put(schema, "default", json_object_get(member(parameter, "default")));
        put(param, "name", json_object_get(member(parameter, "name")));
        put(param, "required", json_object_get(member(parameter, "required")));
        put(param, "schema", schema);
        if (member(parameter, "type"))
                put(param, "description", json_object_get(member(parameter, "type")));
        put(param, "x-kind", json_object_get(member(parameter, "kind")));
        return param;
}

static const char *text_of(struct json_object *object, const char *key)
{
        struct json_object *value = member(object, key);

        return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

/* " a: int = 1" behind the parameters before it, with the stars and bars of Python. */
static void print_parameter(FILE *out, struct json_object *parameter, const char *before)
{
        const char *kind = text_of(parameter, "kind"), *type = text_of(parameter, "type");
        const char *stars = "";

        if (strcmp(kind, "var_positional") == 0)
                stars = "*";
        else if (strcmp(kind, "var_keyword") == 0)
                stars = "**";
        if (strcmp(before, "positional_only") == 0 && strcmp(kind, before) != 0)
                fputs("/, ", out);
        if (strcmp(kind, "keyword_only") == 0 && strcmp(before, kind) != 0 &&
            strcmp(before, "var_positional") != 0)
                fputs("*, ", out);
        fprintf(out, "%s%s%s%s", stars, text_of(parameter, "name"), *type ? ": " : "", type);
        if (member(parameter, "default_repr"))
                fprintf(out, "%s%s", *type ? " = " : "=", text_of(parameter, "default_repr"));
}

/* The function as Python would write its head: "add(a: int, b=1) -> int". */
static struct json_object *new_signature(const char *name, struct json_object *method)
{
        _cleanup_free_ char *text = NULL;
        size_t length = 0;
        FILE *out = open_memstream(&text, &length);
        struct json_object *parameters = member(method, "parameters");
        const char *type = text_of(member(method, "returns"), "type"), *before = "";

        if (!out)
                return NULL;
        fprintf(out, "%s(", name);
        size_t n = length_of(parameters);
        for (size_t i = 0; i < n; i++) {
                struct json_object *parameter = json_object_array_get_idx(parameters, i);
                if (i > 0)
                        fputs(", ", out);
                print_parameter(out, parameter, before);
                before = text_of(parameter, "kind");
        }
        if (strcmp(before, "positional_only") == 0)
                fputs(", /", out);
        fprintf(out, ")%s%s", *type ? " -> " : "", type);
        fclose(out);
        return json_object_new_string_len(text, (int)length);
}

static void put_doc(struct json_object *entry, struct json_object *method)
{
        const char *doc = text_of(method, "doc");
        size_t line = strcspn(doc, "\n");

        if (!*doc)
                return;
        put(entry, "summary", json_object_new_string_len(doc, (int)line));
        if (doc[line])
                put(entry, "description", json_object_new_string(doc));
}

static struct json_object *new_result(struct json_object *method)
{
        struct json_object *result = json_object_new_object();
        struct json_object *schema = member(member(method, "returns"), "schema");

        put(result, "name", json_object_new_string("result"));
        put(result, "schema", schema ? json_object_get(schema) : json_object_new_object());
        return result;
}

static struct json_object *new_method(const char *program, const char *function,
                                      struct json_object *method)
{
        struct json_object *entry = json_object_new_object(), *params = json_object_new_array();
        struct json_object *parameters = member(method, "parameters");
        size_t n = length_of(parameters);
        _cleanup_free_ char *name = NULL;

        if (asprintf(&name, "%s.%s", program, function) < 0)
                name = NULL;
        put(entry, "name", json_object_new_string(name ? name : function));
        put_doc(entry, method);
        for (size_t i = 0; i < n; i++)
                json_object_array_add(params, new_param(json_object_array_get_idx(parameters, i)));
        put(entry, "params", params);
        put(entry, "result", new_result(method));
        put(entry, "paramStructure", json_object_new_string("either"));
        put(entry, "x-signature", new_signature(function, method));
        put(entry, "x-async", json_object_get(member(method, "async")));
        return entry;
}

/* Takes the object. */
static int append(struct buffer *text, struct json_object *entry)
{
        size_t length = 0;
        const char *words = json_object_to_json_string_length(
                entry, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
        int r = words ? 0 : -ENOMEM;

        if (r == 0 && !buffer_is_empty(text))
                r = buffer_append(text, ",", 1);
        if (r == 0)
                r = buffer_append(text, words, length);
        json_object_put(entry);
        return r;
}

static int write_methods(struct buffer *text, const char *program, struct json_object *told)
{
        int r = 0;

        if (!json_object_is_type(told, json_type_object))
                return 0;
        json_object_object_foreach(told, function, method)
        {
                if (r == 0)
                        r = append(text, new_method(program, function, method));
        }
        buffer_compact(text);
        return r;
}

static void drop_text(struct catalogue *catalogue)
{
        catalogue->text.pool->kept -= catalogue->memory;
        catalogue->memory = 0;
        buffer_clear(&catalogue->text);
}

static int replace(struct catalogue *catalogue, const char *program, struct json_object *told)
{
        struct buffer_pool *buffers = catalogue->text.pool;
        size_t before = buffers->memory;
        struct buffer text;

        buffer_init(&text, buffers);
        int r = write_methods(&text, program, told);
        if (r < 0) {
                buffer_clear(&text);
                return r;
        }
        size_t memory = buffers->memory - before;
        drop_text(catalogue);
        buffer_move(&catalogue->text, &text);
        catalogue->memory = memory;
        buffers->kept += memory;
        json_object_put(catalogue->told);
        catalogue->told = json_object_get(told);
        return 0;
}

int catalogue_take(struct catalogue *catalogue, const char *program, struct json_object *told,
                   bool takes_any)
{
        if (!json_object_equal(catalogue->told, told)) {
                int r = replace(catalogue, program, told);
                if (r < 0)
                        return r;
        }
        catalogue->takes_any = takes_any;
        return 0;
}

void catalogue_init(struct catalogue *catalogue, struct buffer_pool *buffers)
{
        *catalogue = (struct catalogue){0};
        buffer_init(&catalogue->text, buffers);
}

void catalogue_clear(struct catalogue *catalogue)
{
        json_object_put(steal(catalogue->told));
        if (catalogue->text.pool)
                drop_text(catalogue);
}
