/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What happens when the buffers of all clients together reach max_buffered: reading pauses, and one
 * client after the other may finish its line, so that there is always progress. When half of it is
 * taken by answers that wait for their clients, no further request is begun. And who holds memory
 * without taking his answers, or without ending his line, is dropped.
 */
#include "client.h"

struct event;

struct pressure {
        struct client_surroundings *clients;
        struct surroundings *workers;
        struct event *timer;
        bool is_on;
};

int pressure_init(struct pressure *pressure, struct client_surroundings *clients,
                  struct surroundings *workers);
void pressure_clear(struct pressure *pressure);
/* A limit is reached: looks after it from now on. */
void pressure_begin(struct pressure *pressure);
