/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A descriptor that a process gets besides those of its pipes: one of the daemon's, or a file that
 * it opens itself on its way to exec, with the rights of the user that it runs as by then. So the
 * daemon never opens for somebody what he may not open, whatever a path leads to.
 */
#include <sys/types.h>

struct extra_file {
        const char *path; /* absolute; NULL: it is one of the daemon's */
        int fd;           /* the daemon's number */
        int flags;        /* of open(2) */
        mode_t permissions;
};

/* Opens it as that descriptor, in whose place there may be another one. For a child that may share
 * its memory with the daemon: system calls alone. Waits for no other end of a FIFO. 0, or -1 with
 * errno. */
int extra_file_open(const struct extra_file *file, int fd);
