/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A command that answers on its standard output what it reads from its standard input. It is killed
 * when its parent ends.
 */
#include <sys/types.h>

struct pipe_worker {
        pid_t pid; /* 0: there is none */
        int calls, answers;
};

/* Its two descriptors do not block, and are the caller's. -errno: it could not be started. */
int pipe_worker_start(struct pipe_worker *worker, char **command);
void pipe_worker_end(struct pipe_worker *worker);
