/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Memory that has a descriptor, and no name that anybody could open.
 */
#include <stddef.h>
#include <stdint.h>

/* A descriptor of memory of that many bytes, all zeros, or a negative errno. It can be sealed. The
 * name is what /proc shows. */
int memfd_make(const char *name, uint64_t size);
