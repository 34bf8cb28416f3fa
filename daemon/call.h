/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A message of a client, read as a JSON-RPC request, or a call by a worker: what stands in it, or
 * what is wrong with it.
 */
#include "common/buffer.h"
#include "common/envelope.h"
#include "request.h"

#include <stdbool.h>
#include <stdint.h>

#define CALL_METHOD_MAX (REQUEST_FUNCTION_MAX + 128U) /* bytes of a method, decoded */

extern const struct envelope_names call_names;

struct call {
        char id[REQUEST_ID_MAX]; /* raw JSON; "null" where none could be read */
        size_t id_length;
        bool is_notification;
        char method[CALL_METHOD_MAX + 1]; /* decoded, NUL-terminated */
        size_t method_length;
        bool is_unnamed; /* the method is longer than any that there is, and was not kept */
        struct envelope_span params;
        const struct buffer *source; /* where the params lie */
        uint64_t timeout;            /* microseconds; 0: none was given */
};

/* Fills in what there is, the id above all. NULL: it is a request; else what is wrong with it. */
const char *call_read(struct call *call, const struct envelope_message *message,
                      const struct buffer *source);
/* The same for a line by which a worker calls: its request_id, command, data and timeout. */
const char *call_read_command(struct call *call, const struct buffer *source,
                              const struct envelope_span *id, const struct envelope_span *command,
                              const struct envelope_span *data,
                              const struct envelope_span *timeout);
/* Whether the message, which begins at `start` in the source, calls this method; cheap. */
bool call_is_of(const struct envelope_message *message, const struct buffer *source, size_t start,
                const char *method);
/* Only the id, of a line that will not be kept; what it was read from may be cut off already. */
void call_read_id(struct call *call, const struct envelope_message *message,
                  const struct buffer *source);
