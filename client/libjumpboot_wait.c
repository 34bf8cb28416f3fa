/* SPDX-License-Identifier: MIT */
#include "common/units.h"
#include "libjumpboot_connection.h"

#include <errno.h>
#include <poll.h>

static uint64_t deadline_after(int timeout_ms)
{
        return timeout_ms < 0 ? UINT64_MAX : units_now() + (uint64_t)timeout_ms * USEC_PER_MSEC;
}

/*
 * Waits until something can be done, or until the deadline, and does it. Returns false once the
 * deadline has passed (what could be done was done).
 */
static bool wait_and_process(struct jumpboot *jb, uint64_t deadline)
{
        struct pollfd pollfd = {.fd = jb->fd, .events = jumpboot_events(jb)};
        uint64_t now = units_now();
        uint64_t until = deadline;
        struct timespec wait;

        if (jb->requests.next_deadline < until)
                until = jb->requests.next_deadline;
        wait.tv_sec = until > now ? (time_t)((until - now) / USEC_PER_SEC) : 0;
        wait.tv_nsec = until > now ? (long)((until - now) % USEC_PER_SEC * 1000) : 0;
        if (ppoll(&pollfd, 1, until == UINT64_MAX ? NULL : &wait, NULL) >= 0)
                jumpboot_process(jb);
        else if (errno != EINTR)
                connection_fail(jb, -errno, "cannot wait for the daemon: %s",
                                jumpboot_strerror(-errno));
        return units_now() < deadline;
}

int jumpboot_wait(struct jumpboot *jb, uint64_t id, int timeout_ms, struct jumpboot_reply **ret)
{
        uint64_t deadline = deadline_after(timeout_ms);
        bool in_time = true;

        for (;;) {
                *ret = requests_take(&jb->requests, id);
                if (*ret)
                        return 0;
                if (id ? !requests_find(&jb->requests, id) : !jb->requests.n_in_flight)
                        return connection_error(jb, -ENOENT, "there is no such request");
                if (!in_time)
                        return connection_error(jb, -ETIMEDOUT, "there is no answer yet");
                connection_send(jb);
                if (!jb->failed)
                        in_time = wait_and_process(jb, deadline);
        }
}

int jumpboot_call(struct jumpboot *jb, const char *method, const char *params, int timeout_ms,
                  struct jumpboot_reply **ret)
{
        struct jumpboot_reply *reply;
        uint64_t id;
        int r;

        *ret = NULL;
        r = jumpboot_submit(jb, method, params, timeout_ms, &id);
        if (r < 0)
                return r;
        r = jumpboot_wait(jb, id, JUMPBOOT_NO_TIMEOUT, &reply);
        if (r < 0)
                return r;
        r = reply->status;
        if (r < 0)
                connection_error(jb, r, "%s", reply->message);
        if (r == 0 || r == JUMPBOOT_EANSWER)
                *ret = reply;
        else
                jumpboot_reply_free(reply);
        return r;
}

int jumpboot_flush(struct jumpboot *jb, int timeout_ms)
{
        uint64_t deadline = deadline_after(timeout_ms);
        bool in_time = true;

        connection_send(jb);
        while (!jb->failed && (!outbox_is_empty(&jb->out) || jb->cannot_send)) {
                if (!in_time)
                        return connection_error(jb, -ETIMEDOUT, "the daemon does not read");
                in_time = wait_and_process(jb, deadline);
        }
        return jb->failed;
}
