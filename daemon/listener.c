/* SPDX-License-Identifier: MIT */
#include "listener.h"

#include "account.h"
#include "common/cleanup.h"
#include "common/log.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define ACCEPTS_PER_TURN 64
#define RETRY_USEC       100000 /* after running out of descriptors */
#define BACKLOG          4096

static int fail(char error[LISTENER_ERROR_MAX], int code, const char *what, const char *path)
{
        snprintf(error, LISTENER_ERROR_MAX, "%s %s: %s", what, path, strerror(code));
        return -code;
}

/* Makes room for a socket at the path, if what lies there is a socket that nobody serves. */
static int remove_stale(const struct sockaddr_un *address, char error[LISTENER_ERROR_MAX])
{
        const char *path = address->sun_path;
        struct stat status;

        if (lstat(path, &status) < 0)
                return errno == ENOENT ? 0 : fail(error, errno, "cannot look at", path);
        if (!S_ISSOCK(status.st_mode))
                return fail(error, EEXIST, "refusing to replace what is no socket,", path);

        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return fail(error, errno, "cannot make a socket for", path);
        if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
                return fail(error, EADDRINUSE, "another daemon answers on", path);
        if (errno != ECONNREFUSED)
                return fail(error, errno, "cannot tell whether a daemon answers on", path);
        return unlink(path) < 0 ? fail(error, errno, "cannot remove the stale socket", path) : 0;
}

static int set_access(const char *path, mode_t mode, const char *group,
                      char error[LISTENER_ERROR_MAX])
{
        gid_t gid = (gid_t)-1;
        int r = group ? account_find_group(group, &gid, error) : 0;

        if (r != 0)
                return r < 0 ? r : -ENOENT;
        if (group && chown(path, (uid_t)-1, gid) < 0)
                return fail(error, errno, "cannot give its group to", path);
        if (chmod(path, mode) < 0)
                return fail(error, errno, "cannot set the permissions of", path);
        return 0;
}

int listener_open(const char *path, mode_t mode, const char *group, char error[LISTENER_ERROR_MAX])
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (strlen(path) >= sizeof(address.sun_path))
                return fail(error, ENAMETOOLONG, "cannot listen on", path);
        strcpy(address.sun_path, path);
        if (fd < 0)
                return fail(error, errno, "cannot make a socket for", path);
        int r = remove_stale(&address, error);
        if (r < 0)
                return r;

        /* Nobody may connect before the group is right. */
        mode_t old = umask(0777);
        r = bind(fd, (struct sockaddr *)&address, sizeof(address));
        int bind_errno = errno;
        umask(old);
        if (r < 0)
                return fail(error, bind_errno, "cannot make the socket", path);
        r = set_access(path, mode, group, error);
        if (r == 0 && listen(fd, BACKLOG) < 0)
                r = fail(error, errno, "cannot listen on", path);
        if (r < 0) {
                unlink(path);
                return r;
        }
        return steal_fd(&fd);
}

static bool is_shortage(int code)
{
        return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

static void on_acceptable(evutil_socket_t listen_fd, short what, void *userdata)
{
        struct listener *listener = userdata;

        (void)what;
        for (int i = 0; i < ACCEPTS_PER_TURN && !listener->is_paused; i++) {
                int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd >= 0) {
                        listener->accepted(listener->userdata, fd);
                } else if (is_shortage(errno)) {
                        struct timeval delay = {.tv_usec = RETRY_USEC};
                        log_warning(NULL, "cannot accept a connection: %m; retrying");
                        event_del(listener->event);
                        event_add(listener->retry, &delay);
                        return;
                } else if (errno != EINTR && errno != ECONNABORTED) {
                        return;
                }
        }
}

static void on_retry(evutil_socket_t fd, short what, void *userdata)
{
        struct listener *listener = userdata;

        (void)fd;
        (void)what;
        if (!listener->is_paused)
                event_add(listener->event, NULL);
}

int listener_init(struct listener *listener, struct event_base *base, int fd, const char *path,
                  void (*accepted)(void *userdata, int fd), void *userdata)
{
        struct stat status;

        *listener = (struct listener){.fd = fd, .accepted = accepted, .userdata = userdata};
        if (path && lstat(path, &status) == 0) {
                listener->path = strdup(path);
                listener->device = status.st_dev;
                listener->inode = status.st_ino;
        }
        evutil_make_socket_nonblocking(fd);
        listener->event = event_new(base, fd, EV_READ | EV_PERSIST, on_acceptable, listener);
        listener->retry = event_new(base, -1, 0, on_retry, listener);
        if (!listener->event || !listener->retry || (path && !listener->path))
                return -ENOMEM;
        return event_add(listener->event, NULL) == 0 ? 0 : -ENOMEM;
}

void listener_clear(struct listener *listener)
{
        struct stat status;

        if (listener->event)
                event_free(steal(listener->event));
        if (listener->retry)
                event_free(steal(listener->retry));
        if (listener->path && lstat(listener->path, &status) == 0 &&
            status.st_dev == listener->device && status.st_ino == listener->inode)
                unlink(listener->path);
        free(steal(listener->path));
        listener->fd = close_fd(listener->fd);
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
