/* SPDX-License-Identifier: MIT */
#include "base64.h"

#include <stdint.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *data, size_t length, char *out)
{
        const uint8_t *in = data;

        for (; length >= 3; length -= 3, in += 3) {
                uint32_t group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];

                *out++ = digits[group >> 18];
                *out++ = digits[group >> 12 & 63];
                *out++ = digits[group >> 6 & 63];
                *out++ = digits[group & 63];
        }
        if (length == 0)
                return;

        uint32_t rest = (uint32_t)in[0] << 16 | (length == 2 ? (uint32_t)in[1] << 8 : 0);

        *out++ = digits[rest >> 18];
        *out++ = digits[rest >> 12 & 63];
        *out++ = length == 2 ? digits[rest >> 6 & 63] : '=';
        *out = '=';
}
