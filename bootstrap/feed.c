/* SPDX-License-Identifier: MIT */
#include "feed.h"

#include "common/cleanup.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>

/* Written in one turn of the loop at most, so that a quick reader does not hold up the rest. */
#define FEED_TURN ((size_t)1 << 20)

struct feed {
        struct event *event;
        int fd;
        const char *data;
        size_t left;
        feed_done_fn *done;
        void *userdata;
};

/* The callback may free the feed: nothing is touched after it. */
static void feed_end(struct feed *feed, int result)
{
        event_del(feed->event);
        feed->fd = close_fd(feed->fd);
        feed->done(feed, result, feed->userdata);
}

static void on_writable(evutil_socket_t fd, short what, void *userdata)
{
        struct feed *feed = userdata;
        ssize_t n;

        (void)what;
        if (feed->left > 0) {
                n = write(fd, feed->data, feed->left < FEED_TURN ? feed->left : FEED_TURN);
                if (n < 0) {
                        if (errno != EAGAIN && errno != EINTR)
                                feed_end(feed, -errno);
                        return;
                }
                feed->data += n;
                feed->left -= (size_t)n;
        }
        if (feed->left == 0)
                feed_end(feed, 0);
}

static int feed_start(struct feed *feed, struct event_base *base)
{
        int flags = fcntl(feed->fd, F_GETFL);

        if (flags < 0 || fcntl(feed->fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        feed->event = event_new(base, feed->fd, EV_WRITE | EV_PERSIST, on_writable, feed);
        if (!feed->event)
                return -ENOMEM;
        return event_add(feed->event, NULL) < 0 ? -EIO : 0;
}

int feed_new(struct event_base *base, int fd, const void *data, size_t length, feed_done_fn *done,
             void *userdata, struct feed **ret)
{
        struct feed *feed = calloc(1, sizeof(*feed));
        int r;

        if (!feed) {
                close_fd(fd);
                return -ENOMEM;
        }
        *feed = (struct feed){
                .fd = fd, .data = data, .left = length, .done = done, .userdata = userdata};
        r = feed_start(feed, base);
        if (r < 0) {
                feed_free(feed);
                return r;
        }
        *ret = feed;
        return 0;
}

struct feed *feed_free(struct feed *feed)
{
        if (!feed)
                return NULL;
        if (feed->event)
                event_free(feed->event);
        close_fd(feed->fd);
        free(feed);
        return NULL;
}
