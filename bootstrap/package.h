/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A package: a folder's modules, its data files and the packages within it, read once.
 */
#include "source.h"

#include <stdbool.h>

#define PACKAGE_DEPTH_MAX   64U
#define PACKAGE_ENTRIES_MAX 1000000U          /* files and folders looked at */
#define PACKAGE_SIZE_MAX    ((size_t)1 << 30) /* bytes of all files together */

struct package {
        char *name;
        char *path;
        struct sources modules;
        struct sources data;
        struct package **packages; /* ordered by name */
        size_t count, capacity;
};

/*
 * Reads as program_add_package() in program.h says. Besides: a folder that no module can come from
 * (its name is no identifier, or no .py is in it) is no package; data files in it belong to the
 * package around it, as "folder/file". Where foo.py and a folder foo both are, the one that Python
 * itself would import counts. A symbolic link to a folder around it is not followed.
 */
int package_read(const char *name, const char *folder, const char *const *data_patterns,
                 struct package **ret, char error[static SOURCE_ERROR_MAX]);
struct package *package_new(const char *name, const char *path);
struct package *package_free(struct package *package);
static inline void package_freep(struct package **package)
{
        *package = package_free(*package);
}

/* Takes the child unless it fails: -EEXIST if one of its name is there already. */
int package_insert(struct package *package, struct package *child);
const struct package *package_find(const struct package *package, const char *name);

/* Whether these bytes could be one identifier in Python. Which characters beyond ASCII may stand
 * in one is left to Python. */
bool package_is_identifier(const char *name, size_t length);
