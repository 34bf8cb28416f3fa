/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A folder of the test's own, made before it and removed after it.
 */
#include "common/cleanup.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static char folder_root[] = "/tmp/jumpbootd-test.XXXXXX";

static inline void folder_make(void)
{
        strcpy(folder_root + strlen(folder_root) - 6, "XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(folder_root));
}

static inline int folder_remove_one(const char *path, const struct stat *st, int type,
                                    struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

static inline void folder_remove(void)
{
        nftw(folder_root, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A path in the folder; good until four more were asked for. */
static inline const char *folder_at(const char *name)
{
        static char paths[4][PATH_MAX];
        static unsigned next;
        char *path = paths[next++ % 4];

        snprintf(path, PATH_MAX, "%s/%s", folder_root, name);
        return path;
}

/* Writes a file, with the folders that it stands in, and gives its path. */
static inline const char *folder_write_bytes(const char *name, const void *data, size_t length)
{
        const char *path = folder_at(name);
        _cleanup_free_ char *part = strdup(path);
        _cleanup_fclose_ FILE *file = NULL;

        for (char *slash = part + strlen(folder_root); (slash = strchr(slash + 1, '/'));) {
                *slash = '\0';
                ck_assert(mkdir(part, 0755) == 0 || errno == EEXIST);
                *slash = '/';
        }
        file = fopen(path, "we");
        ck_assert_ptr_nonnull(file);
        ck_assert_uint_eq(fwrite(data, 1, length, file), length);
        return path;
}

static inline const char *folder_write(const char *name, const char *text)
{
        return folder_write_bytes(name, text, strlen(text));
}
