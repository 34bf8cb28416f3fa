/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Values of `env`, in which "${slot}" stands for the worker's number in its pool. "$${" stands for
 * "${" itself; every other "$" is one.
 */
#include <stdbool.h>
#include <stddef.h>

#define SLOT_TEXT_FAULT_MAX 256

/* Whether it is right; says why not in `fault`. */
bool slot_text_is_right(const char *text, char fault[static SLOT_TEXT_FAULT_MAX]);
bool slot_text_uses_slot(const char *text);
/* Writes what it stands for, with a NUL behind it; returns its length. out NULL: the length alone.
 */
size_t slot_text_expand(const char *text, unsigned slot, char *out);
