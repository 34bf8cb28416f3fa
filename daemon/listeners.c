/* SPDX-License-Identifier: MIT */
#include "listeners.h"

#include "common/log.h"
#include "service.h"

/* The socket of its own. */
static int make_socket(struct listeners *listeners, const struct server_options *options)
{
        char error[SOCKET_FILE_ERROR_MAX];
        int fd = socket_file_make(&listeners->socket_file, options->listen,
                                  (mode_t)options->listen_mode, options->listen_group, error);

        if (fd < 0) {
                log_error(NULL, "%s", error);
                service_tell_failure(-fd, error);
        }
        return fd;
}

int listeners_init(struct listeners *listeners, struct event_base *base,
                   const struct server_options *options, void (*accepted)(void *userdata, int fd),
                   void *userdata)
{
        int fds[SD_SOCKETS_MAX], r = 0;
        size_t n = sd_take_sockets(fds);

        listeners->are_given = n > 0;
        if (n == 0) {
                fds[0] = make_socket(listeners, options);
                if (fds[0] < 0)
                        return fds[0];
                n = 1;
        }
        for (; listeners->n < n && r == 0; listeners->n++)
                r = listener_init(&listeners->each[listeners->n], base, fds[listeners->n], accepted,
                                  userdata);
        listener_path(&listeners->each[0], listeners->path);
        return r;
}

void listeners_clear(struct listeners *listeners)
{
        while (listeners->n > 0)
                listener_clear(&listeners->each[--listeners->n]);
        socket_file_remove(&listeners->socket_file);
}

void listeners_pause(struct listeners *listeners)
{
        for (size_t i = 0; i < listeners->n; i++)
                listener_pause(&listeners->each[i]);
}

void listeners_resume(struct listeners *listeners)
{
        for (size_t i = 0; i < listeners->n; i++)
                listener_resume(&listeners->each[i]);
}

/* Who waits at a socket that somebody else keeps open waits for the next daemon. At one that goes
 * with this daemon, who has connected already is a client like the others. */
void listeners_end(struct listeners *listeners)
{
        bool is_own = listeners->socket_file.path != NULL;

        socket_file_remove(&listeners->socket_file);
        for (size_t i = 0; is_own && i < listeners->n; i++)
                listener_accept_all(&listeners->each[i]);
        listeners_clear(listeners);
}
