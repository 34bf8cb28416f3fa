/* SPDX-License-Identifier: MIT */
#include "zmtp.h"

#include <stdint.h>
#include <string.h>

#define GREETING_SIZE 64
#define SHORT_HEAD    2 /* flags and a byte of length */
#define LONG_HEAD     9 /* flags and eight of them */

enum { FLAG_MORE = 1, FLAG_LONG = 2, FLAG_COMMAND = 4 };

const char *zmtp_greeting(size_t *ret_length)
{
        /* Signature, version 3.0, the mechanism NULL, filled up to 64 bytes; then READY. */
        static const char signature[] = "\xff\0\0\0\0\0\0\0\0\x7f\3\0NULL";
        static const char ready[] = "\4\x1c\5READY\x0bSocket-Type\0\0\0\6DEALER";
        static char greeting[GREETING_SIZE + sizeof(ready) - 1];

        memcpy(greeting, signature, sizeof(signature) - 1);
        memcpy(greeting + GREETING_SIZE, ready, sizeof(ready) - 1);
        *ret_length = sizeof(greeting);
        return greeting;
}

/* One frame: its size with its head, and where its body is. 0: more has to come. */
static size_t find_frame(const char *bytes, size_t length, const char **ret_body,
                         size_t *ret_length)
{
        size_t head = length > 0 && bytes[0] & FLAG_LONG ? LONG_HEAD : SHORT_HEAD;
        uint64_t size = 0;

        if (length < head)
                return 0;
        for (size_t i = 1; i < head; i++)
                size = size << 8 | (unsigned char)bytes[i];
        if (length - head < size)
                return 0;
        *ret_body = bytes + head;
        *ret_length = (size_t)size;
        return head + (size_t)size;
}

size_t zmtp_greeting_size(const char *bytes, size_t length)
{
        const char *body;
        size_t body_length;

        if (length < GREETING_SIZE)
                return 0;
        size_t ready =
                find_frame(bytes + GREETING_SIZE, length - GREETING_SIZE, &body, &body_length);
        return ready > 0 ? GREETING_SIZE + ready : 0;
}

void zmtp_put_head(char buffer[static ZMTP_MESSAGE_HEAD], size_t body)
{
        buffer[0] = FLAG_MORE;
        buffer[1] = 0;
        buffer[2] = FLAG_LONG;
        for (size_t i = 0; i < 8; i++)
                buffer[3 + i] = (char)(body >> 8 * (7 - i));
}

size_t zmtp_find(const char *bytes, size_t length, const char **ret_body, size_t *ret_length)
{
        size_t size = 0;

        for (;;) {
                char flags = size < length ? bytes[size] : 0;
                size_t frame = find_frame(bytes + size, length - size, ret_body, ret_length);
                if (frame == 0)
                        return 0;
                size += frame;
                if (!(flags & (FLAG_MORE | FLAG_COMMAND)))
                        return size;
        }
}
