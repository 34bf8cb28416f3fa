/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The daemon's own methods: jumpbootd.ping, .status and .workers, and rpc.discover. Answered by the
 * daemon alone, so that they always answer.
 */
#include "call.h"
#include "client.h"
#include "common/rpc.h"
#include "registry.h"

#include <stdbool.h>
#include <stdint.h>

struct control {
        const struct registry *registry;
        const struct client_surroundings *clients;
        const char *listen;   /* path of the socket */
        struct access admins; /* who may do more than look */
        uint64_t started;
};

/* False: there is no such method. */
bool control_call(const struct control *control, const struct call *call, struct caller *caller,
                  struct rpc_answer *answer);
