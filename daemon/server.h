/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The whole of it: listener, clients and pools on one event loop, from start to stop.
 */
#include "cgroups.h"
#include "client.h"
#include "common/buffer.h"
#include "config.h"
#include "control.h"
#include "file_limit.h"
#include "fleet.h"
#include "listeners.h"
#include "oom.h"
#include "orphans.h"
#include "pressure.h"
#include "reload.h"
#include "server_end.h"
#include "service.h"
#include "settings.h"
#include "surroundings.h"
#include "turn.h"
#include "worker.h"

#include <stdbool.h>
#include <stdint.h>

enum server_state {
        SERVER_RUNNING,
        SERVER_DRAINING, /* no new connections; what clients have sent is still answered */
        SERVER_STOPPING, /* the workers leave */
};

struct server {
        struct file_limit file_limit;
        struct settings settings;
        struct event_base *base;
        struct turn turn;
        struct buffer_pool buffers;
        struct fleet fleet;
        struct reload reload;
        struct surroundings workers;
        struct client_surroundings clients;
        struct listeners listeners;
        struct children children;
        struct orphans orphans;
        struct oom oom;
        struct cgroups cgroups;
        struct pressure pressure;
        struct control control;
        struct service service;
        struct event *signals[3];
        struct event *trim;
        struct server_end end;
        enum server_state state;
        unsigned max_clients; /* what the settings say, or fewer */
        bool is_full_told;    /* max_clients was reached, and is not far yet */
};

/* Makes all of it; the listening socket above all. 0, or a negative errno, logged. The config may
 * go afterwards. */
int server_init(struct server *server, const struct config *config,
                const struct file_limit *file_limit, bool keeps_log_level);
/* Runs until a signal has stopped it. */
int server_run(struct server *server);
/* Frees what there is; also after a server_init() that failed. */
void server_clear(struct server *server);
