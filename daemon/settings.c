/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include "common/cleanup.h"
#include "common/log.h"

#include <json-c/json.h>
#include <stdio.h>

static void warn_of(const char *option, struct json_object *warnings)
{
        char text[128];

        snprintf(text, sizeof(text), "%s has changed: that needs a restart of the daemon", option);
        log_warning(NULL, "%s", text);
        json_object_array_add(warnings, json_object_new_string(text));
}

/* The socket stays the one that it is. */
static void keep_socket(struct settings *settings, struct server_options *options,
                        struct json_object *warnings)
{
        static const char *const names[] = {"listen", "listen_mode", "listen_group"};

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const struct option *option = option_find(&server_option_table, names[i]);
                if (!settings->is_socket_given &&
                    !option_equal(option, options, &settings->options))
                        warn_of(names[i], warnings);
                option_swap(option, options, &settings->options);
        }
}

int settings_take(struct settings *settings, const struct config *config,
                  struct json_object *warnings)
{
        struct server_options options = {0}, old;
        int r = options_copy(&server_option_table, &options, &config->server);

        if (r < 0) {
                options_clear(&server_option_table, &options);
                return r;
        }
        if (settings->options.listen)
                keep_socket(settings, &options, warnings);
        old = settings->options;
        settings->options = options;
        options_clear(&server_option_table, &old);
        if (!settings->keeps_log_level)
                log_set_level(options.log_level);
        return 0;
}

void settings_clear(struct settings *settings)
{
        options_clear(&server_option_table, &settings->options);
}
