/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Messages over a UNIX socket that keeps their bounds (SOCK_SEQPACKET): with descriptors on the way
 * out, with the sender's pid on the way in. Nothing here blocks.
 */
#include <stddef.h>
#include <sys/types.h>

#define FDPASS_MAX 16 /* descriptors in one message */

/* Two connected ends, both CLOEXEC; what comes out of the first one tells its sender, and does not
 * block. 0 or a negative errno. */
int fdpass_pair(int ends[static 2]);
/* Sends one message. The descriptors stay the caller's. 0 or a negative errno. */
int fdpass_send(int socket, const void *data, size_t length, const int *fds, size_t n_fds);
/* Takes one message: its length, and the pid of the process that sent it, for which the kernel
 * answers. Descriptors that come along are closed. 0: the other end is closed everywhere; else a
 * negative errno: -EAGAIN, -EMSGSIZE for a message that is longer, -EPROTO for one without pid. */
ssize_t fdpass_receive(int socket, void *data, size_t room, pid_t *ret_sender);
