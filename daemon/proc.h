/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Processes as /proc shows them. The folder is a parameter, for the tests.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROC_NAME_MAX 64U

struct proc_process {
        pid_t pid, parent, group;
        char state; /* 'Z': it has ended, and nobody has waited for it */
        char name[PROC_NAME_MAX];
        uint64_t cpu; /* ticks of a CPU that it has used; 0 also where that is not told */
};

/* 0, or a negative errno: it is not there any more, say. */
int proc_read(const char *proc, pid_t pid, struct proc_process *ret);
/* Tells of each child of a process that has one thread. Where the kernel keeps no list of them, all
 * processes are looked at. 0 or a negative errno. */
int proc_each_child(const char *proc, pid_t parent, void (*child)(void *userdata, pid_t pid),
                    void *userdata);
/* The value of a variable in the environment that the process was started with; cut if it is
 * longer. False: it has none, or nobody may know. */
bool proc_variable(const char *proc, pid_t pid, const char *name, char *value, size_t size);
