/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A worker's stdout or stderr: read as it comes, cut into lines, told entry by entry. What Python
 * wrote during a request is marked with the request's serial, at the beginning of each line: RS
 * serial RS, or RS serial GS if the next line was written with it. "<4>" then gives the line's
 * level, as of sd-daemon(3). Marks and levels are taken off. The last few kilobytes are kept for
 * the report of a death.
 */
#include "entry.h"

#include <stddef.h>
#include <stdint.h>

struct event;
struct event_base;

#define OUTPUT_LINE_MAX 8192U /* a longer line is told in pieces */
#define OUTPUT_TAIL_MAX 8192U

struct output {
        struct event *event, *timer;
        int fd;
        struct entry entry;
        struct entry_line line; /* that is being read */
        uint64_t resume_at;     /* 0: it is not paused */
        char *partial;          /* what was read of it since; NULL: nothing */
        size_t partial_length;
        char *tail; /* the last lines, each with its newline */
        size_t tail_length;
        size_t tail_told;     /* bytes of it up to the last line that names a request */
        uint64_t tail_serial; /* the request that it is about */
        /* Whether a request that a line names is not over; NULL: who knows. */
        bool (*is_open)(void *userdata, uint64_t serial);
        void *is_open_userdata;
};

/* Takes the descriptor, also where it fails. level: of lines that name none. 0 or -ENOMEM. */
int output_init(struct output *output, struct event_base *base, int fd, int level, entry_fn *tell,
                void *userdata);
void output_clear(struct output *output);

/* Reads nothing more until then. */
void output_pause(struct output *output, uint64_t until);
static inline bool output_is_paused(const struct output *output)
{
        return output->resume_at != 0;
}
/* Reads what is there and does not wait: for a process that has ended. A grandchild may still
 * hold the pipe, and write to it for ever: a megabyte is enough. */
void output_drain(struct output *output);
/* From here on the tail is what the death of this request is reported with: what earlier ones wrote
 * is left out, also where it is read later. has_begun: it may have written some of what has come
 * since, which stays as far as no earlier one is named in it. */
void output_forget_tail(struct output *output, uint64_t serial, bool has_begun);
