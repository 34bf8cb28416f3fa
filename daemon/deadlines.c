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
                if (child >= deadlines->heap_length)
                        break;
                if (child + 1 < deadlines->heap_length &&
                    deadlines->heap[child + 1]->deadline < deadlines->heap[child]->deadline)
                        child++;
                if (request->deadline <= deadlines->heap[child]->deadline)
                        break;
                put(deadlines, index, deadlines->heap[child]);
                index = child;
        }
        put(deadlines, index, request);
}

static int add_to_heap(struct deadlines *deadlines, struct request *request)
{
        if (deadlines->heap_length == deadlines->heap_room) {
                size_t room = deadlines->heap_room ? 2 * deadlines->heap_room : 16;
                struct request **heap =
                        reallocarray(deadlines->heap, room, sizeof(*deadlines->heap));
                if (!heap)
                        return -ENOMEM;
                deadlines->heap = heap;
                deadlines->heap_room = room;
        }
        rise(deadlines, deadlines->heap_length++, request);
        return 0;
}

static void remove_from_heap(struct deadlines *deadlines, struct request *request)
{
        size_t index = request->heap_index;
        struct request *last = deadlines->heap[--deadlines->heap_length];

        if (last == request)
                return;
        if (last->deadline < request->deadline)
                rise(deadlines, index, last);
        else
                sink(deadlines, index, last);
}

static void add_to_list(struct deadlines *deadlines, struct request *request)
{
        request->heap_index = DEADLINES_IN_LIST;
        request->earlier = deadlines->last;
        request->later = NULL;
        if (deadlines->last)
                deadlines->last->later = request;
        else
                deadlines->first = request;
        deadlines->last = request;
}

static void remove_from_list(struct deadlines *deadlines, struct request *request)
{
        if (request->earlier)
                request->earlier->later = request->later;
        else
                deadlines->first = request->later;
        if (request->later)
                request->later->earlier = request->earlier;
        else
                deadlines->last = request->earlier;
}

int deadlines_add(struct deadlines *deadlines, struct request *request)
{
        int r = 0;

        if (deadlines->last && request->deadline < deadlines->last->deadline)
                r = add_to_heap(deadlines, request);
        else
                add_to_list(deadlines, request);
        deadlines->length += r == 0;
        return r;
}

void deadlines_remove(struct deadlines *deadlines, struct request *request)
{
        deadlines->length--;
        if (request->heap_index == DEADLINES_IN_LIST)
                remove_from_list(deadlines, request);
        else
                remove_from_heap(deadlines, request);
}

struct request *deadlines_first(const struct deadlines *deadlines)
{
        struct request *in_heap = deadlines->heap_length > 0 ? deadlines->heap[0] : NULL;
        struct request *in_list = deadlines->first;

        if (in_heap && in_list)
                return in_heap->deadline < in_list->deadline ? in_heap : in_list;
        return in_heap ? in_heap : in_list;
}

void deadlines_clear(struct deadlines *deadlines)
{
        free(deadlines->heap);
        *deadlines = (struct deadlines){0};
}
