/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * One bootstrapped Python process of a program, whatever it is there for: how it comes up, what it
 * reports and prints, and how it ends. It is part of its owner, who talks to it besides.
 *
 * Its end has two halves, in this order: the exit is seen (and not yet reaped, so that the pid
 * stays its own), the process group is killed; then the pipes are drained without waiting, and the
 * process is reaped. A grandchild that keeps a pipe open holds nothing up.
 */
#include "bootstrap/feed.h"
#include "bootstrap/spawn.h"
#include "common/log.h"
#include "oom.h"
#include "options.h"
#include "output.h"
#include "quota.h"
#include "report.h"
#include "surroundings.h"

#include <stdbool.h>
#include <stdint.h>

struct cgroup;
struct json_object;

/* Why one is ended that takes longer than startup_timeout. */
#define PROCESS_LATE                                                                               \
        "it was not ready within startup_timeout (a main module has to end, or to listen for "     \
        "requests)"

/* What a process tells its owner. */
struct process_events {
        /* It can serve from here on: the status line that said so. */
        void (*ready)(void *owner, struct json_object *line);
        /* It waits for a debugger before it goes on to be ready, for as long as that takes. NULL:
         * that of no interest, as the next. */
        void (*waits)(void *owner);
        /* What it can do has changed since: the status line that says so. */
        void (*methods)(void *owner, struct json_object *line);
        /* It ends from here on, by whatever cause: told once, and before `exited` always. */
        void (*ending)(void *owner);
        /* It is on its way out by its own doing: whoever keeps the time has to call
         * process_escalate() at its signal_at. */
        void (*leaving)(void *owner);
        /* It has ended: the owner drains its own pipes now. */
        void (*drain)(void *owner);
        /* It is gone for good, and reaped. */
        void (*exited)(void *owner);
};

struct process {
        const struct process_events *events;
        void *owner;
        const struct surroundings *around;
        const struct program_options *options; /* the owner's */
        struct log_context context;            /* program, pid, slot */
        struct quota *quota; /* that it shares with others; NULL: it may log what it likes */

        uint64_t number; /* no other process of this daemon has had it; see process_environment.h */
        pid_t pid;       /* 0: not known yet */
        int pidfd;
        struct cgroup *cgroup; /* what it is born in; NULL: the daemon's own */
        struct event *exit_event;
        int outcome; /* of its start: see process_spawn.h; -1: there is nothing to wait for */
        struct event *outcome_event;
        struct feed *bootstrap, *program;
        struct report report;
        struct output out, err;

        uint64_t started, ready;
        char *stack; /* the Python stack that it left when it ended; NULL: none */
        struct json_object *start_error; /* the exception that it reported while starting */
        const char *fault;               /* how it broke the rules, and was killed for it */
        const char *closed;              /* the pipe that it closed */
        bool waits_for_debugger;
        bool is_asked; /* it leaves because it was told to */
        bool is_ending;
        bool has_exited;    /* and is reaped */
        uint64_t signal_at; /* when one that is ending gets the next signal */
        int next_signal, last_signal;
        int exit_code, exit_status; /* si_code and si_status of waitid(2) */
        enum oom_verdict out_of_memory;
};

/* An empty one, good for process_clear(). slot -1: it has none. */
void process_init(struct process *process, const struct surroundings *around,
                  const struct program_options *options, int slot,
                  const struct process_events *events, void *owner, uint64_t now);
/* Kills and reaps what still lives. */
void process_clear(struct process *process);

/* Takes the daemon's ends of the pipes of a process that process_spawn() or somebody else makes.
 * What is not open there it does not need: one that was forked needs no bootstrap. 0 or -ENOMEM. */
int process_attach(struct process *process, struct spawned *ends);
/* The process is there now: takes the pidfd, also where it fails. From here on its end is seen;
 * if it was to be ended before, that is made up for. It must be a child. 0 or -ENOMEM. */
int process_born(struct process *process, pid_t pid, int pidfd);
/* One that somebody else should have made will never be there. Takes the error, which says why;
 * NULL: it was to be ended. */
void process_stillborn(struct process *process, struct json_object *error);

/* Expects it to end by itself; it gets the signal at the given time. Later ones replace this. */
void process_expect_end(struct process *process, int signal, uint64_t when);
/* Ends it with SIGTERM to its group, and SIGKILL after terminate_timeout, unless it is on its way
 * out already. */
void process_terminate(struct process *process, uint64_t now);
void process_kill(struct process *process);
/* A signal to its main thread alone: Python has no other one run handlers, and does not wake it up
 * for a signal that another one has got. */
void process_nudge(const struct process *process, int signal);
/* The same, for one that is at fault: `reason` (a constant) goes into its death report. */
void process_fail(struct process *process, const char *reason);
/* It ends by itself, or else is made to: a thread of it may live on for ever. */
void process_leave_soon(struct process *process);
/* It closed a pipe, as one that exits does: only if it stays it is at fault. */
void process_closed(struct process *process, const char *reason);
/* It has ended, and nothing less than the daemon's SIGKILL did it. */
bool process_was_killed(const struct process *process);
/* The next signal, if it is due; returns when to look again (0: never). */
uint64_t process_escalate(struct process *process, uint64_t now);
