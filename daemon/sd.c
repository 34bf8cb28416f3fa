/* SPDX-License-Identifier: MIT */
#include "sd.h"

#include "common/cleanup.h"
#include "common/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

size_t sd_take_sockets(int fds[static SD_SOCKETS_MAX])
{
        char **names = NULL;
        int n = sd_listen_fds_with_names(1, &names);
        size_t taken = 0;

        for (int i = 0; i < n; i++) {
                int fd = SD_LISTEN_FDS_START + i;
                bool fits = sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) > 0;
                if (fits && taken < SD_SOCKETS_MAX) {
                        fds[taken++] = fd;
                        continue;
                }
                log_warning(NULL, "ignoring descriptor %d (%s) of the service manager: %s", fd,
                            names[i],
                            fits ? "there are too many sockets"
                                 : "it is not a listening UNIX stream socket");
                close(fd);
        }
        for (int i = 0; i < n; i++)
                free(names[i]);
        free(names);
        return taken;
}

/* The address of the manager's socket. False: there is none. */
static bool find_manager(struct sockaddr_un *address, socklen_t *length)
{
        const char *path = getenv("NOTIFY_SOCKET");
        size_t n = path ? strlen(path) : 0;

        if (n < 2 || n > sizeof(address->sun_path) || (path[0] != '/' && path[0] != '@'))
                return false;
        *address = (struct sockaddr_un){.sun_family = AF_UNIX};
        memcpy(address->sun_path, path, n);
        if (path[0] == '@')
                address->sun_path[0] = '\0';
        *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
        return true;
}

/* sd_notify() waits for a manager that is behind with reading, and all clients would with it. */
int sd_tell(const char *lines)
{
        struct sockaddr_un address;
        socklen_t length;
        ssize_t n;

        if (!find_manager(&address, &length))
                return -ENOENT;
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        do
                n = sendto(fd, lines, strlen(lines), MSG_DONTWAIT | MSG_NOSIGNAL,
                           (const struct sockaddr *)&address, length);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

uint64_t sd_watchdog(void)
{
        uint64_t usec = 0;

        return sd_watchdog_enabled(0, &usec) > 0 ? usec : 0;
}
