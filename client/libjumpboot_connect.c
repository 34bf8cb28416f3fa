/* SPDX-License-Identifier: MIT */
#include "common/cleanup.h"
#include "common/units.h"
#include "jumpboot.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

const char *jumpboot_socket_path(void)
{
        const char *path = secure_getenv("JUMPBOOT_SOCKET");

        return path && *path ? path : JUMPBOOT_DEFAULT_SOCKET;
}

/* How long connect(2) may wait for the daemon to accept; 0 would mean for ever. */
static int limit_sending(int fd, uint64_t usec)
{
        struct timeval limit = {
                .tv_sec = (time_t)(usec / USEC_PER_SEC),
                .tv_usec = (suseconds_t)(usec % USEC_PER_SEC),
        };

        return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ? -errno : 0;
}

/* Interrupted, it begins anew with the time that is left: nothing has come of it by then. */
static int connect_until(int fd, const struct sockaddr_un *address, uint64_t deadline)
{
        uint64_t now;
        int r;

        for (;;) {
                now = units_now();
                r = deadline == UINT64_MAX ? 0
                                           : limit_sending(fd, deadline > now ? deadline - now : 1);
                if (r < 0)
                        return r;
                if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
                        return 0;
                if (errno != EINTR)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
        }
}

int jumpboot_connect(const char *path, int timeout_ms, struct jumpboot **ret)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_close_ int fd = -1;
        uint64_t deadline = UINT64_MAX;
        int r;

        *ret = NULL;
        if (!path)
                path = jumpboot_socket_path();
        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        if (!*path || timeout_ms < JUMPBOOT_NO_TIMEOUT)
                return -EINVAL;
        strcpy(address.sun_path, path);
        if (timeout_ms >= 0)
                deadline = units_now() + (uint64_t)timeout_ms * USEC_PER_MSEC;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        r = connect_until(fd, &address, deadline);
        if (r >= 0)
                r = limit_sending(fd, 0);
        if (r >= 0)
                r = jumpboot_from_fd(fd, ret);
        if (r >= 0)
                steal_fd(&fd);
        return r;
}
