/* SPDX-License-Identifier: MIT */
/*
 * The type of the option `limits`: {"nofile": 1024, "as": "2G", "core": 0, "cpu": {"soft": ...}}.
 * A limit that is not named stays as it was, be that as "defaults" have it.
 */
#include "option_type.h"

#include "bootstrap/limits.h"
#include "common/units.h"

#include <errno.h>
#include <json-c/linkhash.h>
#include <string.h>

#define INFINITY_WORD "infinity"

static const char *const nouns[] = {
        [LIMIT_COUNT] = "a whole number",
        [LIMIT_BYTES] = "a size with its unit, like \"512M\",",
        [LIMIT_SECONDS] = "a duration of whole seconds, like \"10s\",",
        [LIMIT_MICROSECONDS] = "a duration with its unit, like \"50ms\",",
};

static bool parse_count(struct json_object *value, rlim_t *ret)
{
        if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
                return false;
        *ret = json_object_get_uint64(value);
        return true;
}

/* One value, in the units of setrlimit(2). */
static bool parse_value(enum limit_unit unit, struct json_object *value, rlim_t *ret)
{
        const char *text = json_object_get_string(value);
        uint64_t parsed;

        if (json_object_is_type(value, json_type_string) && strcmp(text, INFINITY_WORD) == 0) {
                *ret = RLIM_INFINITY;
                return true;
        }
        if (unit == LIMIT_COUNT)
                return parse_count(value, ret);
        if (!text || (!json_object_is_type(value, json_type_string) &&
                      !json_object_is_type(value, json_type_int)))
                return false;
        if ((unit == LIMIT_BYTES ? units_parse_size(text, &parsed)
                                 : units_parse_duration(text, &parsed)) < 0)
                return false;
        if (unit == LIMIT_SECONDS && (parsed == 0 || parsed % USEC_PER_SEC != 0))
                return false;
        *ret = unit == LIMIT_SECONDS ? parsed / USEC_PER_SEC : parsed;
        return *ret != RLIM_INFINITY;
}

/* {"soft": ..., "hard": ...}, both of them. */
static bool is_pair(struct json_object *value, struct json_object **ret_soft,
                    struct json_object **ret_hard)
{
        return json_object_is_type(value, json_type_object) &&
               json_object_object_length(value) == 2 &&
               json_object_object_get_ex(value, "soft", ret_soft) &&
               json_object_object_get_ex(value, "hard", ret_hard);
}

static int parse_limit(const char *name, struct json_object *value, struct limits *limits,
                       char fault[static OPTION_FAULT_MAX])
{
        int resource = limits_find(name);
        struct json_object *soft = value, *hard = value;
        struct rlimit limit;

        if (resource < 0) {
                snprintf(
                        fault, OPTION_FAULT_MAX,
                        "there is no limit \"%.32s\"; there are as, core, cpu, data, fsize, locks, "
                        "memlock, msgqueue, nice, nofile, nproc, rss, rtprio, rttime, sigpending "
                        "and stack: see setrlimit(2)",
                        name);
                return UNFIT;
        }
        if ((json_object_is_type(value, json_type_object) && !is_pair(value, &soft, &hard)) ||
            !parse_value(limit_kinds[resource].unit, soft, &limit.rlim_cur) ||
            !parse_value(limit_kinds[resource].unit, hard, &limit.rlim_max)) {
                snprintf(fault, OPTION_FAULT_MAX,
                         "%s must be %s or \"" INFINITY_WORD
                         "\", or two of them as {\"soft\": ..., \"hard\": ...}, not %.64s",
                         name, nouns[limit_kinds[resource].unit],
                         value ? json_object_to_json_string_ext(value,
                                                                JSON_C_TO_STRING_NOSLASHESCAPE)
                               : "null");
                return UNFIT;
        }
        if (limit.rlim_cur > limit.rlim_max) {
                snprintf(fault, OPTION_FAULT_MAX, "%s: the soft limit is above the hard one", name);
                return UNFIT;
        }
        limits->is_set[resource] = true;
        limits->at[resource] = limit;
        return FIT;
}

static int parse_limits(const struct option *option, struct json_object *value, const char *folder,
                        void *field, char fault[static OPTION_FAULT_MAX])
{
        struct limits limits = *(const struct limits *)field;

        (void)option;
        (void)folder;
        if (!json_object_is_type(value, json_type_object))
                return UNFIT;
        json_object_object_foreach(value, name, limit)
        {
                int r = parse_limit(name, limit, &limits, fault);

                if (r != FIT)
                        return r;
        }
        *(struct limits *)field = limits;
        return FIT;
}

static struct json_object *new_value(enum limit_unit unit, rlim_t value)
{
        char text[UNITS_TEXT_MAX];

        if (value == RLIM_INFINITY)
                return json_object_new_string(INFINITY_WORD);
        if (unit == LIMIT_COUNT)
                return json_object_new_uint64(value);
        if (unit == LIMIT_SECONDS)
                value *= USEC_PER_SEC;
        return json_object_new_string(unit == LIMIT_BYTES ? units_format_size(text, value)
                                                          : units_format_duration(text, value));
}

/* Takes the value; NULL stands for a failed allocation. */
static int put(struct json_object *object, const char *name, struct json_object *value)
{
        if (value && json_object_object_add(object, name, value) == 0)
                return 0;
        json_object_put(value);
        return -ENOMEM;
}

static int put_limit(struct json_object *object, int resource, const struct rlimit *limit)
{
        const struct limit_kind *kind = &limit_kinds[resource];
        struct json_object *pair;
        int r;

        if (limit->rlim_cur == limit->rlim_max)
                return put(object, kind->name, new_value(kind->unit, limit->rlim_cur));
        pair = json_object_new_object();
        r = put(object, kind->name, pair);
        if (r == 0)
                r = put(pair, "soft", new_value(kind->unit, limit->rlim_cur));
        return r < 0 ? r : put(pair, "hard", new_value(kind->unit, limit->rlim_max));
}

static int format_limits(const struct option_type *type, const void *field,
                         struct json_object **ret)
{
        const struct limits *limits = field;
        int r = 0;

        (void)type;
        for (int resource = 0; r == 0 && resource < RLIM_NLIMITS; resource++) {
                if (!limits->is_set[resource])
                        continue;
                if (!*ret && !(*ret = json_object_new_object()))
                        return -ENOMEM;
                r = put_limit(*ret, resource, &limits->at[resource]);
        }
        if (r < 0)
                json_object_put(steal(*ret));
        return r;
}

TYPE(LIMITS, .noun = "an object of limits, like {\"nofile\": 1024, \"as\": \"2G\"}",
     .parse = parse_limits, .format = format_limits);
