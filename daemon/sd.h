/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * All that is said to systemd, and taken from it. Without systemd these do nothing.
 */
#include <stddef.h>
#include <stdint.h>

#define SD_SOCKETS_MAX 16U

/* The listening UNIX stream sockets of jumpbootd.socket, of which there may be several. Returns how
 * many; 0: the daemon was not started with any. What else was handed over is closed with a warning.
 */
size_t sd_take_sockets(int fds[static SD_SOCKETS_MAX]);

/* Lines for the service manager (sd_notify(3)), sent without waiting. 0; -ENOENT: there is no
 * manager that listens; -EAGAIN: it has not read what came before; or another negative errno. */
int sd_tell(const char *lines);
/* How long it waits for a sign of life, in microseconds; 0: it does not. */
uint64_t sd_watchdog(void);
