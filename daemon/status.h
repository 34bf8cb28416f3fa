/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the daemon tells of itself: from what it knows already, so that it can always tell.
 */
#include <stddef.h>
#include <stdint.h>

struct client_surroundings;
struct json_object;
struct pool;

/* Version, process id and uptime. */
struct json_object *status_identity(uint64_t started, uint64_t now);
/* Adds what all clients together have; of their requests those that are to be seen. */
void status_put_clients(struct json_object *status, const struct client_surroundings *clients,
                        size_t n_requests);
struct json_object *status_program(const struct pool *pool, uint64_t now);
