/* SPDX-License-Identifier: MIT */
#include "config_errors.h"

#include <string.h>

const char *config_place_text(char buffer[static CONFIG_PLACE_MAX],
                              const struct config_place *place)
{
        if (place->line == 0)
                snprintf(buffer, CONFIG_PLACE_MAX, "%s", place->path);
        else
                snprintf(buffer, CONFIG_PLACE_MAX, "%s:%u:%u", place->path, place->line,
                         place->column);
        return buffer;
}

static bool is_known(const struct config_errors *errors, const char *text)
{
        for (size_t i = 0; i < errors->n_messages; i++)
                if (strcmp(errors->messages[i].text, text) == 0)
                        return true;
        return false;
}

/* Takes the text. */
static void add(struct config_errors *errors, bool is_warning, char *text)
{
        _cleanup_free_ char *owned = text;

        if (is_known(errors, text))
                return;
        if (!is_warning)
                errors->n_errors++;
        if (errors->n_messages == CONFIG_ERRORS_MAX) {
                errors->n_left_out++;
                return;
        }
        errors->messages[errors->n_messages++] =
                (struct config_message){.is_warning = is_warning, .text = steal(owned)};
}

void config_errors_addv(struct config_errors *errors, bool is_warning,
                        const struct config_place *place, const char *format, va_list arguments)
{
        _cleanup_free_ char *what = NULL;
        char buffer[CONFIG_PLACE_MAX], *text;

        if (vasprintf(&what, format, arguments) < 0)
                what = NULL;
        if (!what || asprintf(&text, "%s: %s", config_place_text(buffer, place), what) < 0) {
                errors->out_of_memory = true;
                return;
        }
        add(errors, is_warning, text);
}

void config_errors_add(struct config_errors *errors, const struct config_place *place,
                       const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        config_errors_addv(errors, false, place, format, arguments);
        va_end(arguments);
}

void config_errors_print(const struct config_errors *errors, FILE *out)
{
        for (size_t i = 0; i < errors->n_messages; i++)
                fprintf(out, "%s%s\n", errors->messages[i].is_warning ? "warning: " : "",
                        errors->messages[i].text);
        if (errors->n_left_out > 0)
                fprintf(out, "and %zu more like these\n", errors->n_left_out);
}

void config_errors_clear(struct config_errors *errors)
{
        for (size_t i = 0; i < errors->n_messages; i++)
                free(errors->messages[i].text);
        *errors = (struct config_errors){0};
}
