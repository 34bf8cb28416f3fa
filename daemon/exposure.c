/* SPDX-License-Identifier: MIT */
#include "exposure.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int add(struct exposure *exposure, const char *path, size_t length)
{
        char **grown = exposure->paths, *copy;

        if ((exposure->n & (exposure->n - 1)) == 0) /* full: the room doubles */
                grown = reallocarray(grown, exposure->n ? exposure->n * 2 : 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        exposure->paths = grown;
        copy = strndup(path, length);
        if (!copy)
                return -ENOMEM;
        grown[exposure->n++] = copy;
        return 0;
}

int exposure_add(struct exposure *exposure, const char *path)
{
        _cleanup_free_ char *real = realpath(path, NULL);
        int r = add(exposure, path, strlen(path));

        return r == 0 && real && strcmp(real, path) != 0 ? add(exposure, real, strlen(real)) : r;
}

void exposure_clear(struct exposure *exposure)
{
        for (size_t i = 0; i < exposure->n; i++)
                free(exposure->paths[i]);
        free(exposure->paths);
        *exposure = (struct exposure){0};
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_and_unite(struct exposure *exposure)
{
        size_t kept = 0;

        qsort(exposure->paths, exposure->n, sizeof(*exposure->paths), compare);
        for (size_t i = 0; i < exposure->n; i++) {
                if (kept > 0 && strcmp(exposure->paths[kept - 1], exposure->paths[i]) == 0)
                        free(exposure->paths[i]);
                else
                        exposure->paths[kept++] = exposure->paths[i];
        }
        exposure->n = kept;
}

static bool has(const struct exposure *exposure, const char *path)
{
        return bsearch(&path, exposure->paths, exposure->n, sizeof(*exposure->paths), compare);
}

/* The folders in which they stand, or the folders around these: each level from the last. */
static int add_folders(struct exposure *folders, const struct exposure *of, bool around)
{
        for (size_t i = 0; i < of->n; i++) {
                const char *path = of->paths[i], *slash = strrchr(path, '/');
                int r;

                while (slash && slash > path) {
                        r = add(folders, path, (size_t)(slash - path));
                        if (r < 0)
                                return r;
                        if (!around)
                                break;
                        slash = memrchr(path, '/', (size_t)(slash - path));
                }
        }
        sort_and_unite(folders);
        return 0;
}

static bool has_group(const struct identity *identity, gid_t group)
{
        if (identity->gid == group)
                return true;
        for (size_t i = 0; i < identity->n_groups; i++)
                if (identity->groups[i] == group)
                        return true;
        return false;
}

/* NULL stands for everybody. An owner may change the mode as well. */
static bool may_write(const struct identity *who, const struct stat *st)
{
        if (!who)
                return st->st_mode & S_IWOTH;
        if (st->st_uid == who->uid)
                return true;
        return st->st_mode & (has_group(who, st->st_gid) ? S_IWGRP : S_IWOTH);
}

/* In a folder with the sticky bit nobody can replace what belongs to others. */
static bool is_sticky_for(const struct identity *who, const struct stat *st)
{
        return S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) && !(who && st->st_uid == who->uid);
}

struct finding {
        const char *first;
        size_t n;
};

/* inner: the folders that `paths` are around, which have been looked at; NULL: none. */
static void find(const struct exposure *paths, const struct identity *who,
                 const struct exposure *inner, struct finding *finding)
{
        struct stat st;

        for (size_t i = 0; i < paths->n; i++) {
                if (stat(paths->paths[i], &st) < 0 || !may_write(who, &st) ||
                    (who && may_write(NULL, &st)) ||
                    (inner && (is_sticky_for(who, &st) || has(inner, paths->paths[i]))))
                        continue;
                if (finding->n++ == 0)
                        finding->first = paths->paths[i];
        }
}

struct places {
        struct exposure *files;
        struct exposure folders; /* those that they stand in, where new ones could appear */
        struct exposure around;  /* and all around these */
};

_printf_(3, 4) static void warn(struct config_errors *errors, const struct finding *finding,
                                const char *format, ...)
{
        const struct config_place place = {.path = finding->first};
        va_list arguments;

        va_start(arguments, format);
        config_errors_addv(errors, true, &place, format, arguments);
        va_end(arguments);
}

static void warn_of(const struct places *places, const struct program_options *program,
                    struct config_errors *errors)
{
        const struct identity *who = program ? &program->identity : NULL;
        struct finding finding = {0};
        char others[64] = "";

        find(places->files, who, NULL, &finding);
        find(&places->folders, who, NULL, &finding);
        find(&places->around, who, &places->folders, &finding);
        if (finding.n == 0)
                return;
        if (finding.n > 1)
                snprintf(others, sizeof(others), ", as can %zu other%s", finding.n - 1,
                         finding.n > 2 ? "s" : "");
        if (program)
                warn(errors, &finding,
                     "can be written by the user that workers of \"%s\" run as (uid %u)%s: whoever "
                     "takes over one of them can change what runs after the next load",
                     program->name, (unsigned)who->uid, others);
        else
                warn(errors, &finding,
                     "can be written by everybody%s: everybody can change what runs after the next "
                     "load",
                     others);
}

static bool is_same(const struct identity *a, const struct identity *b)
{
        return a->uid == b->uid && a->gid == b->gid && a->n_groups == b->n_groups &&
               memcmp(a->groups, b->groups, a->n_groups * sizeof(*a->groups)) == 0;
}

/* Root can write to everything; and nobody is told of twice. */
static bool is_to_be_told(struct program_options *const *programs, size_t index)
{
        const struct identity *who = &programs[index]->identity;

        if (who->uid == 0)
                return false;
        for (size_t i = 0; i < index; i++)
                if (is_same(&programs[i]->identity, who))
                        return false;
        return true;
}

int exposure_warn(struct exposure *exposure, struct program_options *const *programs,
                  size_t n_programs, struct config_errors *errors)
{
        struct places places = {.files = exposure};
        int r;

        sort_and_unite(exposure);
        r = add_folders(&places.folders, exposure, false);
        if (r == 0)
                r = add_folders(&places.around, &places.folders, true);
        if (r == 0)
                warn_of(&places, NULL, errors);
        for (size_t i = 0; r == 0 && i < n_programs; i++)
                if (is_to_be_told(programs, i))
                        warn_of(&places, programs[i], errors);
        exposure_clear(&places.folders);
        exposure_clear(&places.around);
        return r;
}
