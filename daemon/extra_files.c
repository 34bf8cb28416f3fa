/* SPDX-License-Identifier: MIT */
#include "extra_files.h"

#include "bootstrap/program.h"
#include "common/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct extra_files *extra_files_free(struct extra_files *files)
{
        for (size_t i = 0; i < extra_files_count(files); i++) {
                free(files->entries[i].path);
                free(files->entries[i].name);
                area_unref(files->entries[i].area);
        }
        free(files);
        return NULL;
}

size_t extra_files_count(const struct extra_files *files)
{
        return files ? files->n : 0;
}

static bool texts_equal(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool entries_equal(const struct extra_files_entry *a, const struct extra_files_entry *b)
{
        return texts_equal(a->path, b->path) && a->flags == b->flags &&
               a->permissions == b->permissions && texts_equal(a->name, b->name) &&
               a->size == b->size;
}

bool extra_files_equal(const struct extra_files *a, const struct extra_files *b)
{
        size_t n = extra_files_count(a);

        if (n != extra_files_count(b))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!entries_equal(&a->entries[i], &b->entries[i]))
                        return false;
        return true;
}

int extra_files_make_area(struct extra_files_entry *entry)
{
        return area_new(entry->name ? entry->name : "jumpboot-area", entry->size, &entry->area);
}

/* The next area without a name, from *index on. */
static const struct extra_files_entry *next_nameless(const struct extra_files *files, size_t *index)
{
        while (*index < extra_files_count(files)) {
                const struct extra_files_entry *entry = &files->entries[(*index)++];
                if (!entry->path && !entry->name)
                        return entry;
        }
        return NULL;
}

static const struct extra_files_entry *find_named(const struct extra_files *files, const char *name)
{
        for (size_t i = 0; i < extra_files_count(files); i++)
                if (texts_equal(files->entries[i].name, name))
                        return &files->entries[i];
        return NULL;
}

void extra_files_adopt(struct extra_files *files, const struct extra_files *others)
{
        size_t index = 0;

        for (size_t i = 0; i < extra_files_count(files); i++) {
                struct extra_files_entry *entry = &files->entries[i];
                const struct extra_files_entry *other;

                if (entry->path)
                        continue;
                other = entry->name ? find_named(others, entry->name)
                                    : next_nameless(others, &index);
                if (!other || other->size != entry->size)
                        continue;
                struct area *area = area_ref(other->area);
                area_unref(entry->area);
                entry->area = area;
        }
}

int extra_files_add_to(const struct extra_files *files, struct program *program)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < extra_files_count(files); i++) {
                const struct extra_files_entry *entry = &files->entries[i];
                r = program_add_extra_file(program, entry->path, entry->flags, entry->permissions);
        }
        return r;
}

struct extra_file *extra_files_to_spawn(const struct extra_files *files)
{
        size_t n = extra_files_count(files);
        struct extra_file *spawned = calloc(n + 1, sizeof(*spawned));

        for (size_t i = 0; spawned && i < n; i++) {
                const struct extra_files_entry *entry = &files->entries[i];
                spawned[i] = (struct extra_file){
                        .path = entry->path,
                        .fd = entry->area ? entry->area->fd : -1,
                        .flags = entry->flags,
                        .permissions = entry->permissions,
                };
        }
        return spawned;
}
