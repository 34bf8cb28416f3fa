/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The processes that a template makes: what it is asked for over its control socket, and what comes
 * back. A process that has been forked announces itself there, and the kernel tells its pid, which
 * is used only if it is a child of the daemon's that nobody knows yet.
 */
#include "process.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct births;
struct event;
struct event_base;
struct json_object;

enum birth_state {
        BIRTH_WAITING, /* until the template is ready */
        BIRTH_ASKED,
        BIRTH_BORN,
};

/* The birth of one process; part of its owner. */
struct birth {
        TAILQ_ENTRY(birth) link;
        struct births *births; /* NULL: it is spawned, not forked */
        struct process *process;
        enum birth_state state;
        struct json_object *methods; /* as the template told them; NULL: it comes from none */
        /* Its time has come: is to call birth_fork(), or to spawn the process if it has no births.
         * 0, or a negative errno with the reason in `error`. */
        int (*begin)(struct birth *birth, char error[SPAWN_ERROR_MAX]);
};

TAILQ_HEAD(birth_list, birth);

/* What happens on the control socket. */
struct births_events {
        void (*changed)(void *owner);                     /* one was born, or is not to be */
        void (*refused)(void *owner, const char *reason); /* it could not fork */
        void (*broken)(void *owner, const char *reason);  /* it broke the rules */
        void (*closed)(void *owner);                      /* nobody has the other end any more */
};

struct births {
        const struct births_events *events;
        void *owner;
        struct process *template;
        struct birth_list list; /* all that live */
        unsigned n_asked;
        unsigned n_refused;          /* one after the other */
        bool is_open;                /* the template takes requests */
        struct json_object *methods; /* as it has told them */
        int control;
        struct event *event;
};

/* Makes the control socket; *ret_theirs is the template's end, and the caller's to close. */
int births_init(struct births *births, struct event_base *base, struct process *template,
                const struct births_events *events, void *owner, int *ret_theirs);
void births_clear(struct births *births);

/* The template is ready. Takes the methods. */
void births_open(struct births *births, struct json_object *methods);
/* There will be no forks: those who wait are spawned. */
void births_spawn(struct births *births);
/* Tells the template that no more is wanted of it. */
void births_close(struct births *births);
/* Nothing more comes from the template: what is not born never will be. Takes the error. */
void births_end(struct births *births, struct json_object *error);
/* Looks for the socket's end again, after `closed`. */
void births_watch(struct births *births);
/* Ends those that are to be ended before they are born; returns when to look again (0: never).
 * *ret_late: one that was asked for has not come within the limit (0: there is none). */
uint64_t births_maintain(struct births *births, uint64_t limit, uint64_t now, bool *ret_late);

/* Has a process made: begun now, or when the template is ready. If it fails later than this call,
 * the process ends as one that never was. 0, or a negative errno with the reason in `error`. */
int births_add(struct births *births, struct birth *birth, char error[SPAWN_ERROR_MAX]);
/* Whether the process is there; looks whether it is just being told. */
bool birth_is_over(struct birth *birth);
/* For the owner's destructor. */
void birth_clear(struct birth *birth);
