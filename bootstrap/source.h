/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A source: the bytes of one file (or of a text that stands for one) under the name that the
 * Python side knows it by; and lists of them, ordered by name, so that the same files always give
 * the same list.
 */
#include <stddef.h>

#define SOURCE_ERROR_MAX 512
#define SOURCE_SIZE_MAX                                                                            \
        ((size_t)1 << 30) /* a larger file is no source: a mistake in the config                   \
                           */

struct source {
        char *name; /* of the module; of a data file: its path below the package */
        char *path; /* the virtual path: absolute, or "<NAME>" */
        void *data;
        size_t length;
};

struct sources {
        struct source *items;
        size_t count, capacity;
};

/* "cannot WHAT PATH: why" in `error`, a path too long for it shortened; returns the errno r. */
int source_fail(char error[static SOURCE_ERROR_MAX], int r, const char *what, const char *path);

/* Reads a regular file of at most SOURCE_SIZE_MAX bytes; nothing else is ever opened. */
int source_read(struct source *source, const char *name, const char *path,
                char error[static SOURCE_ERROR_MAX]);
/* Copies a text; its path is "<NAME>". */
int source_set(struct source *source, const char *name, const void *data, size_t length);
void source_clear(struct source *source);

const struct source *sources_find(const struct sources *sources, const char *name);
/* Takes what the source holds, unless it fails: -EEXIST if the name is there already. */
int sources_insert(struct sources *sources, struct source *source);
/* Nothing happens if there is none of this name. */
void sources_remove(struct sources *sources, const char *name);
void sources_clear(struct sources *sources);
