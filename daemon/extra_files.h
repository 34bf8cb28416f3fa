/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The files that the workers of a program get besides, as the option `extra_files` lists them:
 * files that each worker opens for itself, and areas of memory that all of them share.
 */
#include "area.h"

#include "bootstrap/extra_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct program;

#define EXTRA_FILES_MAX 256

struct extra_files_entry {
        char *path; /* absolute; NULL: it is an area */
        const char *mode;
        int flags; /* of open(2), by the mode and `create` */
        bool creates;
        mode_t permissions;

        char *name; /* of an area; NULL: it is known by its number among those without one */
        uint64_t size;
        struct area *area; /* NULL: not made yet */
};

struct extra_files {
        size_t n;
        struct extra_files_entry entries[];
};

/* All of these take NULL for none. */
struct extra_files *extra_files_free(struct extra_files *files);
static inline void extra_files_freep(struct extra_files **files)
{
        *files = extra_files_free(*files);
}
bool extra_files_equal(const struct extra_files *a, const struct extra_files *b);
size_t extra_files_count(const struct extra_files *files);

/* Makes an area. 0 or a negative errno. */
int extra_files_make_area(struct extra_files_entry *entry);
/* Takes the areas of others in the place of its own, where they are the same by name and size: for
 * files that nobody uses yet. */
void extra_files_adopt(struct extra_files *files, const struct extra_files *others);

/* For the program's text. 0 or -ENOMEM. */
int extra_files_add_to(const struct extra_files *files, struct program *program);
/* What a process is spawned with, to be freed; room for one more is behind them. NULL: no memory.
 */
struct extra_file *extra_files_to_spawn(const struct extra_files *files);
