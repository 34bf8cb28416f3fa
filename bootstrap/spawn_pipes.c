/* SPDX-License-Identifier: MIT */
#include "spawn_pipes.h"

#include "common/cleanup.h"
#include "spawn_error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#define PIPE_SIZE_WANTED (1 << 20)

/* The child's numbers from 1 on, and where the daemon's end of each pipe goes. */
static const struct channel {
        size_t daemon_end; /* its place in struct spawned */
        bool child_reads;
        bool large;
} channels[SPAWN_FD_COUNTERS] = {
        [STDOUT_FILENO] = {offsetof(struct spawned, out), false, false},
        [STDERR_FILENO] = {offsetof(struct spawned, err), false, false},
        [SPAWN_FD_PIPE_IN] = {offsetof(struct spawned, pipe_in), true, true},
        [SPAWN_FD_PIPE_OUT] = {offsetof(struct spawned, pipe_out), false, true},
        [SPAWN_FD_STATUS_IN] = {offsetof(struct spawned, status_in), false, false},
        [SPAWN_FD_BOOTSTRAP] = {offsetof(struct spawned, bootstrap_in), true, false},
        [SPAWN_FD_PROGRAM] = {offsetof(struct spawned, program_in), true, false},
};

int spawn_move_up(int *fd, int floor)
{
        int higher;

        if (*fd >= floor)
                return 0;
        higher = fcntl(*fd, F_DUPFD_CLOEXEC, floor);
        if (higher < 0)
                return -errno;
        close(*fd);
        *fd = higher;
        return 0;
}

int spawn_pipe(struct spawned *spawned, int number, int floor, int *child_end)
{
        const struct channel *channel = &channels[number];
        int *daemon_end = (int *)((char *)spawned + channel->daemon_end);
        int ends[2], flags;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        *child_end = ends[channel->child_reads ? 0 : 1];
        *daemon_end = ends[channel->child_reads ? 1 : 0];
        flags = fcntl(*daemon_end, F_GETFL);
        if (flags < 0 || fcntl(*daemon_end, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        if (channel->large) /* refused when the user has many pipes: it works as it is */
                fcntl(*daemon_end, F_SETPIPE_SZ, PIPE_SIZE_WANTED);
        return spawn_move_up(child_end, floor);
}

int spawn_pipes(struct spawned *ret, int theirs[static SPAWN_PIPES], char error[SPAWN_ERROR_MAX])
{
        static const int numbers[SPAWN_PIPES] = {
                SPAWN_FD_PIPE_IN, SPAWN_FD_PIPE_OUT, SPAWN_FD_STATUS_IN,
                STDOUT_FILENO,    STDERR_FILENO,
        };
        int r = 0;

        for (size_t i = 0; i < SPAWN_PIPES; i++)
                theirs[i] = -1;
        for (size_t i = 0; r == 0 && i < SPAWN_PIPES; i++)
                r = spawn_pipe(ret, numbers[i], 0, &theirs[i]);
        return r < 0 ? spawn_fail(error, r, "cannot make the pipes") : 0;
}

void spawned_close(struct spawned *spawned)
{
        int *ends[] = {&spawned->pidfd,        &spawned->pipe_in,    &spawned->pipe_out,
                       &spawned->status_in,    &spawned->out,        &spawned->err,
                       &spawned->bootstrap_in, &spawned->program_in, &spawned->outcome};

        for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
                *ends[i] = close_fd(*ends[i]);
}
