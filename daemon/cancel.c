/* SPDX-License-Identifier: MIT */
#include "cancel.h"

#include "common/text.h"
#include "pool.h"

#include <string.h>

#define PARAMS_MAX 2048U /* the longest id with all of it escaped fits in */

static const char params_fault[] = "params are {\"id\": the id of a request, a string or a number}";

static const struct envelope_names param_names = {.count = 1, .name = {"id"}};

static void take_value(const char *raw, size_t length, struct cancel_id *value)
{
        ptrdiff_t decoded = (ptrdiff_t)length - 1;

        value->length = 0;
        value->text[0] = raw[0];
        if (raw[0] == '"')
                decoded = text_unescape(raw + 1, length - 2, value->text + 1,
                                        sizeof(value->text) - 1);
        else if (length <= sizeof(value->text))
                memcpy(value->text, raw, length);
        else
                return;
        if (decoded >= 0)
                value->length = (size_t)decoded + 1;
}

bool cancel_is_meant(const struct call *call)
{
        return call->method_length == strlen(CANCEL_METHOD) &&
               memcmp(call->method, CANCEL_METHOD, call->method_length) == 0;
}

const char *cancel_read(const struct call *call, struct cancel_id *ret)
{
        char text[PARAMS_MAX];
        struct envelope envelope;
        size_t used;

        if (call->params.type != ENVELOPE_OBJECT || call->params.length > sizeof(text))
                return params_fault;
        buffer_copy(call->source, call->params.offset, call->params.length, text);
        envelope_init(&envelope, &param_names, 0);
        envelope_feed(&envelope, text, call->params.length, &used);
        struct envelope_message message = envelope.message;
        envelope_clear(&envelope);

        const struct envelope_span *id = &message.member[0];
        if (message.fault != ENVELOPE_FAULT_NONE ||
            (id->type != ENVELOPE_STRING && id->type != ENVELOPE_NUMBER))
                return params_fault;
        take_value(text + id->offset, id->length, ret);
        return NULL;
}

bool cancel_names(const struct cancel_id *cancel_id, const char *id, size_t id_length)
{
        struct cancel_id own;

        take_value(id, id_length, &own);
        return own.length > 0 && own.length == cancel_id->length &&
               memcmp(own.text, cancel_id->text, own.length) == 0;
}

void cancel_apply(const struct cancel_id *cancel_id, struct caller *caller, uint64_t now)
{
        struct request *request, *next;

        for (request = TAILQ_FIRST(&caller->requests); request; request = next) {
                next = TAILQ_NEXT(request, of_caller);
                if (request->pool && !request->is_notification &&
                    cancel_names(cancel_id, request->id, request->id_length))
                        pool_cancel(request->pool, request, now);
        }
}
