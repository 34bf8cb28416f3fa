/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A reply is made together with its request, so that ending a request can never fail for want of
 * memory; it is filled in when the request ends.
 */
#include "jumpboot.h"

#include <stdbool.h>
#include <sys/queue.h>

struct envelope_message;

struct jumpboot_reply {
        TAILQ_ENTRY(jumpboot_reply) link; /* of its requests, see libjumpboot_requests.h */
        struct jumpboot_reply *next_in_bucket;
        uint64_t deadline; /* monotonic microseconds, 0: none */
        uint64_t end;      /* of its request, in all bytes that are sent */
        int timeout_ms;    /* as it was asked for; negative: none */

        uint64_t id;
        int status;
        int code;
        double retry_after;
        char *line; /* what the texts below lie in, each NUL-terminated */
        const char *result, *error, *data;
        size_t result_length, error_length, data_length;
        char *strings; /* what the decoded ones lie in, or are NULL */
        const char *message, *kind, *traceback;
};

/* The names that a scanner of answers is to look for, and their places. */
enum { REPLY_ID, REPLY_RESULT, REPLY_ERROR };
extern const struct envelope_names reply_names;

struct jumpboot_reply *reply_new(uint64_t id, int timeout_ms, uint64_t deadline);

/* Ends it without an answer. The message is copied if there is memory for it; NULL: the code's. */
void reply_fail(struct jumpboot_reply *reply, int status, const char *message);
/* Ends it because no answer came in time. */
void reply_expire(struct jumpboot_reply *reply);

/*
 * Ends it with an answer whose scan gave `message`: takes the line, which must have room for one
 * more byte. Returns false, and takes nothing, if this is no answer of JSON-RPC.
 */
bool reply_take(struct jumpboot_reply *reply, char *line, const struct envelope_message *message);
