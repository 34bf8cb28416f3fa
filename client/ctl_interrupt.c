/* SPDX-License-Identifier: MIT */
#include "ctl_interrupt.h"

#include "common/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

/* Blocks SIGINT, to be read instead. A negative descriptor: it is ignored, or cannot be read. */
static int take_signal(void)
{
        struct sigaction action;
        sigset_t mask;

        if (sigaction(SIGINT, NULL, &action) < 0 || action.sa_handler == SIG_IGN)
                return -1;
        sigemptyset(&mask);
        sigaddset(&mask, SIGINT);
        int fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd >= 0)
                sigprocmask(SIG_BLOCK, &mask, NULL);
        return fd;
}

/* From here on it does what it did before. */
static int give_signal_back(int fd)
{
        struct signalfd_siginfo info;
        sigset_t mask;

        if (fd < 0)
                return -1;
        /* One that has been seen is taken: it has had its effect. */
        while (read(fd, &info, sizeof(info)) > 0)
                continue;
        sigemptyset(&mask);
        sigaddset(&mask, SIGINT);
        sigprocmask(SIG_UNBLOCK, &mask, NULL);
        return close_fd(fd);
}

/* Until the request has its reply, or the connection has failed. */
static void wait_for_reply(struct jumpboot *jb, uint64_t id, int signal_fd, bool *ret_interrupted)
{
        while (jumpboot_in_flight(jb) > 0) {
                struct pollfd fds[] = {
                        {.fd = jumpboot_fd(jb), .events = jumpboot_events(jb)},
                        {.fd = *ret_interrupted ? -1 : signal_fd, .events = POLLIN},
                };

                if (poll(fds, ARRAY_SIZE(fds), jumpboot_timeout(jb)) > 0 && fds[1].revents) {
                        *ret_interrupted = true;
                        jumpboot_cancel(jb, id);
                        give_signal_back(signal_fd);
                }
                jumpboot_process(jb);
        }
}

int ctl_interruptible_call(struct jumpboot *jb, const char *method, const char *params,
                           int timeout_ms, struct jumpboot_reply **ret, bool *ret_interrupted)
{
        struct jumpboot_reply *reply;
        uint64_t id;
        int r = jumpboot_submit(jb, method, params, timeout_ms, &id);

        *ret = NULL;
        *ret_interrupted = false;
        if (r < 0)
                return r;
        int signal_fd = take_signal();
        wait_for_reply(jb, id, signal_fd, ret_interrupted);
        if (!*ret_interrupted)
                give_signal_back(signal_fd);
        if (jumpboot_next_reply(jb, &reply) == 0)
                return JUMPBOOT_ECLOSED;
        r = jumpboot_reply_status(reply);
        if ((r == 0 || r == JUMPBOOT_EANSWER) && !*ret_interrupted)
                *ret = reply;
        else
                jumpboot_reply_free(reply);
        return r;
}
