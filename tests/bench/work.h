/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the server is asked to do, over and over: the arguments of each call, and whether a result
 * is right. Calls are numbered, and no two that follow each other have the same arguments.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORK_PARAMS_MAX 64 /* bytes of the arguments, without the text of an echo */

struct work {
        const char *function; /* add, echo or burn */
        uint64_t burn;        /* microseconds of CPU time */
        char *text;           /* what an echo gives back: a JSON string with its quotes */
        size_t length;
};

/* "add", "echo:SIZE" with a size as in "64K", or "burn:DURATION" as in "300us". -EINVAL: it is
 * none of these. */
int work_init(struct work *work, const char *spec);
void work_clear(struct work *work);

/* The text of a call's arguments is head, then the work's text, then tail. Returns the length of
 * both, which stand in buffer one after the other; *ret_head is that of the first. */
size_t work_params(const struct work *work, uint64_t number, char buffer[static WORK_PARAMS_MAX],
                   size_t *ret_head);
bool work_is_right(const struct work *work, uint64_t number, const char *result, size_t length);
