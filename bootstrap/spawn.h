/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * From a program to a running Python process: pipes, fork, exec, first stage. The process runs
 *   PYTHON -u -c PRIMARY BOOTSTRAP_FD COUNT EXTRA_FD... ARGUMENT...
 * with the descriptors below and no others open, in a process group of its own, with the signals
 * at their defaults, no_new_privs set, and killed by the kernel when its parent ends.
 *
 * Nothing here blocks but the fork, and no child with another user or control group is waited for:
 * the second stage's text and the program are fed by the event loop (feed.h) through `bootstrap_in`
 * and `program_in`.
 */
#include "cpus.h"
#include "extra_file.h"
#include "identity.h"
#include "limits.h"

#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

/* The child's descriptors besides 0 (/dev/null), 1 and 2. They are the same in every spawn, so
 * that one program text does for all. Extra descriptors follow from SPAWN_FD_EXTRA on. */
enum {
        SPAWN_FD_PIPE_IN = 3,
        SPAWN_FD_PIPE_OUT = 4,
        SPAWN_FD_STATUS_IN = 5,
        SPAWN_FD_BOOTSTRAP = 6,
        SPAWN_FD_PROGRAM = 7,
        SPAWN_FD_COUNTERS = 8, /* memory shared with the daemon, see spawn_options */
        SPAWN_FD_WANTED = 9,
        SPAWN_FD_EXTRA = 10,
};

struct spawn_options {
        const char *python;             /* absolute path; argv[0] as well */
        const char *const *arguments;   /* of the program, NULL-terminated; may be NULL */
        const char *const *environment; /* NAME=value, NULL-terminated */
        const char *working_directory;  /* NULL: the daemon's */
        const int *page_fds;            /* the daemon's: counters, wanted; NULL: /dev/null twice */
        const struct extra_file *extra_files;
        size_t n_extra_files;
        int umask;                        /* -1: as it is */
        int nice;                         /* the nice value itself; 0: as it is */
        bool is_batch;                    /* SCHED_BATCH */
        const cpu_set_t *cpus;            /* NULL: as it is */
        const struct rlimit *files_limit; /* RLIMIT_NOFILE; NULL: as it is */
        const struct limits *limits;      /* these win; NULL: none */
        const int *cgroup; /* the folder of the control group (version 2) that it is born in; NULL:
                              the daemon's own */
        const struct identity *identity; /* who it runs as; NULL: as the daemon does */
};

/* The daemon's ends, all non-blocking and CLOEXEC. */
struct spawned {
        pid_t pid;
        int pidfd;
        int pipe_in;      /* written: requests */
        int pipe_out;     /* read: answers */
        int status_in;    /* read: status lines */
        int out, err;     /* read: stdout, stderr */
        int bootstrap_in; /* written: the second stage, then closed */
        int program_in;   /* written: the program text, then closed */
        int outcome;      /* read: see spawn_outcome(); -1: it executes Python already */
};

/* An initializer with nothing open in it. */
#define SPAWNED_NONE                                                                               \
        {                                                                                          \
                .pidfd = -1, .pipe_in = -1, .pipe_out = -1, .status_in = -1, .out = -1, .err = -1, \
                .bootstrap_in = -1, .program_in = -1, .outcome = -1                                \
        }

#define SPAWN_ERROR_MAX 256

/* 0, or a negative errno with what failed in error: "cannot execute /x/python: No such file". Where
 * there is an `outcome`, what becomes of the process on its way to Python is told later. */
int spawn_process(const struct spawn_options *options, struct spawned *ret,
                  char error[SPAWN_ERROR_MAX]);
/* What a process has come to, when its `outcome` can be read: 0, it executes Python; 1, that is not
 * known yet; or a negative errno with what failed in error, and the process exits. */
int spawn_outcome(const struct spawn_options *options, int fd, char error[SPAWN_ERROR_MAX]);
/* The pipes alone, for a process that is made otherwise: the daemon's ends of PIPE_IN, PIPE_OUT,
 * STATUS_IN, stdout and stderr go to *ret, the process's to theirs, in this order (-1: it was not
 * made). Both are the caller's to close, here or where it fails. */
#define SPAWN_PIPES 5
int spawn_pipes(struct spawned *ret, int theirs[static SPAWN_PIPES], char error[SPAWN_ERROR_MAX]);
/* Closes what is still open (-1: it is not); does not kill. */
void spawned_close(struct spawned *spawned);

/* The second stage's text, built into the binary. */
const char *spawn_secondary(size_t *ret_length);
