/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A socket in the folder of the test, and who connects to it.
 */
#include "folder.h"

#include <sys/socket.h>
#include <sys/un.h>

static inline const char *socket_path(void)
{
        return folder_at("the.sock");
}

static inline struct sockaddr_un address_of(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
        strcpy(address.sun_path, path);
        return address;
}

/* A connection to the socket, or a negative errno. */
static inline int try_connect(void)
{
        struct sockaddr_un address = address_of(socket_path());
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        ck_assert_int_ge(fd, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
                return fd;
        int code = errno;
        close(fd);
        return -code;
}
