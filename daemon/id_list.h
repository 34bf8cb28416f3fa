/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A list of users, or of groups, as an option has it: their names for people, their numbers for
 * the daemon. It does not change once it is made, and is shared by reference.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct id_list {
        unsigned references;
        size_t n;
        id_t *ids;    /* sorted */
        char **names; /* as they were given, in that order */
};

/* Copies both. NULL: out of memory. */
struct id_list *id_list_new(const char *const *names, const id_t *ids, size_t n);
struct id_list *id_list_ref(struct id_list *list);
struct id_list *id_list_unref(struct id_list *list);

/* Whether they have the same numbers. */
bool id_list_equal(const struct id_list *a, const struct id_list *b);
/* NULL has none. */
bool id_list_has(const struct id_list *list, id_t id);
