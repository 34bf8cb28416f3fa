/* SPDX-License-Identifier: MIT */
#include "call.h"

#include "common/text.h"
#include "common/units.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX  64
#define TIMEOUT_MAX 31536000.0 /* seconds: a year */

enum { JSONRPC, ID, METHOD, PARAMS, TIMEOUT };

const struct envelope_names call_names = {
        .count = 5,
        .name = {"jsonrpc", "id", "method", "params", "timeout"},
};

static void take_id(struct call *call, const struct envelope_span *id, const struct buffer *source)
{
        call->is_notification = false;
        if (id->length <= REQUEST_ID_MAX && id->offset + id->length <= source->length &&
            (id->type == ENVELOPE_STRING || id->type == ENVELOPE_NUMBER)) {
                buffer_copy(source, id->offset, id->length, call->id);
                call->id_length = id->length;
        } else {
                memcpy(call->id, "null", 4);
                call->id_length = 4;
        }
}

void call_read_id(struct call *call, const struct envelope_message *message,
                  const struct buffer *source)
{
        take_id(call, &message->member[ID], source);
}

static const char *id_fault(const struct envelope_span *id)
{
        switch (id->type) {
        case ENVELOPE_ABSENT:
        case ENVELOPE_NULL:
                return NULL;
        case ENVELOPE_STRING:
        case ENVELOPE_NUMBER:
                return id->length <= REQUEST_ID_MAX ? NULL : "an id is at most 256 bytes long";
        default:
                return "an id is a string, a number or null";
        }
}

/* Decodes a string into `out`; its length, or negative: it does not fit. */
static ptrdiff_t read_string(const struct envelope_span *span, const struct buffer *source,
                             char *out, size_t size)
{
        const size_t length = span->length - 2;
        char raw[6 * CALL_METHOD_MAX];

        if (length > 6 * size)
                return -ENOBUFS;
        if (length <= size) { /* nearly always: and then there is nothing to decode */
                buffer_copy(source, span->offset + 1, length, out);
                if (!memchr(out, '\\', length))
                        return (ptrdiff_t)length;
        }
        buffer_copy(source, span->offset + 1, length, raw);
        return text_unescape(raw, length, out, size);
}

bool call_is_of(const struct envelope_message *message, const struct buffer *source, size_t start,
                const char *method)
{
        struct envelope_span span = message->member[METHOD];
        size_t length = strlen(method);
        char text[CALL_METHOD_MAX];

        if (span.type != ENVELOPE_STRING || span.length < length + 2 ||
            span.length > 6 * length + 2)
                return false;
        span.offset += start;
        return read_string(&span, source, text, length) == (ptrdiff_t)length &&
               memcmp(text, method, length) == 0;
}

static const char *read_version(const struct envelope_span *version, const struct buffer *source)
{
        char text[3];

        if (version->type == ENVELOPE_STRING &&
            read_string(version, source, text, sizeof(text)) == 3 && memcmp(text, "2.0", 3) == 0)
                return NULL;
        return "a request has the member \"jsonrpc\": \"2.0\"";
}

static const char *read_method(struct call *call, const struct envelope_span *method)
{
        call->is_unnamed = false;
        call->method_length = 0;
        if (method->type != ENVELOPE_STRING)
                return "a request has a member \"method\", a string: \"program.function\"";
        ptrdiff_t length = read_string(method, call->source, call->method, CALL_METHOD_MAX);
        call->is_unnamed = length < 0;
        call->method_length = length < 0 ? 0 : (size_t)length;
        call->method[call->method_length] = '\0';
        return NULL;
}

static const char *read_timeout(struct call *call, const struct envelope_span *timeout)
{
        char text[NUMBER_MAX + 1];

        if (timeout->type == ENVELOPE_ABSENT)
                return NULL;
        if (timeout->type != ENVELOPE_NUMBER || timeout->length > NUMBER_MAX)
                return "a timeout is a number of seconds over 0";
        buffer_copy(call->source, timeout->offset, timeout->length, text);
        text[timeout->length] = '\0';
        double seconds = strtod(text, NULL);
        if (!(seconds > 0))
                return "a timeout is a number of seconds over 0";
        call->timeout = (uint64_t)ceil(fmin(seconds, TIMEOUT_MAX) * USEC_PER_SEC);
        return NULL;
}

static const char *fault_of(const struct envelope_message *message)
{
        if (message->value.type != ENVELOPE_OBJECT)
                return "a request is an object";
        if (message->fault == ENVELOPE_FAULT_TWICE)
                return "a member stands twice";
        if (message->fault == ENVELOPE_FAULT_MANY)
                return "a request has at most 32 members";
        return NULL;
}

const char *call_read(struct call *call, const struct envelope_message *message,
                      const struct buffer *source)
{
        const struct envelope_span *params = &message->member[PARAMS];
        const char *wrong = fault_of(message);

        call->timeout = 0;
        call->source = source;
        call->params = *params;
        call_read_id(call, message, source);
        if (!wrong)
                wrong = id_fault(&message->member[ID]);
        if (!wrong)
                wrong = read_version(&message->member[JSONRPC], source);
        if (!wrong)
                wrong = read_method(call, &message->member[METHOD]);
        if (!wrong && params->type != ENVELOPE_ABSENT && params->type != ENVELOPE_OBJECT &&
            params->type != ENVELOPE_ARRAY)
                wrong = "params are an object (arguments by name) or an array (by position)";
        if (!wrong)
                wrong = read_timeout(call, &message->member[TIMEOUT]);
        /* What is no valid request cannot be a notification either. */
        call->is_notification = !wrong && message->member[ID].type == ENVELOPE_ABSENT;
        return wrong;
}

const char *call_read_command(struct call *call, const struct buffer *source,
                              const struct envelope_span *id, const struct envelope_span *command,
                              const struct envelope_span *data, const struct envelope_span *timeout)
{
        static const char begin[] = "\"py-";

        call->timeout = 0;
        call->source = source;
        call->params = *data;
        take_id(call, id, source);
        const char *wrong = read_method(call, command);
        if (wrong)
                return "a command is a string: \"program.function\"";
        if (id->type != ENVELOPE_STRING || id->length > REQUEST_ID_MAX ||
            memcmp(call->id, begin, sizeof(begin) - 1) != 0)
                return "the request_id of a call is a string of at most 256 bytes that begins with "
                       "py-";
        return read_timeout(call, timeout);
}
