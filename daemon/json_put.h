/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Members of JSON objects that the daemon makes, in the units that its answers have.
 */
#include "common/units.h"

#include <json-c/json.h>
#include <stdint.h>

static inline void json_put(struct json_object *object, const char *key, struct json_object *value)
{
        json_object_object_add(object, key, value);
}

static inline void json_put_text(struct json_object *object, const char *key, const char *value)
{
        json_put(object, key, json_object_new_string(value));
}

static inline void json_put_number(struct json_object *object, const char *key, uint64_t value)
{
        json_put(object, key, json_object_new_uint64(value));
}

/* A time of microseconds, in seconds: with as many decimals as say something. */
static inline void json_put_seconds(struct json_object *object, const char *key, uint64_t usec)
{
        struct json_object *seconds = json_object_new_double((double)usec / USEC_PER_SEC);
        const char *format = usec < USEC_PER_SEC ? "%.6f" : "%.3f";

        json_object_set_serializer(seconds, json_object_double_to_json_string, (void *)format,
                                   NULL);
        json_put(object, key, seconds);
}
