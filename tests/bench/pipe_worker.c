/* SPDX-License-Identifier: MIT */
#include "pipe_worker.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static _Noreturn void run(char **command, int in, int out)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
                _exit(71);
        execvp(command[0], command);
        fprintf(stderr, "load: cannot run %s: %s\n", command[0], strerror(errno));
        _exit(127);
}

static int open_pipe(int ends[2], int ours)
{
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        return fcntl(ends[ours], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

int pipe_worker_start(struct pipe_worker *worker, char **command)
{
        int calls[2] = {-1, -1}, answers[2] = {-1, -1};
        int r = open_pipe(calls, 1);

        if (r == 0)
                r = open_pipe(answers, 0);
        if (r == 0 && (worker->pid = fork()) == 0)
                run(command, calls[0], answers[1]);
        if (r == 0 && worker->pid < 0)
                r = -errno;
        close_fd(calls[0]);
        close_fd(answers[1]);
        worker->calls = calls[1];
        worker->answers = answers[0];
        if (r < 0) {
                worker->pid = 0;
                worker->calls = close_fd(worker->calls);
                worker->answers = close_fd(worker->answers);
        }
        return r;
}

void pipe_worker_end(struct pipe_worker *worker)
{
        if (worker->pid == 0)
                return;
        kill(worker->pid, SIGKILL);
        waitpid(worker->pid, NULL, 0);
        worker->pid = 0;
}
