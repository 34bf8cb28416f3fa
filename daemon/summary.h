/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * How the daemon is, in numbers and in one line for people.
 */
#include <stddef.h>
#include <stdint.h>

struct client_surroundings;
struct fleet;

#define SUMMARY_MAX      768 /* bytes of the line, its end included */
#define SUMMARY_LIST_MAX 256 /* those of a list of programs */

struct summary {
        size_t n_programs;
        size_t n_waited_for; /* programs that have neither come up nor failed to */
        size_t n_failing;    /* those whose workers fail to start */
        char waited_for[SUMMARY_LIST_MAX];
        char failing[SUMMARY_LIST_MAX]; /* each with its reason */
        size_t n_workers, n_busy;       /* that serve */
        size_t n_processes;             /* workers in any state */
        size_t n_clients;
        size_t n_running, n_waiting; /* requests */
        uint64_t moved;              /* changes with all that is done for programs to come up */
};

/* What the daemon is at. */
enum summary_phase {
        SUMMARY_STARTING,
        SUMMARY_SERVING,
        SUMMARY_LOADING,  /* the config is read anew */
        SUMMARY_SETTLING, /* and followed */
        SUMMARY_DRAINING,
        SUMMARY_STOPPING,
};

/* `proc`: the folder in which the kernel shows processes. */
void summary_take(struct summary *summary, const struct fleet *fleet,
                  const struct client_surroundings *clients, const char *proc);
/* UTF-8, without control characters. */
const char *summary_text(const struct summary *summary, enum summary_phase phase,
                         char text[static SUMMARY_MAX]);
/* The first line of a text of others, as much as fits: UTF-8, and nothing that a terminal obeys. */
void summary_tame(const char *raw, char *text, size_t size);
