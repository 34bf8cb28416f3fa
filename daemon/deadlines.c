/* SPDX-License-Identifier: MIT */
#include "deadlines.h"

#include "request.h"

#include <errno.h>
#include <stdlib.h>

static void put(struct deadlines *deadlines, size_t index, struct request *request)
{
        deadlines->heap[index] = request;
        request->heap_index = index;
}

/* Moves the request up from a free place to where it belongs. */
static void rise(struct deadlines *deadlines, size_t index, struct request *request)
{
        while (index > 0) {
                size_t parent = (index - 1) / 2;
                if (deadlines->heap[parent]->deadline <= request->deadline)
                        break;
                put(deadlines, index, deadlines->heap[parent]);
                index = parent;
        }
        put(deadlines, index, request);
}

/* Moves the request down from a free place to where it belongs. */
static void sink(struct deadlines *deadlines, size_t index, struct request *request)
{
        for (;;) {
                size_t child = 2 * index + 1;
                if (child >= deadlines->length)
                        break;
                if (child + 1 < deadlines->length &&
                    deadlines->heap[child + 1]->deadline < deadlines->heap[child]->deadline)
                        child++;
                if (request->deadline <= deadlines->heap[child]->deadline)
                        break;
                put(deadlines, index, deadlines->heap[child]);
                index = child;
        }
        put(deadlines, index, request);
}

int deadlines_add(struct deadlines *deadlines, struct request *request)
{
        if (deadlines->length == deadlines->room) {
                size_t room = deadlines->room ? 2 * deadlines->room : 16;
                struct request **heap =
                        reallocarray(deadlines->heap, room, sizeof(*deadlines->heap));
                if (!heap)
                        return -ENOMEM;
                deadlines->heap = heap;
                deadlines->room = room;
        }
        rise(deadlines, deadlines->length++, request);
        return 0;
}

void deadlines_remove(struct deadlines *deadlines, struct request *request)
{
        size_t index = request->heap_index;
        struct request *last = deadlines->heap[--deadlines->length];

        if (last == request)
                return;
        if (last->deadline < request->deadline)
                rise(deadlines, index, last);
        else
                sink(deadlines, index, last);
}

struct request *deadlines_first(const struct deadlines *deadlines)
{
        return deadlines->length > 0 ? deadlines->heap[0] : NULL;
}

void deadlines_clear(struct deadlines *deadlines)
{
        free(deadlines->heap);
        *deadlines = (struct deadlines){0};
}
