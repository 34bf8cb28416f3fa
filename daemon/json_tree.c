/* SPDX-License-Identifier: MIT */
#include "json_tree.h"

#include "common/text.h"

#include <errno.h>
#include <json-c/linkhash.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

struct builder {
        struct json_document *document;
        struct config_errors *errors;
        size_t at;
};

/* The placements of one object or array while it is read. */
struct growing {
        struct json_placements *placements;
        size_t room;
};

static void growing_free(struct growing *growing)
{
        free(growing->placements);
}

static void json_putp(struct json_object **object)
{
        json_object_put(*object);
}

static int growing_add(struct growing *growing, const struct json_placement *placement)
{
        struct json_placements *grown = growing->placements;
        size_t n = grown ? grown->n : 0, room = growing->room;

        if (n == room) {
                room = room ? room * 2 : 4;
                grown = realloc(grown, sizeof(*grown) + room * sizeof(grown->at[0]));
                if (!grown)
                        return -ENOMEM;
                growing->placements = grown;
                growing->room = room;
        }
        grown->at[n] = *placement;
        grown->n = n + 1;
        return 0;
}

static void free_placements(struct json_object *object, void *placements)
{
        (void)object;
        free(placements);
}

static char skip_blank(struct builder *builder)
{
        const char *text = builder->document->text;

        while (text[builder->at] == ' ' || text[builder->at] == '\t' || text[builder->at] == '\r')
                builder->at++;
        return text[builder->at];
}

static unsigned hex4(const char *digits)
{
        char copy[5] = {0};

        memcpy(copy, digits, 4);
        return (unsigned)strtoul(copy, NULL, 16);
}

/* Looks at the escape at `raw` and returns its length. */
static size_t check_escape(struct builder *builder, const char *raw)
{
        size_t offset = (size_t)(raw - builder->document->text);
        unsigned code;

        if (raw[1] != 'u')
                return 2;
        code = hex4(raw + 2);
        if (code == 0)
                json_document_error(builder->document, builder->errors, offset,
                                    "a string cannot contain a NUL (\\u0000)");
        if (code < 0xD800 || code > 0xDFFF)
                return 6;
        if (code < 0xDC00 && raw[6] == '\\' && raw[7] == 'u' && (hex4(raw + 8) & 0xFC00) == 0xDC00)
                return 12;
        json_document_error(
                builder->document, builder->errors, offset,
                "%.6s is half of a surrogate pair: a character past U+FFFF is written as itself, "
                "or as two escapes, \\ud83d\\ude00",
                raw);
        return 6;
}

/* Reads a string, decoded and NUL-terminated. */
static int read_string(struct builder *builder, char **ret, size_t *ret_length)
{
        const char *raw = builder->document->text + builder->at + 1, *end = raw;
        ptrdiff_t length;
        char *decoded;

        while (*end != '"')
                end += *end == '\\' ? check_escape(builder, end) : 1;
        decoded = malloc((size_t)(end - raw) + 1);
        if (!decoded)
                return -ENOMEM;
        length = text_unescape(raw, (size_t)(end - raw), decoded, (size_t)(end - raw));
        if (length < 0)
                length = 0; /* cannot be: the decoded form is never longer */
        decoded[length] = '\0';
        builder->at += (size_t)(end - raw) + 2;
        *ret = decoded;
        *ret_length = (size_t)length;
        return 0;
}

static int build_string(struct builder *builder, struct json_object **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t length;
        int r;

        r = read_string(builder, &text, &length);
        if (r < 0)
                return r;
        if (length > INT32_MAX)
                return -ENOMEM;
        *ret = json_object_new_string_len(text, (int)length);
        return *ret ? 0 : -ENOMEM;
}

/* Whole numbers that fit 64 bits are kept as such; any other keeps its own text besides. */
static struct json_object *new_number(const char *text, double *ret_double)
{
        char *end;

        *ret_double = 0;
        errno = 0;
        if (!strpbrk(text, ".eE")) {
                int64_t number = strtoll(text, &end, 10);
                if (errno == 0)
                        return json_object_new_int64(number);
                errno = 0;
                uint64_t natural = strtoull(text, &end, 10);
                if (errno == 0 && text[0] != '-')
                        return json_object_new_uint64(natural);
        }
        *ret_double = strtod(text, &end);
        return json_object_new_double_s(isfinite(*ret_double) ? *ret_double : 0, text);
}

static int build_number(struct builder *builder, struct json_object **ret)
{
        const char *from = builder->document->text + builder->at;
        size_t length = strspn(from, "+-.0123456789eE");
        _cleanup_free_ char *text = strndup(from, length);
        double number;

        if (!text)
                return -ENOMEM;
        *ret = new_number(text, &number);
        if (!*ret)
                return -ENOMEM;
        if (!isfinite(number))
                json_document_error(builder->document, builder->errors, builder->at,
                                    "the number is too large: 1.7e308 is the limit");
        builder->at += length;
        return 0;
}

static int build_literal(struct builder *builder, struct json_object **ret)
{
        char first = builder->document->text[builder->at];

        builder->at += first == 'f' ? strlen("false") : strlen("true"); /* or null */
        if (first == 'n')
                return 0;
        *ret = json_object_new_boolean(first == 't');
        return *ret ? 0 : -ENOMEM;
}

static int build_value(struct builder *builder, struct json_object **ret,
                       struct json_placement *placement);

static int build_element(struct builder *builder, struct json_object *array,
                         struct growing *growing)
{
        _cleanup_(json_putp) struct json_object *value = NULL;
        struct json_placement placement;
        int r;

        r = build_value(builder, &value, &placement);
        if (r < 0)
                return r;
        placement.name_offset = placement.offset;
        r = growing_add(growing, &placement);
        if (r < 0)
                return r;
        if (json_object_array_add(array, value) < 0)
                return -ENOMEM;
        value = NULL;
        return 0;
}

static size_t find_name(struct json_object *object, const struct growing *growing, const char *name)
{
        size_t index = 0;

        for (struct lh_entry *entry = json_object_get_object(object)->head; entry;
             entry = entry->next, index++)
                if (strcmp(lh_entry_k(entry), name) == 0)
                        break;
        return growing->placements->at[index].name_offset;
}

static void name_twice(struct builder *builder, size_t offset, size_t first, const char *name)
{
        struct config_place place = json_document_place(builder->document, first);

        json_document_error(builder->document, builder->errors, offset,
                            "\"%s\" stands here a second time; the first is at %u:%u", name,
                            place.line, place.column);
}

static int build_member(struct builder *builder, struct json_object *object,
                        struct growing *growing)
{
        _cleanup_(json_putp) struct json_object *value = NULL;
        _cleanup_free_ char *name = NULL;
        struct json_placement placement;
        size_t length, name_offset;
        int r;

        skip_blank(builder);
        name_offset = builder->at;
        r = read_string(builder, &name, &length);
        if (r < 0)
                return r;
        skip_blank(builder);
        builder->at++; /* the colon */
        r = build_value(builder, &value, &placement);
        if (r < 0)
                return r;
        placement.name_offset = name_offset;
        if (json_object_object_get_ex(object, name, NULL)) {
                name_twice(builder, name_offset, find_name(object, growing, name), name);
                return 0;
        }
        r = growing_add(growing, &placement);
        if (r < 0)
                return r;
        if (json_object_object_add_ex(object, name, value, JSON_C_OBJECT_ADD_KEY_IS_NEW) < 0)
                return -ENOMEM;
        value = NULL;
        return 0;
}

/* An object or an array: they differ in what stands between the commas only. */
static int build_container(struct builder *builder, bool is_object, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *container = NULL;
        _cleanup_(growing_free) struct growing growing = {0};
        char next, end = is_object ? '}' : ']';
        int r;

        container = is_object ? json_object_new_object() : json_object_new_array();
        if (!container)
                return -ENOMEM;
        builder->at++;
        for (next = skip_blank(builder); next != end; next = skip_blank(builder)) {
                if (next == ',')
                        builder->at++;
                r = is_object ? build_member(builder, container, &growing)
                              : build_element(builder, container, &growing);
                if (r < 0)
                        return r;
        }
        builder->at++;
        json_object_set_userdata(container, steal(growing.placements), free_placements);
        *ret = steal(container);
        return 0;
}

static int build_value(struct builder *builder, struct json_object **ret,
                       struct json_placement *placement)
{
        char first = skip_blank(builder);
        int r;

        *ret = NULL;
        placement->offset = builder->at;
        if (first == '{' || first == '[')
                r = build_container(builder, first == '{', ret);
        else if (first == '"')
                r = build_string(builder, ret);
        else if (first == 't' || first == 'f' || first == 'n')
                r = build_literal(builder, ret);
        else
                r = build_number(builder, ret);
        placement->length = builder->at - placement->offset;
        return r;
}

int json_tree_build(struct json_document *document, struct config_errors *errors)
{
        struct builder builder = {.document = document, .errors = errors};

        return build_value(&builder, &document->root, &document->root_placement);
}
