/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The deadlines of a pool's requests: a binary heap, the earliest on top. A request knows its
 * place, so that one that is answered early leaves without a search.
 */
#include <stddef.h>
#include <stdint.h>

struct request;

struct deadlines {
        struct request **heap;
        size_t length;
        size_t room;
};

/* Adds a request by its deadline. 0 or -ENOMEM. */
int deadlines_add(struct deadlines *deadlines, struct request *request);
void deadlines_remove(struct deadlines *deadlines, struct request *request);
/* The request whose deadline is the earliest; NULL: there is none. */
struct request *deadlines_first(const struct deadlines *deadlines);
void deadlines_clear(struct deadlines *deadlines);
