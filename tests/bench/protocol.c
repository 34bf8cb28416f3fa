/* SPDX-License-Identifier: MIT */
#include "protocol.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_HEAD   "{\"jsonrpc\":\"2.0\",\"id\":"
#define RESULT      ",\"result\":"
#define LENGTH      "content-length:"
#define HTTP_OK     "HTTP/1.1 200"
#define HEADERS_MAX 8192
#define LITERAL(s)  (s), (sizeof(s) - 1)

size_t protocol_put_head(const struct protocol *protocol, char buffer[static PROTOCOL_HEAD_MAX],
                         const char *function, uint64_t number, size_t params)
{
        int n;

        if (protocol->is_http)
                n = snprintf(
                        buffer, PROTOCOL_HEAD_MAX,
                        "POST /%s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
                        "%sContent-Length: %zu\r\n\r\n",
                        function, protocol->keeps_alive ? "" : "Connection: close\r\n", params);
        else
                n = snprintf(buffer, PROTOCOL_HEAD_MAX,
                             LINE_HEAD "%" PRIu64 ",\"method\":\"%s.%s\",\"params\":", number,
                             protocol->program, function);
        return (size_t)n;
}

const char *protocol_tail(const struct protocol *protocol)
{
        return protocol->is_http ? "" : "}\n";
}

static bool starts_with(const char *bytes, size_t length, const char *text, size_t n)
{
        return length >= n && memcmp(bytes, text, n) == 0;
}

/* {"jsonrpc":"2.0","id":17,"result":3} and a newline, in just this layout. */
static void read_line(const char *line, size_t length, struct answer *answer)
{
        const char *end = line + length - 2; /* where the brace should be */
        char *p;

        if (length < sizeof(LINE_HEAD) + 2 || !starts_with(line, length, LITERAL(LINE_HEAD)))
                return;
        answer->number = strtoull(line + sizeof(LINE_HEAD) - 1, &p, 10);
        answer->has_number = p > line + sizeof(LINE_HEAD) - 1;
        if (!starts_with(p, (size_t)(end - p), LITERAL(RESULT)) || *end != '}')
                return;
        answer->result = p + sizeof(RESULT) - 1;
        answer->length = (size_t)(end - answer->result);
}

static bool find_line(const char *bytes, size_t length, size_t *searched, struct answer *ret)
{
        const char *newline = memchr(bytes + *searched, '\n', length - *searched);

        *searched = length;
        if (!newline)
                return false;
        ret->size = (size_t)(newline - bytes) + 1;
        read_line(bytes, ret->size, ret);
        return true;
}

/* The value of Content-Length. False: there is none. */
static bool read_body_length(const char *head, const char *end, size_t *ret)
{
        const char *p = head;

        while ((p = memmem(p, (size_t)(end - p), "\r\n", 2))) {
                p += 2;
                if ((size_t)(end - p) >= sizeof(LENGTH) - 1 &&
                    strncasecmp(p, LENGTH, sizeof(LENGTH) - 1) == 0) {
                        *ret = strtoull(p + sizeof(LENGTH) - 1, NULL, 10);
                        return true;
                }
        }
        return false;
}

/* One without a length, or with another status, is an error. */
static bool find_response(const char *bytes, size_t length, struct answer *ret)
{
        const char *end = memmem(bytes, length < HEADERS_MAX ? length : HEADERS_MAX, "\r\n\r\n", 4);
        size_t body;

        if (!end) {
                ret->size = length;
                return length >= HEADERS_MAX;
        }
        size_t head = (size_t)(end - bytes) + 4;
        if (!read_body_length(bytes, end, &body)) {
                ret->size = length;
                return true;
        }
        ret->size = head + body;
        if (length < ret->size)
                return false;
        if (starts_with(bytes, length, LITERAL(HTTP_OK))) {
                ret->result = bytes + head;
                ret->length = body;
        }
        return true;
}

bool protocol_find(const struct protocol *protocol, const char *bytes, size_t length,
                   size_t *searched, struct answer *ret)
{
        *ret = (struct answer){0};
        bool is_found = protocol->is_http ? find_response(bytes, length, ret)
                                          : find_line(bytes, length, searched, ret);
        if (is_found)
                *searched = 0;
        return is_found;
}
