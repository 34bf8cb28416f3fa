/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The deadlines of a pool's requests. Nearly always a request's is later than all that came before
 * it: these stand in a list, and coming and going costs the same however many there are. The others
 * are in a binary heap, the earliest on top. A request knows its place, so that one that is
 * answered early leaves without a search.
 */
#include <stddef.h>
#include <stdint.h>

struct request;

#define DEADLINES_IN_LIST SIZE_MAX /* in the place of an index into the heap */

struct deadlines {
        size_t length;                /* of both together */
        struct request *first, *last; /* of the list */
        struct request **heap;
        size_t heap_length, heap_room;
};

/* Adds a request by its deadline. 0 or -ENOMEM. */
int deadlines_add(struct deadlines *deadlines, struct request *request);
void deadlines_remove(struct deadlines *deadlines, struct request *request);
/* The request whose deadline is the earliest; NULL: there is none. */
struct request *deadlines_first(const struct deadlines *deadlines);
void deadlines_clear(struct deadlines *deadlines);
