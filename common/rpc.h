/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * JSON-RPC 2.0 words: how a request ended, and the answer that says so.
 */
#include "buffer.h"
#include "cleanup.h"

#include <stddef.h>
#include <stdint.h>

enum rpc_status {
#define STATUS(name, code, kind, message) RPC_##name,
#include "status.def"
#undef STATUS
        RPC_STATUS_COUNT
};

int rpc_status_code(enum rpc_status status);
const char *rpc_status_kind(enum rpc_status status);
const char *rpc_status_message(enum rpc_status status);
/* RPC_STATUS_COUNT if there is no such kind. */
enum rpc_status rpc_status_from_kind(const char *kind, size_t length);

/* A value as raw JSON, where it lies: in a worker's input, or in the answer's own buffer. */
struct rpc_part {
        const struct buffer *source; /* NULL: there is none */
        size_t offset;
        size_t length;
};

/*
 * How one request ended. An answer lives on the stack of whoever ends the request, and only while
 * it is passed on; whoever keeps a part of it shares the bytes.
 */
struct rpc_answer {
        enum rpc_status status;
        struct rpc_part result;  /* OK: one value */
        struct rpc_part message; /* else: a string; none: the status' own message */
        struct rpc_part data;    /* else: an object; none: only its kind */
        struct buffer own;
};

void rpc_answer_init(struct rpc_answer *answer, struct buffer_pool *pool);
void rpc_answer_clear(struct rpc_answer *answer);

struct json_object;
/* A string of which nobody knows whether it is UTF-8: what is not becomes U+FFFD. */
struct json_object *rpc_json_text(const char *text, size_t length);

/*
 * Makes an error of the daemon's own. `data` (taken over, may be NULL) are further members beside
 * kind and the formatted detail (may be NULL), which says what is wrong and what would be right.
 * Memory for these few bytes must be there: without it json-c ends the process.
 */
void rpc_answer_fail(struct rpc_answer *answer, enum rpc_status status, struct json_object *data,
                     const char *detail, ...) _printf_(4, 5);
/* Makes a successful answer of a tree; takes the tree over. */
void rpc_answer_succeed(struct rpc_answer *answer, struct json_object *result);
/* The same of JSON that was written to its `own` buffer. */
void rpc_answer_succeed_own(struct rpc_answer *answer);

/*
 * Appends the whole answer object, without a newline. `id` is raw JSON. Returns 0 or -ENOMEM.
 */
int rpc_answer_write(const struct rpc_answer *answer, const char *id, size_t id_length,
                     struct buffer *out);
/* Only its end: "result":...} or "error":{...}} */
int rpc_answer_write_outcome(const struct rpc_answer *answer, struct buffer *out);
