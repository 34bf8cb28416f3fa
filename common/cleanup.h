/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Scope cleanup for locals: what a function acquires it releases on every way out, unless its last
 * step steals it. What the event loop holds is freed explicitly instead; the two are never mixed.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function)             __attribute__((cleanup(function)))
#define _printf_(text, rest)            __attribute__((format(printf, text, rest)))
#define ARRAY_SIZE(array)               (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Gives the value away: the variable it stood in is empty afterwards. */
#define steal(variable)                                                                            \
        ({                                                                                         \
                typeof(variable) *slot_ = &(variable);                                             \
                typeof(variable) value_ = *slot_;                                                  \
                *slot_ = NULL;                                                                     \
                value_;                                                                            \
        })

static inline int steal_fd(int *fd)
{
        int value = *fd;
        *fd = -1;
        return value;
}

/* Closes fd unless it is -1, and gives -1, so that "fd = close_fd(fd)" leaves no stale number. */
static inline int close_fd(int fd)
{
        if (fd >= 0)
                close(fd);
        return -1;
}

static inline void cleanup_free_(void *slot)
{
        free(*(void **)slot);
}

static inline void cleanup_close_(int *fd)
{
        close_fd(*fd);
}

static inline void cleanup_fclose_(FILE **file)
{
        if (*file)
                fclose(*file);
}

static inline void cleanup_closedir_(DIR **dir)
{
        if (*dir)
                closedir(*dir);
}

#define _cleanup_free_     _cleanup_(cleanup_free_)
#define _cleanup_close_    _cleanup_(cleanup_close_)
#define _cleanup_fclose_   _cleanup_(cleanup_fclose_)
#define _cleanup_closedir_ _cleanup_(cleanup_closedir_)
