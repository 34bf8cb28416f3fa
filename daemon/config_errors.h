/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What is wrong with a config, all of it that could be found: lines "file:line:column: what is
 * wrong, what would be right". The same line is kept once, however many programs it concerns.
 */
#include "common/cleanup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CONFIG_ERRORS_MAX 100U /* lines kept; those past it are counted */

struct config_message {
        bool is_warning;
        char *text;
};

struct config_errors {
        struct config_message messages[CONFIG_ERRORS_MAX];
        size_t n_messages;
        size_t n_errors;   /* of all that was told; 0: the config is right */
        size_t n_left_out; /* errors and warnings for which there was no room */
        bool out_of_memory;
};

struct config_place {
        const char *path;
        unsigned line, column; /* from 1; 0: the file as a whole */
};

#define CONFIG_PLACE_MAX 4352 /* a path and two numbers */
const char *config_place_text(char buffer[static CONFIG_PLACE_MAX],
                              const struct config_place *place);

void config_errors_add(struct config_errors *errors, const struct config_place *place,
                       const char *format, ...) _printf_(3, 4);
void config_errors_addv(struct config_errors *errors, bool is_warning,
                        const struct config_place *place, const char *format, va_list arguments)
        _printf_(4, 0);
/* A line each, warnings marked as such, and how many were left out. */
void config_errors_print(const struct config_errors *errors, FILE *out);
void config_errors_clear(struct config_errors *errors);
