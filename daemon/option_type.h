/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The types that an option may have: from JSON to the field of a struct, and back.
 */
#include "options.h"

#define OPTION_FAULT_MAX 512

/* A value out of bounds is told by the caller, which has the bounds in their own words. */
enum { FIT = 0, UNFIT = 1 };

struct option_type {
        const char *noun; /* "a whole number": what error messages ask for */
        /*
         * Reads the value into the field. 0; 1 if it will not do, with the reason in `fault` where
         * there is more to say than "must be NOUN"; or -ENOMEM. folder: where paths start from.
         */
        int (*parse)(const struct option *option, struct json_object *value, const char *folder,
                     void *field, char fault[static OPTION_FAULT_MAX]);
        /* *ret is NULL if the option is not set. 0 or -ENOMEM. */
        int (*format)(const struct option_type *type, const void *field, struct json_object **ret);
        size_t size;
        /* Of a field that owns something. copy: 0 or -ENOMEM. */
        int (*copy)(void *to, const void *from);
        void (*clear)(void *field);
        const char *const *words; /* of a choice: those of its enum, in that order; NULL ends */
};

/* What a format() gives: *ret is a string. 0 or -ENOMEM. */
int option_new_text(const char *text, struct json_object **ret);

/* Defines the type `name`. */
#define TYPE(name, ...)                                                                            \
        const struct option_type option_type_##name = {.size = sizeof(OPTION_FIELD_##name),        \
                                                       __VA_ARGS__}

extern const struct option_type option_type_DURATION, option_type_SIZE, option_type_COUNT,
        option_type_NUMBER, option_type_BOOL, option_type_MODE, option_type_LEVEL,
        option_type_GROUP, option_type_FOLDER, option_type_PATH, option_type_SOCKET,
        option_type_USER, option_type_USERS, option_type_LIMITS, option_type_GROUPS,
        option_type_CPUS, option_type_START_METHOD, option_type_ON_DISCONNECT;
