/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Base64 (RFC 4648, with padding, without line breaks).
 */
#include <stddef.h>

static inline size_t base64_length(size_t length)
{
        return (length / 3 + (length % 3 != 0)) * 4;
}

/* Writes base64_length(length) bytes and no NUL. */
void base64_encode(const void *data, size_t length, char *out);
