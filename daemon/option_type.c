/* SPDX-License-Identifier: MIT */
#include "option_type.h"

#include "common/log.h"
#include "common/units.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

typedef int units_parse_fn(const char *text, uint64_t *ret);

/* The value of a bound, "365d" or null, in the units of the field. */
static bool bound(units_parse_fn *parse, const char *json, uint64_t *ret)
{
        char text[UNITS_TEXT_MAX];

        return sscanf(json, "\"%31[^\"]\"", text) == 1 && parse(text, ret) == 0;
}

static bool is_bare_number(const char *text)
{
        return *text && strspn(text, "0123456789.") == strlen(text);
}

static int parse_units(const struct option *option, units_parse_fn *parse,
                       struct json_object *value, void *field, const char *what, const char *unit,
                       char fault[static OPTION_FAULT_MAX])
{
        bool is_number = json_object_is_type(value, json_type_int) ||
                         json_object_is_type(value, json_type_double);
        const char *text = json_object_get_string(value);
        uint64_t parsed, limit;
        int r;

        if (!is_number && !json_object_is_type(value, json_type_string))
                return UNFIT;
        if (!text)
                return -ENOMEM;
        r = parse(text, &parsed);
        if (r == -EINVAL && is_bare_number(text)) {
                snprintf(fault, OPTION_FAULT_MAX, "%s needs a unit: \"%.32s%s\"", what, text, unit);
                return UNFIT;
        }
        if (r < 0 || (bound(parse, option->minimum, &limit) && parsed < limit) ||
            (bound(parse, option->maximum, &limit) && parsed > limit))
                return UNFIT;
        *(uint64_t *)field = parsed;
        return FIT;
}

static int parse_duration(const struct option *option, struct json_object *value,
                          const char *folder, void *field, char fault[static OPTION_FAULT_MAX])
{
        (void)folder;
        return parse_units(option, units_parse_duration, value, field, "a duration", "s", fault);
}

static int parse_size(const struct option *option, struct json_object *value, const char *folder,
                      void *field, char fault[static OPTION_FAULT_MAX])
{
        (void)folder;
        return parse_units(option, units_parse_size, value, field, "a size", "M", fault);
}

int option_new_text(const char *text, struct json_object **ret)
{
        *ret = json_object_new_string(text);
        return *ret ? 0 : -ENOMEM;
}

static int format_duration(const struct option_type *type, const void *field,
                           struct json_object **ret)
{
        char text[UNITS_TEXT_MAX];

        (void)type;
        return option_new_text(units_format_duration(text, *(const uint64_t *)field), ret);
}

static int format_size(const struct option_type *type, const void *field, struct json_object **ret)
{
        char text[UNITS_TEXT_MAX];

        (void)type;
        return option_new_text(units_format_size(text, *(const uint64_t *)field), ret);
}

static bool parse_integer(const struct option *option, struct json_object *value, int64_t *ret)
{
        if (!json_object_is_type(value, json_type_int))
                return false;
        *ret = json_object_get_int64(value); /* saturates, and so is out of bounds */
        return *ret >= strtoll(option->minimum, NULL, 10) &&
               *ret <= strtoll(option->maximum, NULL, 10);
}

static int parse_count(const struct option *option, struct json_object *value, const char *folder,
                       void *field, char fault[static OPTION_FAULT_MAX])
{
        int64_t number;

        (void)folder;
        (void)fault;
        if (!parse_integer(option, value, &number))
                return UNFIT;
        *(unsigned *)field = (unsigned)number;
        return FIT;
}

static int parse_number(const struct option *option, struct json_object *value, const char *folder,
                        void *field, char fault[static OPTION_FAULT_MAX])
{
        int64_t number;

        (void)folder;
        (void)fault;
        if (!parse_integer(option, value, &number))
                return UNFIT;
        *(int *)field = (int)number;
        return FIT;
}

static int format_count(const struct option_type *type, const void *field, struct json_object **ret)
{
        (void)type;
        *ret = json_object_new_int64(*(const unsigned *)field);
        return *ret ? 0 : -ENOMEM;
}

static int format_number(const struct option_type *type, const void *field,
                         struct json_object **ret)
{
        (void)type;
        *ret = json_object_new_int64(*(const int *)field);
        return *ret ? 0 : -ENOMEM;
}

static int parse_bool(const struct option *option, struct json_object *value, const char *folder,
                      void *field, char fault[static OPTION_FAULT_MAX])
{
        (void)option;
        (void)folder;
        (void)fault;
        if (!json_object_is_type(value, json_type_boolean))
                return UNFIT;
        *(bool *)field = json_object_get_boolean(value);
        return FIT;
}

static int format_bool(const struct option_type *type, const void *field, struct json_object **ret)
{
        (void)type;
        *ret = json_object_new_boolean(*(const bool *)field);
        return *ret ? 0 : -ENOMEM;
}

static int parse_mode(const struct option *option, struct json_object *value, const char *folder,
                      void *field, char fault[static OPTION_FAULT_MAX])
{
        const char *text = json_object_get_string(value);

        (void)option;
        (void)folder;
        if (json_object_is_type(value, json_type_int)) {
                snprintf(fault, OPTION_FAULT_MAX, "an octal mode stands in quotes: \"0%.16s\"",
                         text);
                return UNFIT;
        }
        if (!json_object_is_type(value, json_type_string) || !*text || strlen(text) > 4 ||
            strspn(text, "01234567") != strlen(text) || strtol(text, NULL, 8) > 0777)
                return UNFIT;
        *(int *)field = (int)strtol(text, NULL, 8);
        return FIT;
}

static int format_mode(const struct option_type *type, const void *field, struct json_object **ret)
{
        char text[16];

        (void)type;
        if (*(const int *)field < 0)
                return 0;
        snprintf(text, sizeof(text), "%04o", (unsigned)*(const int *)field);
        return option_new_text(text, ret);
}

static int parse_level(const struct option *option, struct json_object *value, const char *folder,
                       void *field, char fault[static OPTION_FAULT_MAX])
{
        int level;

        (void)option;
        (void)folder;
        (void)fault;
        if (!json_object_is_type(value, json_type_string))
                return UNFIT;
        level = log_level_from_name(json_object_get_string(value));
        if (level < 0)
                return UNFIT;
        *(int *)field = level;
        return FIT;
}

static int format_level(const struct option_type *type, const void *field, struct json_object **ret)
{
        (void)type;
        return option_new_text(log_level_name(*(const int *)field), ret);
}

/* The field is an enum, whose constants count from 0. */
static int parse_choice(const struct option *option, struct json_object *value, const char *folder,
                        void *field, char fault[static OPTION_FAULT_MAX])
{
        const char *const *words = option->type->words;

        (void)folder;
        (void)fault;
        if (!json_object_is_type(value, json_type_string))
                return UNFIT;
        for (unsigned i = 0; words[i]; i++)
                if (strcmp(words[i], json_object_get_string(value)) == 0) {
                        *(unsigned *)field = i;
                        return FIT;
                }
        return UNFIT;
}

static int format_choice(const struct option_type *type, const void *field,
                         struct json_object **ret)
{
        return option_new_text(type->words[*(const unsigned *)field], ret);
}

TYPE(DURATION, .noun = "a duration with its unit, like \"250ms\", \"30s\" or \"5m\",",
     .parse = parse_duration, .format = format_duration);
TYPE(SIZE, .noun = "a size with its unit, like \"64K\" or \"16M\",", .parse = parse_size,
     .format = format_size);
TYPE(COUNT, .noun = "a whole number", .parse = parse_count, .format = format_count);
TYPE(NUMBER, .noun = "a whole number", .parse = parse_number, .format = format_number);
TYPE(BOOL, .noun = "true or false", .parse = parse_bool, .format = format_bool);
TYPE(MODE, .noun = "an octal mode in quotes, like \"0660\",", .parse = parse_mode,
     .format = format_mode);
TYPE(LEVEL, .noun = "one of " LOG_LEVELS, .parse = parse_level, .format = format_level);
static const char *const start_methods[] = {
        [START_SPAWN] = "spawn",
        [START_FORKSERVER] = "forkserver",
        NULL,
};
static const char *const on_disconnects[] = {
        [ON_DISCONNECT_FINISH] = "finish",
        [ON_DISCONNECT_INTERRUPT] = "interrupt",
        NULL,
};

TYPE(START_METHOD, .noun = "\"spawn\" or \"forkserver\"", .parse = parse_choice,
     .format = format_choice, .words = start_methods);
TYPE(ON_DISCONNECT, .noun = "\"finish\" or \"interrupt\"", .parse = parse_choice,
     .format = format_choice, .words = on_disconnects);
