/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "option_type.h"

#include <errno.h>
#include <json-c/json_tokener.h>
#include <string.h>

#define OPTION_ENTRY(structure, name_, type_, fallback_, minimum_, maximum_)                       \
        {                                                                                          \
                .name = #name_,                                                                    \
                .type = &option_type_##type_,                                                      \
                .offset = offsetof(struct structure, name_),                                       \
                .fallback = fallback_,                                                             \
                .minimum = minimum_,                                                               \
                .maximum = maximum_,                                                               \
        },
#define OPTION_NONE(...)

static const struct option server_options[] = {
#define SERVER_OPTION(name, type, fallback, minimum, maximum, help)                                \
        OPTION_ENTRY(server_options, name, type, #fallback, #minimum, #maximum)
#define PROGRAM_OPTION OPTION_NONE
#include "options.def"
#undef SERVER_OPTION
#undef PROGRAM_OPTION
};

static const struct option program_options[] = {
#define SERVER_OPTION OPTION_NONE
#define PROGRAM_OPTION(name, type, fallback, minimum, maximum, help)                               \
        OPTION_ENTRY(program_options, name, type, #fallback, #minimum, #maximum)
#include "options.def"
#undef SERVER_OPTION
#undef PROGRAM_OPTION
};

const struct option_table server_option_table = {server_options, ARRAY_SIZE(server_options)};
const struct option_table program_option_table = {program_options, ARRAY_SIZE(program_options)};

const struct option *option_find(const struct option_table *table, const char *name)
{
        for (size_t i = 0; i < table->n; i++)
                if (strcmp(table->options[i].name, name) == 0)
                        return &table->options[i];
        return NULL;
}

static void *field_of(const struct option *option, void *object)
{
        return (char *)object + option->offset;
}

static const void *field_in(const struct option *option, const void *object)
{
        return (const char *)object + option->offset;
}

static bool is_null(const char *json)
{
        return strcmp(json, "null") == 0;
}

static int set_default(const struct option *option, void *object)
{
        char fault[OPTION_FAULT_MAX];
        struct json_object *value;
        int r;

        if (is_null(option->fallback)) {
                if (option->type == &option_type_MODE)
                        *(int *)field_of(option, object) = -1;
                return 0;
        }
        value = json_tokener_parse(option->fallback);
        if (!value)
                return -ENOMEM;
        r = option->type->parse(option, value, "/", field_of(option, object), fault);
        json_object_put(value);
        return r > 0 ? -EINVAL : r;
}

int options_set_defaults(const struct option_table *table, void *object)
{
        int r;

        for (size_t i = 0; i < table->n; i++) {
                r = set_default(&table->options[i], object);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void tell_unfit(const struct option *option, const struct json_node *node, const char *fault,
                       struct config_errors *errors)
{
        char description[JSON_DESCRIPTION_MAX];
        const char *actual = json_node_describe(node, description);

        if (fault[0])
                json_node_error(node, errors, "%s: %s", option->name, fault);
        else if (is_null(option->maximum))
                json_node_error(node, errors, "%s must be %s, not %s", option->name,
                                option->type->noun, actual);
        else
                json_node_error(node, errors, "%s must be %s from %s to %s, not %s", option->name,
                                option->type->noun, option->minimum, option->maximum, actual);
}

int option_set(const struct option *option, void *object, const struct json_node *node,
               struct config_errors *errors)
{
        char fault[OPTION_FAULT_MAX] = "";
        int r;

        r = option->type->parse(option, node->value, node->document->folder,
                                field_of(option, object), fault);
        if (r > 0)
                tell_unfit(option, node, fault, errors);
        return r;
}

int options_copy(const struct option_table *table, void *to, const void *from)
{
        for (size_t i = 0; i < table->n; i++) {
                const struct option *option = &table->options[i];
                const void *source = field_in(option, from);
                void *target = field_of(option, to);

                if (!option->type->copy)
                        memcpy(target, source, option->type->size);
                else if (option->type->copy(target, source) < 0)
                        return -ENOMEM;
        }
        return 0;
}

void options_clear(const struct option_table *table, void *object)
{
        for (size_t i = 0; i < table->n; i++)
                if (table->options[i].type->clear)
                        table->options[i].type->clear(field_of(&table->options[i], object));
}

int option_to_json(const struct option *option, const void *object, struct json_object **ret)
{
        *ret = NULL;
        return option->type->format(option->type, field_in(option, object), ret);
}

void option_swap(const struct option *option, void *a, void *b)
{
        size_t size = option->type->size;
        char *one = field_of(option, a), *other = field_of(option, b);

        for (size_t i = 0; i < size; i++) {
                char byte = one[i];
                one[i] = other[i];
                other[i] = byte;
        }
}

bool option_equal(const struct option *option, const void *a, const void *b)
{
        struct json_object *one = NULL, *other = NULL;
        bool is_equal = option_to_json(option, a, &one) == 0 &&
                        option_to_json(option, b, &other) == 0 && json_object_equal(one, other);

        json_object_put(one);
        json_object_put(other);
        return is_equal;
}

int options_to_json(const struct option_table *table, const void *object, struct json_object *json)
{
        for (size_t i = 0; i < table->n; i++) {
                const struct option *option = &table->options[i];
                struct json_object *value;
                int r = option_to_json(option, object, &value);

                if (r < 0)
                        return r;
                if (value && json_object_object_add(json, option->name, value) < 0) {
                        json_object_put(value);
                        return -ENOMEM;
                }
        }
        return 0;
}

struct program_options *program_options_new(const char *name, const char *program_set)
{
        _cleanup_(program_options_unrefp) struct program_options *options = NULL;

        options = calloc(1, sizeof(*options));
        if (!options)
                return NULL;
        options->references = 1;
        options->name = strdup(name);
        options->program_set = strdup(program_set);
        if (!options->name || !options->program_set)
                return NULL;
        return steal(options);
}

struct program_options *program_options_ref(struct program_options *options)
{
        options->references++;
        return options;
}

/* NULL has none. */
static bool strings_equal(char *const *a, char *const *b)
{
        while (a && b && *a && *b && strcmp(*a, *b) == 0) {
                a++;
                b++;
        }
        return !(a && *a) && !(b && *b);
}

static bool identities_equal(const struct identity *a, const struct identity *b)
{
        return a->uid == b->uid && a->gid == b->gid && a->n_groups == b->n_groups &&
               (a->n_groups == 0 ||
                memcmp(a->groups, b->groups, a->n_groups * sizeof(*a->groups)) == 0);
}

/* What the name service made of them counts too: it may have changed under the same names. */
static bool accounts_equal(const struct program_options *a, const struct program_options *b)
{
        return a->is_other_user == b->is_other_user &&
               identities_equal(&a->identity, &b->identity) &&
               id_list_equal(a->allow_users, b->allow_users) &&
               id_list_equal(a->allow_groups, b->allow_groups);
}

bool program_options_equal(const struct program_options *a, const struct program_options *b)
{
        const struct option_table *table = &program_option_table;

        for (size_t i = 0; i < table->n; i++)
                if (!option_equal(&table->options[i], a, b))
                        return false;
        return strcmp(a->name, b->name) == 0 && strcmp(a->program_set, b->program_set) == 0 &&
               strcmp(a->python, b->python) == 0 && strings_equal(a->arguments, b->arguments) &&
               strings_equal(a->environment, b->environment) &&
               strings_equal(a->slot_variables, b->slot_variables) && accounts_equal(a, b) &&
               extra_files_equal(a->extra_files, b->extra_files) &&
               a->text->length == b->text->length &&
               memcmp(a->text->data, b->text->data, a->text->length) == 0;
}

static void free_strings(char **strings)
{
        for (char **at = strings; at && *at; at++)
                free(*at);
        free(strings);
}

struct program_options *program_options_unref(struct program_options *options)
{
        if (!options || --options->references > 0)
                return NULL;
        options_clear(&program_option_table, options);
        free_strings(options->environment);
        free_strings(options->slot_variables);
        extra_files_free(options->extra_files);
        free(options->identity.groups);
        free_strings(options->arguments);
        free(options->python);
        program_text_free(options->text);
        free(options->program_set);
        free(options->name);
        free(options);
        return NULL;
}

bool program_options_allow(const struct program_options *options, struct caller *caller)
{
        const struct access access = {options->allow_users, options->allow_groups};

        return access_allows(&access, caller);
}
