/* SPDX-License-Identifier: MIT */
#include "config_server.h"

#include "section.h"

#include <errno.h>
#include <string.h>

#ifndef JUMPBOOT_STATE_DIRECTORY
#error "JUMPBOOT_STATE_DIRECTORY comes from the build"
#endif

/* Not $STATE_DIRECTORY, which systemd gives to the user that workers run as: he could put other
 * environments in the place of those that are there. */
int config_set_state_directory(struct server_options *server)
{
        if (!server->state_directory)
                server->state_directory = strdup(JUMPBOOT_STATE_DIRECTORY);
        return server->state_directory ? 0 : -ENOMEM;
}

/* A request and its answer must find room, or reading could pause for ever. */
static void check(const struct server_options *server, const struct json_node *root,
                  struct config_errors *errors)
{
        struct json_node origin;

        if (server->max_buffered >= server->max_request_size + server->max_response_size)
                return;
        if (!json_node_member(root, "max_buffered", &origin) &&
            !json_node_member(root, "max_response_size", &origin))
                json_node_member(root, "max_request_size", &origin);
        json_node_error(&origin, errors,
                        "max_buffered must be at least max_request_size and max_response_size "
                        "together");
}

int config_load_server(struct server_options *server, const struct json_node *root,
                       struct config_errors *errors)
{
        struct json_cursor cursor = {0};
        struct json_node member;
        int r;

        r = options_set_defaults(&server_option_table, server);
        while (r >= 0 && json_node_next(root, &cursor, &member)) {
                const struct option *option = option_find(&server_option_table, member.name);

                if (option)
                        r = option_set(option, server, &member, errors);
                else if (!section_has(SECTION_SERVER, member.name))
                        section_unknown(SECTION_SERVER, &member, errors);
        }
        if (r >= 0)
                r = config_set_state_directory(server);
        if (r >= 0)
                check(server, root, errors);
        return r;
}
