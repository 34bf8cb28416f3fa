/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The lines that a worker writes, put together to entries of the log. Lines belong together if they
 * were written in one piece, which marks tell, or are a traceback. What may still go on is held,
 * but never for long.
 */
#include "traceback.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entry_line {
        const char *text; /* without newline */
        size_t length;
        uint64_t serial; /* 0: written outside of a request, or not by Python */
        int level;       /* that the line names itself; -1: none */
        bool has_more;   /* the next one was written with it */
        bool is_rest;    /* of a line whose beginning has been added already */
};

struct entry_text {
        const char *text;
        size_t length;
        unsigned n_lines;
        uint64_t serial;
        int level;
};

typedef void entry_fn(void *userdata, const struct entry_text *text);

struct entry {
        entry_fn *tell;
        void *userdata;
        int usual_level;
        struct entry_text held; /* n_lines 0: nothing is */
        char *bytes;
        size_t room;
        bool has_more;
        enum traceback traceback;
        uint64_t due; /* when what is held is told at the latest; 0: nothing is held */
};

void entry_init(struct entry *entry, int usual_level, entry_fn *tell, void *userdata);
void entry_clear(struct entry *entry);

void entry_add(struct entry *entry, const struct entry_line *line, uint64_t now);
/* Tells what is held. */
void entry_flush(struct entry *entry);
