/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The end of the daemon: no client comes in any more, those that are there are answered, then the
 * workers leave. Part of the server; called by it alone.
 */
#include "turn.h"

#include <stdbool.h>

struct event;
struct server;

struct server_end {
        struct event *deadline; /* of what it waits for */
        struct turn_task proceed;
        bool is_hurried; /* it stops without regard */
};

/* 0 or -ENOMEM. */
int end_init(struct server *server);
/* Also if end_init() has failed, or was not reached. */
void end_clear(struct server *server);

/* Answers what is under way, then lets the workers leave. */
void end_begin(struct server *server);
/* Waits for nobody any more. */
void end_hurry(struct server *server);
/* A client or the last worker has left: looks in this turn whether that was what it waited for. */
void end_go_on(struct server *server);
