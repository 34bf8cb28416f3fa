/* SPDX-License-Identifier: MIT */
#include "option_error.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct option *find(const struct option *options, int value)
{
        for (; options->name; options++)
                if (options->val == value)
                        return options;
        return NULL;
}

const char *option_error(char text[static OPTION_ERROR_MAX], int result, char *const argv[],
                         const struct option *options)
{
        const char *word = argv[optind - 1]; /* a short option's may be the one before */
        const struct option *known = find(options, optopt);
        bool is_long = strncmp(word, "--", 2) == 0;

        if (result == ':' && is_long)
                snprintf(text, OPTION_ERROR_MAX, "%.100s needs a value", word);
        else if (result == ':')
                snprintf(text, OPTION_ERROR_MAX, "-%c needs a value", optopt);
        else if (optopt && known && is_long)
                snprintf(text, OPTION_ERROR_MAX, "--%s takes no value", known->name);
        else if (optopt)
                snprintf(text, OPTION_ERROR_MAX, "-%c: there is no such option", optopt);
        else
                snprintf(text, OPTION_ERROR_MAX, "%.100s: there is no such option", word);
        return text;
}
