/* SPDX-License-Identifier: MIT */
#include "listener.h"

#include "common/cleanup.h"
#include "common/log.h"

#include <errno.h>
#include <event2/event.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ACCEPTS_PER_TURN 64
#define RETRY_USEC       100000 /* after running out of descriptors */

static bool is_shortage(int code)
{
        return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

/* Told once, however long it lasts. */
static void retry_later(struct listener *listener)
{
        struct timeval delay = {.tv_usec = RETRY_USEC};

        if (!listener->is_short)
                log_warning(NULL, "cannot accept a connection: %m; retrying");
        listener->is_short = true;
        event_del(listener->event);
        event_add(listener->retry, &delay);
}

/* False: nobody waits, or nobody can be accepted now. */
static bool accept_one(struct listener *listener)
{
        int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
                listener->is_short = false;
                listener->accepted(listener->userdata, fd);
        } else if (is_shortage(errno)) {
                retry_later(listener);
                return false;
        } else if (errno != EINTR && errno != ECONNABORTED) {
                return false;
        }
        return true;
}

static void on_acceptable(evutil_socket_t fd, short what, void *userdata)
{
        struct listener *listener = userdata;

        (void)fd;
        (void)what;
        for (int i = 0; i < ACCEPTS_PER_TURN && !listener->is_paused; i++)
                if (!accept_one(listener))
                        return;
}

void listener_accept_all(struct listener *listener)
{
        while (!listener->is_paused && accept_one(listener))
                continue;
}

static void on_retry(evutil_socket_t fd, short what, void *userdata)
{
        struct listener *listener = userdata;

        (void)fd;
        (void)what;
        if (!listener->is_paused)
                event_add(listener->event, NULL);
}

int listener_init(struct listener *listener, struct event_base *base, int fd,
                  void (*accepted)(void *userdata, int fd), void *userdata)
{
        *listener = (struct listener){.fd = fd, .accepted = accepted, .userdata = userdata};
        evutil_make_socket_nonblocking(fd);
        listener->event = event_new(base, fd, EV_READ | EV_PERSIST, on_acceptable, listener);
        listener->retry = event_new(base, -1, 0, on_retry, listener);
        if (!listener->event || !listener->retry)
                return -ENOMEM;
        return event_add(listener->event, NULL) == 0 ? 0 : -ENOMEM;
}

void listener_clear(struct listener *listener)
{
        if (listener->event)
                event_free(steal(listener->event));
        if (listener->retry)
                event_free(steal(listener->retry));
        listener->fd = close_fd(listener->fd);
}

const char *listener_path(const struct listener *listener, char path[static LISTENER_PATH_MAX])
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        socklen_t length = sizeof(address);
        size_t begin = offsetof(struct sockaddr_un, sun_path);

        if (getsockname(listener->fd, (struct sockaddr *)&address, &length) < 0 || length <= begin)
                length = (socklen_t)begin;
        size_t n = length - begin;
        memcpy(path, address.sun_path, n);
        path[n] = '\0';
        if (n > 0 && !*path)
                *path = '@';
        return path;
}

void listener_pause(struct listener *listener)
{
        if (listener->is_paused)
                return;
        listener->is_paused = true;
        event_del(listener->event);
}

void listener_resume(struct listener *listener)
{
        if (!listener->is_paused)
                return;
        listener->is_paused = false;
        event_add(listener->event, NULL);
}
