/* SPDX-License-Identifier: MIT */
#include "protocol.h"

#include "zmtp.h"

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

const char *protocol_greeting(const struct protocol *protocol, size_t *ret_length)
{
        *ret_length = 0;
        return protocol->kind == PROTOCOL_ZEROMQ ? zmtp_greeting(ret_length) : "";
}

bool protocol_is_greeted(const struct protocol *protocol, const char *bytes, size_t length,
                         size_t *ret_size)
{
        *ret_size = protocol->kind == PROTOCOL_ZEROMQ ? zmtp_greeting_size(bytes, length) : 0;
        return protocol->kind != PROTOCOL_ZEROMQ || *ret_size > 0;
}

static size_t put_http(const struct protocol *protocol, char buffer[static PROTOCOL_HEAD_MAX],
                       const char *function, size_t params)
{
        return (size_t)snprintf(
                buffer, PROTOCOL_HEAD_MAX,
                "POST /%s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
                "%sContent-Length: %zu\r\n\r\n",
                function, protocol->keeps_alive ? "" : "Connection: close\r\n", params);
}

static size_t put_line(const struct protocol *protocol, char *buffer, size_t size,
                       const char *function, uint64_t number)
{
        return (size_t)snprintf(buffer, size,
                                LINE_HEAD "%" PRIu64 ",\"method\":\"%s.%s\",\"params\":", number,
                                protocol->program, function);
}

size_t protocol_put_head(const struct protocol *protocol, char buffer[static PROTOCOL_HEAD_MAX],
                         const char *function, uint64_t number, size_t params)
{
        if (protocol->kind == PROTOCOL_HTTP)
                return put_http(protocol, buffer, function, params);
        if (protocol->kind == PROTOCOL_LINES)
                return put_line(protocol, buffer, PROTOCOL_HEAD_MAX, function, number);
        size_t n = put_line(protocol, buffer + ZMTP_MESSAGE_HEAD,
                            PROTOCOL_HEAD_MAX - ZMTP_MESSAGE_HEAD, function, number);
        zmtp_put_head(buffer, n + params + strlen(protocol_tail(protocol)));
        return ZMTP_MESSAGE_HEAD + n;
}

const char *protocol_tail(const struct protocol *protocol)
{
        static const char *const tails[] = {
                [PROTOCOL_LINES] = "}\n", [PROTOCOL_HTTP] = "", [PROTOCOL_ZEROMQ] = "}"};

        return tails[protocol->kind];
}

static bool starts_with(const char *bytes, size_t length, const char *text, size_t n)
{
        return length >= n && memcmp(bytes, text, n) == 0;
}

/* {"jsonrpc":"2.0","id":17,"result":3}, in just this layout. */
static void read_line(const char *line, size_t length, struct answer *answer)
{
        const char *end = line + length - 1; /* where the brace should be */
        char *p;

        if (length < sizeof(LINE_HEAD) + 1 || !starts_with(line, length, LITERAL(LINE_HEAD)))
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
        read_line(bytes, ret->size - 1, ret);
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

static bool find_message(const char *bytes, size_t length, struct answer *ret)
{
        const char *body;
        size_t n;

        ret->size = zmtp_find(bytes, length, &body, &n);
        if (ret->size > 0)
                read_line(body, n, ret);
        return ret->size > 0;
}

bool protocol_find(const struct protocol *protocol, const char *bytes, size_t length,
                   size_t *searched, struct answer *ret)
{
        *ret = (struct answer){0};
        bool is_found = false;

        switch (protocol->kind) {
        case PROTOCOL_LINES:
                is_found = find_line(bytes, length, searched, ret);
                break;
        case PROTOCOL_HTTP:
                is_found = find_response(bytes, length, ret);
                break;
        case PROTOCOL_ZEROMQ:
                is_found = find_message(bytes, length, ret);
                break;
        }
        if (is_found)
                *searched = 0;
        return is_found;
}
