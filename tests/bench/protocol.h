/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * How calls and answers look: JSON-RPC 2.0, a line each, or HTTP/1.1 with the arguments and the
 * result as bodies in JSON.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_HEAD_MAX 512

struct protocol {
        bool is_http, keeps_alive;
        const char *program; /* the first part of a JSON-RPC method */
};

struct answer {
        size_t size;     /* of all of it */
        bool has_number; /* else it answers the oldest call */
        uint64_t number;
        const char *result; /* NULL: an error */
        size_t length;
};

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
