/* SPDX-License-Identifier: MIT */
#include "extra_files_dump.h"

#include "common/units.h"

#include <errno.h>
#include <json-c/json_object.h>
#include <stdio.h>

/* Takes the value; NULL stands for a failed allocation. */
static int put(struct json_object *object, const char *name, struct json_object *value)
{
        if (value && json_object_object_add(object, name, value) == 0)
                return 0;
        json_object_put(value);
        return -ENOMEM;
}

static int describe(const struct extra_files_entry *entry, struct json_object *object)
{
        char text[UNITS_TEXT_MAX];
        int r;

        if (!entry->path) {
                units_format_size(text, entry->size);
                r = put(object, "memfd", json_object_new_string(text));
                return r < 0 || !entry->name
                               ? r
                               : put(object, "name", json_object_new_string(entry->name));
        }
        snprintf(text, sizeof(text), "%04o", (unsigned)entry->permissions);
        r = put(object, "path", json_object_new_string(entry->path));
        if (r == 0)
                r = put(object, "mode", json_object_new_string(entry->mode));
        if (r == 0)
                r = put(object, "create", json_object_new_boolean(entry->creates));
        return r < 0 ? r : put(object, "permissions", json_object_new_string(text));
}

struct json_object *extra_files_to_json(const struct extra_files *files)
{
        struct json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < extra_files_count(files); i++) {
                struct json_object *object = json_object_new_object();

                if (!object || describe(&files->entries[i], object) < 0 ||
                    json_object_array_add(array, object) < 0) {
                        json_object_put(object);
                        json_object_put(array);
                        return NULL;
                }
        }
        return array;
}
