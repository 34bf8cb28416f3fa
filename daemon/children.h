/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The child processes that the daemon knows of, by pid and by number: what else turns out to be its
 * child has been left behind by one of them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHILDREN_ENDED_MAX   32U /* of those that have ended, so many are remembered */
#define CHILDREN_PROGRAM_MAX 64U

/* For a child that is no process of a program. */
#define CHILDREN_INHERITED 0                /* it was there before the daemon */
#define CHILDREN_DYING     UINT64_MAX       /* left behind by one, and killed */
#define CHILDREN_SUSPECT   (UINT64_MAX - 1) /* may have been left behind: it has not said by whom */

struct child {
        pid_t pid;
        uint64_t number; /* as in its environment, or one of the above */
};

struct child_ended {
        uint64_t number;
        char program[CHILDREN_PROGRAM_MAX + 1];
};

struct children {
        uint64_t last_number; /* of a process: all are numbered, from 1 on */
        struct child *by_pid; /* sorted */
        uint64_t *numbers;    /* sorted */
        size_t count, n_numbers, room;
        struct child_ended ended[CHILDREN_ENDED_MAX];
        size_t n_ended;               /* in all */
        void (*left)(void *userdata); /* one of a program has ended; may be NULL */
        void *userdata;
};

void children_clear(struct children *children);
/* There is going to be a child with this number, whose pid is not known yet: the number counts as
 * one of a child's until it is not expected any more. 0 or -ENOMEM. */
int children_expect(struct children *children, uint64_t number);
void children_expect_no_more(struct children *children, uint64_t number);
/* 0 or -ENOMEM. */
int children_add(struct children *children, pid_t pid, uint64_t number);
/* It has been reaped; nothing happens if it is not there. The program is NULL where it has none. */
void children_remove(struct children *children, pid_t pid, const char *program);
/* NULL: it is not known. */
const struct child *children_find(const struct children *children, pid_t pid);
bool children_has_number(const struct children *children, uint64_t number);
/* The program of one that has ended; NULL: it is not remembered. */
const char *children_program_of(const struct children *children, uint64_t number);
