/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A listening UNIX socket that the daemon makes for itself, where no service manager hands one
 * over: its file, and the lock beside it ("PATH.lock") that keeps two daemons from making it at a
 * time. Both go with it.
 */
#include <sys/types.h>

#define SOCKET_FILE_ERROR_MAX 512

struct socket_file {
        char *path, *lock_path; /* NULL: there is none */
        int lock;
        dev_t device;
        ino_t inode;
};

/*
 * Makes the socket and listens on it. One that lies there is replaced if nobody answers on it.
 * `group` may be NULL. Returns the descriptor, which is the caller's, or a negative errno with the
 * reason in `error`.
 */
int socket_file_make(struct socket_file *file, const char *path, mode_t mode, const char *group,
                     char error[static SOCKET_FILE_ERROR_MAX]);
/* Takes the file away, if it is still that socket: nobody connects any more. */
void socket_file_remove(struct socket_file *file);
