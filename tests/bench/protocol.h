/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * How calls and answers look: JSON-RPC 2.0, a line each or a message of ZeroMQ each, or HTTP/1.1
 * with the arguments and the result as bodies in JSON.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_HEAD_MAX 512

enum protocol_kind { PROTOCOL_LINES, PROTOCOL_HTTP, PROTOCOL_ZEROMQ };

struct protocol {
        enum protocol_kind kind;
        bool keeps_alive;
        const char *program; /* the first part of a JSON-RPC method */
};

struct answer {
        size_t size;     /* of all of it */
        bool has_number; /* else it answers the oldest call */
        uint64_t number;
        const char *result; /* NULL: an error */
        size_t length;
};

/* What a client says first; *ret_length is 0 if that is nothing. */
const char *protocol_greeting(const struct protocol *protocol, size_t *ret_length);
/* How many bytes the server says first. False: more of them have to come. */
bool protocol_is_greeted(const struct protocol *protocol, const char *bytes, size_t length,
                         size_t *ret_size);

/* What stands before the arguments, of which there are so many bytes. */
size_t protocol_put_head(const struct protocol *protocol, char buffer[static PROTOCOL_HEAD_MAX],
                         const char *function, uint64_t number, size_t params);
/* What stands behind them. */
const char *protocol_tail(const struct protocol *protocol);

/*
 * Looks for a whole answer at the beginning of the bytes; *searched is where to go on once there
 * are more, 0 at first. True: it is there.
 */
bool protocol_find(const struct protocol *protocol, const char *bytes, size_t length,
                   size_t *searched, struct answer *ret);
