/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What workers need of the daemon around them.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

struct buffer_pool;
struct cgroups;
struct children;
struct event_base;
struct oom;
struct turn;

struct surroundings {
        struct event_base *base;
        struct turn *turn;
        struct buffer_pool *buffers;
        uint64_t max_response_size;
        size_t max_request_size;
        size_t max_buffered;     /* what all buffers may hold */
        size_t max_unread;       /* bytes that a worker may leave unread of what it is sent */
        unsigned max_call_depth; /* of calls by workers within each other */
        struct children *children;
        struct oom *oom;
        struct cgroups *cgroups;   /* NULL: there are none */
        bool is_held_back;         /* too many answers wait for their clients: nothing is begun */
        struct rlimit files_limit; /* RLIMIT_NOFILE as it was, before the daemon raised its own */
};
