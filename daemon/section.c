/* SPDX-License-Identifier: MIT */
#include "section.h"

#include "options.h"

#include "common/text.h"

#include <stdint.h>
#include <string.h>

#define SECTION_ANY_DEFAULTS (SECTION_SERVER_DEFAULTS | SECTION_SET_DEFAULTS)
#define SECTION_ANY_PROGRAM  (SECTION_ANY_DEFAULTS | SECTION_PROGRAM)

/* The options that are more than one value. The others stand in options.def. */
static const struct {
        const char *name;
        unsigned sections;
} structured[] = {
        {"program_sets", SECTION_SERVER},
        {"defaults", SECTION_SERVER | SECTION_SET},
        {"programs", SECTION_SET},
        {"main", SECTION_PROGRAM},
        {"args", SECTION_ANY_PROGRAM},
        {"environment", SECTION_ANY_PROGRAM | SECTION_SET},
        {"env", SECTION_ANY_PROGRAM | SECTION_SET},
        {"extra_files", SECTION_ANY_PROGRAM},
        {"modules", SECTION_ANY_PROGRAM | SECTION_SET},
        {"packages", SECTION_ANY_PROGRAM | SECTION_SET},
        {"key_values", SECTION_ANY_PROGRAM | SECTION_SET},
};

static const struct {
        enum section section;
        const char *noun;
} nouns[] = {
        {SECTION_SERVER, "jumpbootd.conf"},     {SECTION_PROGRAM, "a program"},
        {SECTION_SET, "a program set"},         {SECTION_SERVER_DEFAULTS, "\"defaults\""},
        {SECTION_SET_DEFAULTS, "\"defaults\""},
};

static const char *noun_of(enum section section)
{
        for (size_t i = 0; i < ARRAY_SIZE(nouns); i++)
                if (nouns[i].section == section)
                        return nouns[i].noun;
        return "";
}

static const struct option_table *table_of(enum section section)
{
        static const struct option_table none = {0};

        if (section == SECTION_SERVER)
                return &server_option_table;
        return section & SECTION_ANY_PROGRAM ? &program_option_table : &none;
}

/* The names that a section has, by number; NULL past the last. */
static const char *name_at(enum section section, size_t index)
{
        const struct option_table *table = table_of(section);

        for (size_t i = 0; i < ARRAY_SIZE(structured); i++)
                if ((structured[i].sections & section) && index-- == 0)
                        return structured[i].name;
        return index < table->n ? table->options[index].name : NULL;
}

bool section_has(enum section section, const char *name)
{
        const char *known;

        for (size_t i = 0; (known = name_at(section, i)); i++)
                if (strcmp(known, name) == 0)
                        return true;
        return false;
}

/* Near is what a slip or two make of a name: more of them in a longer one. */
static const char *nearest(enum section section, const char *name)
{
        const char *known, *best = NULL;
        unsigned least = UINT32_MAX;

        if (strlen(name) > 64)
                return NULL;
        for (size_t i = 0; (known = name_at(section, i)); i++) {
                unsigned distance = text_distance(known, name);
                if (distance < least && distance <= 1 + strlen(known) / 4 &&
                    distance < strlen(known)) {
                        least = distance;
                        best = known;
                }
        }
        return best;
}

/* Where else an option of this name stands; NULL: nowhere. */
static const char *other_place(enum section section, const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(nouns); i++)
                if (nouns[i].section != section && section_has(nouns[i].section, name))
                        return nouns[i].noun;
        return NULL;
}

/* Whether the section's own "defaults" would be the place. */
static bool in_defaults(enum section section, const char *name)
{
        return (section == SECTION_SERVER && section_has(SECTION_SERVER_DEFAULTS, name)) ||
               (section == SECTION_SET && section_has(SECTION_SET_DEFAULTS, name));
}

static void list_names(enum section section, char *list, size_t size)
{
        const char *known;
        size_t length = 0;

        list[0] = '\0';
        for (size_t i = 0; (known = name_at(section, i)) && length < size; i++)
                length += (size_t)snprintf(list + length, size - length, "%s%s", i == 0 ? "" : ", ",
                                           known);
}

void section_unknown(enum section section, const struct json_node *node,
                     struct config_errors *errors)
{
        const char *other = other_place(section, node->name);
        const char *meant = nearest(section, node->name);
        char list[1024];

        if (other && in_defaults(section, node->name))
                json_node_name_error(node, errors,
                                     "\"%s\" is an option of a program; here it stands in "
                                     "\"defaults\", for all programs",
                                     node->name);
        else if (other)
                json_node_name_error(node, errors, "\"%s\" does not stand here but in %s",
                                     node->name, other);
        else if (meant)
                json_node_name_error(node, errors,
                                     "unknown option \"%.100s\", did you mean \"%s\"?", node->name,
                                     meant);
        else {
                list_names(section, list, sizeof(list));
                json_node_name_error(node, errors,
                                     "unknown option \"%.100s\"; the options of %s are %s; see "
                                     "jumpbootd.conf(5)",
                                     node->name, noun_of(section), list);
        }
}

bool section_is_object(const struct json_node *node, const char *what, struct config_errors *errors)
{
        char description[JSON_DESCRIPTION_MAX];

        if (json_node_is(node, json_type_object))
                return true;
        json_node_error(node, errors, "%s must be an object, { ... }, not %s", what,
                        json_node_describe(node, description));
        return false;
}
