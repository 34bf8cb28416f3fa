/* SPDX-License-Identifier: MIT */
#include "reply.h"

#include <string.h>

static enum rpc_status status_of(const struct rpc_part *kind)
{
        char text[32];
        enum rpc_status status;

        if (!kind->source || kind->length < 2 || kind->length > sizeof(text))
                return RPC_EXCEPTION;
        buffer_copy(kind->source, kind->offset, kind->length, text);
        status = rpc_status_from_kind(text + 1, kind->length - 2);
        switch (status) {
        case RPC_INVALID_PARAMS:
        case RPC_METHOD_NOT_FOUND:
        case RPC_TOO_LARGE:
                return status;
        default:
                return RPC_EXCEPTION;
        }
}

/* What a program with a loop of its own tells of an error: {"kind", "error", "traceback"}. */
static int plain_error_data(struct rpc_answer *answer, const struct channel_answer *from)
{
        struct buffer *own = &answer->own;
        int r = buffer_append(own, "{\"kind\":\"exception\",\"error\":", 28);

        if (r == 0)
                r = buffer_share(own, from->error.source, from->error.offset, from->error.length);
        if (r == 0 && from->traceback.source)
                r = buffer_append(own, ",\"traceback\":", 13);
        if (r == 0 && from->traceback.source)
                r = buffer_share(own, from->traceback.source, from->traceback.offset,
                                 from->traceback.length);
        if (r == 0)
                r = buffer_append(own, "}", 1);
        if (r == 0)
                answer->data = (struct rpc_part){own, 0, own->length};
        return r;
}

static char first_of(const struct rpc_part *part)
{
        char first = '\0';

        if (part->source)
                buffer_copy(part->source, part->offset, 1, &first);
        return first;
}

void reply_translate(const struct channel_answer *from, struct rpc_answer *answer)
{
        if (from->result.source) {
                answer->result = from->result;
                return;
        }
        answer->status = status_of(&from->kind);
        /* The specification gives this one its wording; which name it was is in the data. */
        if (first_of(&from->error) == '"' && answer->status != RPC_METHOD_NOT_FOUND)
                answer->message = from->error;
        if (first_of(&from->data) == '{')
                answer->data = from->data;
        else if (answer->status == RPC_EXCEPTION && plain_error_data(answer, from) < 0)
                buffer_clear(&answer->own);
}

void reply_refuse(struct rpc_answer *answer, const char *fault)
{
        struct buffer *own = &answer->own;

        rpc_answer_fail(answer, RPC_EXCEPTION, NULL, "%s", fault);
        const struct rpc_part message = {own, own->length, strlen(fault) + 2};
        if (buffer_append(own, "\"", 1) == 0 && buffer_append(own, fault, strlen(fault)) == 0 &&
            buffer_append(own, "\"", 1) == 0)
                answer->message = message;
}
