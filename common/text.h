/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * JSON strings (RFC 8259), between their wire form and plain UTF-8.
 */
#include <stdbool.h>
#include <stddef.h>

/*
 * Decodes the inside of a JSON string, quotes not included, that a scanner has already found to be
 * valid. Writes at most `size` bytes (the result is never longer than the raw form, which it may
 * overwrite) and no NUL.
 * Returns the decoded length, -ENOBUFS, or -EINVAL at an escape that is none after all. A lone
 * surrogate escape becomes U+FFFD.
 */
ptrdiff_t text_unescape(const char *raw, size_t length, char *out, size_t size);

/*
 * The other way: quotes not included, `"`, `\` and control characters escaped, and what is not
 * UTF-8 replaced by U+FFFD, so that the result is always valid JSON. Needs at most 6 * length
 * bytes; returns the length written.
 */
size_t text_escape(const char *text, size_t length, char *out);

/* Whether all of it is well-formed UTF-8 (no surrogates, no overlong forms). */
bool text_is_utf8(const char *text, size_t length);

#define TEXT_DISTANCE_MAX 64U

/*
 * Edit distance of two short names, for "did you mean": counts a swap of neighbours as one. Names
 * past TEXT_DISTANCE_MAX bytes are the same (0) or as far apart as the longer one is long.
 */
unsigned text_distance(const char *a, const char *b);
