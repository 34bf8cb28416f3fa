/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Reading the config anew and following it, from the question to its answer. One is read at a time:
 * all who ask meanwhile share the next one. It is followed as soon as it is read, though programs
 * may not have become yet what an earlier one wants: a start that hangs must not keep away the
 * config that mends it. The daemon's start is the first, with a config that was read already.
 */
#include "fleet.h"
#include "loading.h"
#include "request.h"
#include "turn.h"

#include <stdbool.h>
#include <stdint.h>

struct reload_events {
        /* The config is right: takes over the server's own options. What has to be said about that
         * is added to the warnings. 0 or -ENOMEM. */
        int (*apply)(void *userdata, const struct config *config, struct json_object *warnings);
        /* Another one is under way, or has got further. */
        void (*moved)(void *userdata);
        /* All that was asked for is done, whatever became of it; or the daemon's start is. */
        void (*ended)(void *userdata, bool is_first);
};

enum reload_state {
        RELOAD_IDLE,     /* also: the daemon starts */
        RELOAD_LOADING,  /* the config is being read */
        RELOAD_SETTLING, /* programs start or are renewed */
        RELOAD_OVER,     /* the daemon stops */
};

struct reload {
        const struct surroundings *around;
        struct fleet *fleet;
        const struct reload_events *events;
        void *userdata;
        char *path;
        enum reload_state state;
        bool is_first;    /* the daemon's start has not ended yet */
        bool is_settling; /* a config that was read is followed, and not all of it has come true */
        uint64_t begun;   /* the last one that is followed was begun to be read */
        uint64_t loading_begun;
        struct loading *loading;
        struct loaded loaded;
        struct json_object *warnings; /* about the one that is followed */
        struct turn_task proceed;
        struct request_list askers;  /* of what is followed, */
        struct request_list readers; /* of what is read, */
        struct request_list waiters; /* and of what is read after that */
        bool is_wanted;              /* another one, as soon as this one is read */
};

/* `path`: of the config file, absolute. 0 or -ENOMEM. */
int reload_init(struct reload *reload, const struct surroundings *around, struct fleet *fleet,
                const struct reload_events *events, void *userdata, const char *path);
void reload_clear(struct reload *reload);

/* Begins with the daemon's first config. 0 or -ENOMEM. */
int reload_begin(struct reload *reload, const struct config *config);
/* Begins another one, or has one begun later. The request (NULL: nobody asks) is finished when its
 * outcome is known. */
void reload_ask(struct reload *reload, struct request *request);
/* The fleet's `settled`. */
void reload_settled(struct reload *reload, const struct fleet_report *report);
/* Gives up what is under way: no other one will begin. */
void reload_end(struct reload *reload);
