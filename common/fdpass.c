/* SPDX-License-Identifier: MIT */
#include "fdpass.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

int fdpass_pair(int ends[static 2])
{
        static const int on = 1;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
                ends[0] = ends[1] = -1;
                return -errno;
        }
        int flags = fcntl(ends[0], F_GETFL);
        if (flags >= 0 && fcntl(ends[0], F_SETFL, flags | O_NONBLOCK) == 0 &&
            setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0)
                return 0;
        int error = errno;
        ends[0] = close_fd(ends[0]);
        ends[1] = close_fd(ends[1]);
        return -error;
}

int fdpass_send(int socket, const void *data, size_t length, const int *fds, size_t n_fds)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(FDPASS_MAX * sizeof(int))];
        } control = {0};
        struct iovec part = {(void *)(uintptr_t)data, length};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

        if (n_fds > FDPASS_MAX)
                return -EINVAL;
        if (n_fds > 0) {
                control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
                                                  .cmsg_type = SCM_RIGHTS,
                                                  .cmsg_len = CMSG_LEN(n_fds * sizeof(int))};
                memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof(int));
                message.msg_control = &control;
                message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        }
        return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void close_received(const struct cmsghdr *header)
{
        size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        for (size_t i = 0; i < n; i++) {
                int fd;

                memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
                close_fd(fd);
        }
}

ssize_t fdpass_receive(int socket, void *data, size_t room, pid_t *ret_sender)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec part = {data, room};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof(control)};
        ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

        if (n < 0)
                return -errno;
        *ret_sender = 0;
        for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header;
             header = CMSG_NXTHDR(&message, header)) {
                struct ucred sender;

                if (header->cmsg_level != SOL_SOCKET)
                        continue;
                if (header->cmsg_type == SCM_RIGHTS)
                        close_received(header);
                if (header->cmsg_type != SCM_CREDENTIALS)
                        continue;
                memcpy(&sender, CMSG_DATA(header), sizeof(sender));
                *ret_sender = sender.pid;
        }
        if (message.msg_flags & MSG_TRUNC)
                return -EMSGSIZE;
        return n > 0 && *ret_sender <= 0 ? -EPROTO : n;
}
