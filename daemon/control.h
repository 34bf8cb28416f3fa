/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The daemon's own methods: those that tell are answered by the daemon alone, so that they always
 * answer; those that take their time, for administrators, are answered when it is done.
 */
#include "call.h"
#include "client.h"
#include "common/rpc.h"
#include "registry.h"
#include "reload.h"

#include <stdbool.h>
#include <stdint.h>

struct control {
        const struct registry *registry;
        const struct client_surroundings *clients;
        const char *listen;   /* path of the socket */
        struct access admins; /* who may do more than look */
        uint64_t started;
        struct reload *reload;
        bool is_stopping; /* nothing is begun any more that takes its time */
};

enum control_outcome control_call(const struct control *control, const struct call *call,
                                  struct request *request, struct rpc_answer *answer);
