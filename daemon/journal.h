/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The journal as the outlet of the log, in its own protocol: an entry is one datagram, or a sealed
 * file in memory if it is too large for that. Nothing here waits for journald, whatever it does.
 */
#include <stdbool.h>

/* Whether the service manager has connected stderr to the journal. */
bool journal_is_stderr(void);
/* Lets the log go there from now on; path NULL: where journald listens. The path stays the
 * caller's, and must stay. */
void journal_use(const char *path);
/* Closes the socket; whatever is logged later opens it again. */
void journal_close(void);
