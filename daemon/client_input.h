/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a client sends: how much of it is read at a time, and the lines in it. Part of the client;
 * called by it alone.
 */
#include <stdbool.h>
#include <stddef.h>

struct client;

/* How much to read at once; 0: nothing now. */
size_t client_input_limit(const struct client *client);
/* Some of what was read has not been looked at. */
bool client_input_is_left(const struct client *client);
/* Takes the lines that have come, as many as the client may have under way. */
void client_input_scan(struct client *client);
