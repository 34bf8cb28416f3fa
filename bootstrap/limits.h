/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Resource limits of a process, setrlimit(2), and what they are called.
 */
#include <stdbool.h>
#include <sys/resource.h>

enum limit_unit { LIMIT_COUNT, LIMIT_BYTES, LIMIT_SECONDS, LIMIT_MICROSECONDS };

/* By resource. The name is that of setrlimit(2), in small letters and without RLIMIT_. */
struct limit_kind {
        const char *name;
        enum limit_unit unit;
};
extern const struct limit_kind limit_kinds[RLIM_NLIMITS];

struct limits {
        bool is_set[RLIM_NLIMITS]; /* the others stay as they are */
        struct rlimit at[RLIM_NLIMITS];
};

/* The resource of that name, or -1. */
int limits_find(const char *name);
/* For the calling process. -1, or the resource whose limit could not be set, with errno. */
int limits_apply(const struct limits *limits);
