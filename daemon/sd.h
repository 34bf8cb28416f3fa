/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * All that is said to systemd, and taken from it. Without systemd these do nothing.
 */
#include "common/cleanup.h"

/* The listening socket of jumpbootd.socket; -ENOENT: the daemon was not started by one. */
int sd_take_socket(void);

void sd_tell_ready(void);
/* The config is being read anew; sd_tell_ready() ends that. */
void sd_tell_reloading(void);
void sd_tell_stopping(void);
/* One line that `systemctl status` shows. */
void sd_tell_status(const char *format, ...) _printf_(1, 2);
