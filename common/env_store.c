/* SPDX-License-Identifier: MIT */
#include "env_store.h"

#include "cleanup.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define SLIPS_MAX 2U

static bool is_letter_or_digit(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool env_name_is_right(const char *name)
{
        size_t length = 0;

        for (; name[length] && length <= ENV_NAME_MAX; length++)
                if (!is_letter_or_digit(name[length]) &&
                    (length == 0 || !strchr("._-", name[length])))
                        return false;
        return length > 0 && length <= ENV_NAME_MAX;
}

char *env_store_path(const char *state_directory)
{
        char *path;

        return asprintf(&path, "%s/" ENV_STORE_FOLDER, state_directory) < 0 ? NULL : path;
}

bool env_store_has(const char *store, const char *name)
{
        _cleanup_free_ char *marker = NULL;

        if (asprintf(&marker, "%s/%s/" ENV_STORE_MARKER, store, name) < 0) {
                marker = NULL;
                return false;
        }
        return access(marker, F_OK) == 0;
}

char *env_store_nearest(const char *store, const char *name)
{
        _cleanup_closedir_ DIR *dir = opendir(store);
        unsigned least = SLIPS_MAX + 1;
        struct dirent *entry;
        char *nearest = NULL;

        while (dir && (entry = readdir(dir))) {
                unsigned distance = text_distance(entry->d_name, name);
                char *copy;

                /* a name of which nothing is left but its length is another name */
                if (distance >= least || distance >= strlen(name) ||
                    !env_name_is_right(entry->d_name) || !env_store_has(store, entry->d_name))
                        continue;
                copy = strdup(entry->d_name);
                if (!copy)
                        break;
                free(nearest);
                nearest = copy;
                least = distance;
        }
        return nearest;
}
