/* SPDX-License-Identifier: MIT */
#include "source.h"

#include "common/cleanup.h"
#include "common/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

int source_fail(char error[static SOURCE_ERROR_MAX], int r, const char *what, const char *path)
{
        size_t length = strlen(path), room = SOURCE_ERROR_MAX - 128;
        size_t skip = length > room ? length - room : 0;

        snprintf(error, SOURCE_ERROR_MAX, "cannot %s %s%s: %s", what, skip ? "..." : "",
                 path + skip, strerror(-r));
        return r;
}

/* What the file is was seen before it was opened, and is looked at again after: opening a FIFO, a
 * socket or a device could block or do something. */
static int open_regular(const char *path, size_t *ret_size)
{
        _cleanup_close_ int fd = -1;
        struct stat st;

        if (stat(path, &st) < 0)
                return -errno;
        if (S_ISREG(st.st_mode)) {
                fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
                if (fd < 0 || fstat(fd, &st) < 0)
                        return -errno;
        }
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (!S_ISREG(st.st_mode))
                return -ENOTSUP;
        if ((uintmax_t)st.st_size > SOURCE_SIZE_MAX)
                return -EFBIG;
        *ret_size = (size_t)st.st_size;
        return steal_fd(&fd);
}

/* Reads to the end, even if the file grew since its size was looked at. */
static int read_all(int fd, size_t size, void **ret_data, size_t *ret_length)
{
        _cleanup_free_ char *data = NULL;
        size_t capacity = 0, length = 0;
        ssize_t n;

        do {
                if (length == capacity) {
                        char *larger;

                        if (length > SOURCE_SIZE_MAX)
                                return -EFBIG;
                        capacity = length ? length * 2 : size + 1; /* one more, to see the end */
                        larger = realloc(data, capacity);
                        if (!larger)
                                return -ENOMEM;
                        data = larger;
                }
                n = read(fd, data + length, capacity - length);
                if (n < 0 && errno != EINTR)
                        return -errno;
                length += n > 0 ? (size_t)n : 0;
        } while (n != 0);

        *ret_data = steal(data);
        *ret_length = length;
        return 0;
}

static int read_file(struct source *source, const char *path)
{
        _cleanup_close_ int fd = -1;
        size_t size = 0;

        fd = open_regular(path, &size);
        if (fd < 0)
                return fd;
        return read_all(fd, size, &source->data, &source->length);
}

int source_read(struct source *source, const char *name, const char *path,
                char error[static SOURCE_ERROR_MAX])
{
        int r;

        *source = (struct source){.name = strdup(name)};
        source->path = path_resolve(NULL, path);
        r = source->name && source->path ? read_file(source, source->path) : -ENOMEM;
        if (r >= 0)
                return 0;

        if (r == -EFBIG)
                snprintf(error, SOURCE_ERROR_MAX, "cannot read %.300s: it is larger than 1 GB",
                         path);
        else if (r == -ENOTSUP)
                snprintf(error, SOURCE_ERROR_MAX, "cannot read %.300s: not a regular file", path);
        else
                source_fail(error, r, "read", source->path ? source->path : path);
        source_clear(source);
        return r;
}

int source_set(struct source *source, const char *name, const void *data, size_t length)
{
        *source = (struct source){.name = strdup(name), .data = malloc(length + 1)};
        if (!source->name || !source->data || asprintf(&source->path, "<%s>", name) < 0) {
                source->path = NULL;
                source_clear(source);
                return -ENOMEM;
        }
        if (length > 0)
                memcpy(source->data, data, length);
        source->length = length;
        return 0;
}

void source_clear(struct source *source)
{
        free(source->name);
        free(source->path);
        free(source->data);
        *source = (struct source){0};
}

/* The place where the name stands, or would stand. */
static size_t sources_place(const struct sources *sources, const char *name)
{
        size_t low = 0, high = sources->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(sources->items[middle].name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

const struct source *sources_find(const struct sources *sources, const char *name)
{
        size_t place = sources_place(sources, name);

        if (place == sources->count || strcmp(sources->items[place].name, name) != 0)
                return NULL;
        return &sources->items[place];
}

int sources_insert(struct sources *sources, struct source *source)
{
        size_t place = sources_place(sources, source->name);

        if (sources_find(sources, source->name))
                return -EEXIST;
        if (sources->count == sources->capacity) {
                size_t capacity = sources->capacity ? sources->capacity * 2 : 8;
                struct source *larger = reallocarray(sources->items, capacity, sizeof(*larger));

                if (!larger)
                        return -ENOMEM;
                sources->items = larger;
                sources->capacity = capacity;
        }
        memmove(&sources->items[place + 1], &sources->items[place],
                (sources->count - place) * sizeof(*source));
        sources->items[place] = *source;
        sources->count++;
        *source = (struct source){0};
        return 0;
}

void sources_remove(struct sources *sources, const char *name)
{
        size_t place = sources_place(sources, name);

        if (!sources_find(sources, name))
                return;
        source_clear(&sources->items[place]);
        sources->count--;
        memmove(&sources->items[place], &sources->items[place + 1],
                (sources->count - place) * sizeof(*sources->items));
}

void sources_clear(struct sources *sources)
{
        for (size_t i = 0; i < sources->count; i++)
                source_clear(&sources->items[i]);
        free(sources->items);
        *sources = (struct sources){0};
}
