/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Memory that all workers of a program share, one after the other as well: it lives as long as the
 * program has it, whatever workers come and go. Nobody can make it shorter or longer.
 */
#include <stdint.h>

struct area {
        unsigned references;
        int fd;
        uint64_t size;
};

/* 0 or a negative errno. */
int area_new(const char *name, uint64_t size, struct area **ret);
struct area *area_ref(struct area *area);
struct area *area_unref(struct area *area);
