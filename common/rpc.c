/* SPDX-License-Identifier: MIT */
#include "rpc.h"

#include "text.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <string.h>

#define DETAIL_MAX 2048
#define BEGIN      "{\"jsonrpc\":\"2.0\",\"id\":"
#define RESULT     "\"result\":"

static const struct {
        int code;
        const char *kind;
        const char *message;
} statuses[RPC_STATUS_COUNT] = {
#define STATUS(name, code, kind, message) [RPC_##name] = {code, kind, message},
#include "status.def"
#undef STATUS
};

int rpc_status_code(enum rpc_status status)
{
        return statuses[status].code;
}

const char *rpc_status_kind(enum rpc_status status)
{
        return statuses[status].kind;
}

const char *rpc_status_message(enum rpc_status status)
{
        return statuses[status].message;
}

enum rpc_status rpc_status_from_kind(const char *kind, size_t length)
{
        enum rpc_status status = 0;

        while (status < RPC_STATUS_COUNT && (strlen(statuses[status].kind) != length ||
                                             memcmp(statuses[status].kind, kind, length) != 0))
                status++;
        return status;
}

void rpc_answer_init(struct rpc_answer *answer, struct buffer_pool *pool)
{
        *answer = (struct rpc_answer){.status = RPC_OK};
        buffer_init(&answer->own, pool);
}

void rpc_answer_clear(struct rpc_answer *answer)
{
        buffer_clear(&answer->own);
        rpc_answer_init(answer, answer->own.pool);
}

struct json_object *rpc_json_text(const char *text, size_t length)
{
        if (text_is_utf8(text, length))
                return json_object_new_string_len(text, (int)length);

        _cleanup_free_ char *escaped = malloc(6 * length);
        if (!escaped)
                return NULL;
        size_t escaped_length = text_escape(text, length, escaped);
        ptrdiff_t clean = text_unescape(escaped, escaped_length, escaped, escaped_length);
        return json_object_new_string_len(escaped, (int)clean);
}

/* The tree's text as a part of the answer; the tree is given up. */
static struct rpc_part own_tree(struct rpc_answer *answer, struct json_object *tree)
{
        struct rpc_part part = {.offset = answer->own.length};
        const char *text = json_object_to_json_string_length(
                tree, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &part.length);

        if (text && buffer_append(&answer->own, text, part.length) == 0)
                part.source = &answer->own;
        json_object_put(tree);
        return part;
}

void rpc_answer_fail(struct rpc_answer *answer, enum rpc_status status, struct json_object *data,
                     const char *detail, ...)
{
        rpc_answer_clear(answer);
        answer->status = status;
        if (!data)
                data = json_object_new_object();
        json_object_object_add(data, "kind", json_object_new_string(rpc_status_kind(status)));
        if (detail) {
                char text[DETAIL_MAX];
                va_list arguments;

                va_start(arguments, detail);
                int length = vsnprintf(text, sizeof(text), detail, arguments);
                va_end(arguments);
                if (length >= (int)sizeof(text))
                        length = sizeof(text) - 1;
                json_object_object_add(data, "detail", rpc_json_text(text, (size_t)length));
        }
        answer->data = own_tree(answer, data);
}

void rpc_answer_succeed(struct rpc_answer *answer, struct json_object *result)
{
        rpc_answer_clear(answer);
        answer->result = own_tree(answer, result);
}

void rpc_answer_succeed_own(struct rpc_answer *answer)
{
        answer->status = RPC_OK;
        answer->result = (struct rpc_part){&answer->own, 0, answer->own.length};
}

static int append_format(struct buffer *out, const char *format, ...) _printf_(2, 3);
static int append_format(struct buffer *out, const char *format, ...)
{
        char text[256];
        va_list arguments;

        va_start(arguments, format);
        int length = vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        return buffer_append(out, text, (size_t)length);
}

static int append_part(struct buffer *out, const struct rpc_part *part)
{
        return buffer_share(out, part->source, part->offset, part->length);
}

static int write_error(const struct rpc_answer *answer, struct buffer *out)
{
        enum rpc_status status = answer->status;
        int r = append_format(out, "\"error\":{\"code\":%d,\"message\":", rpc_status_code(status));

        if (r == 0 && answer->message.source)
                r = append_part(out, &answer->message);
        else if (r == 0)
                r = append_format(out, "\"%s\"", rpc_status_message(status));
        if (r == 0)
                r = buffer_append(out, ",\"data\":", 8);
        if (r == 0 && answer->data.source)
                r = append_part(out, &answer->data);
        else if (r == 0)
                r = append_format(out, "{\"kind\":\"%s\"}", rpc_status_kind(status));
        return r == 0 ? buffer_append(out, "}}", 2) : r;
}

static int append_result(const struct rpc_answer *answer, struct buffer *out)
{
        if (answer->result.source)
                return append_part(out, &answer->result);
        return buffer_append(out, "null", 4);
}

static int write_result(const struct rpc_answer *answer, struct buffer *out)
{
        int r = buffer_append(out, RESULT, sizeof(RESULT) - 1);

        if (r == 0)
                r = append_result(answer, out);
        return r == 0 ? buffer_append(out, "}", 1) : r;
}

int rpc_answer_write_outcome(const struct rpc_answer *answer, struct buffer *out)
{
        return answer->status == RPC_OK ? write_result(answer, out) : write_error(answer, out);
}

/* Most answers are results, and short: few steps for them. */
int rpc_answer_write(const struct rpc_answer *answer, const char *id, size_t id_length,
                     struct buffer *out)
{
        const char *then = answer->status == RPC_OK ? "," RESULT : ",";
        const size_t then_length = answer->status == RPC_OK ? sizeof("," RESULT) - 1 : 1;
        char *room = buffer_extend(out, sizeof(BEGIN) - 1 + id_length + then_length);

        if (!room)
                return -ENOMEM;
        room = mempcpy(room, BEGIN, sizeof(BEGIN) - 1);
        room = mempcpy(room, id, id_length);
        memcpy(room, then, then_length);
        if (answer->status != RPC_OK)
                return write_error(answer, out);
        int r = append_result(answer, out);
        return r == 0 ? buffer_append(out, "}", 1) : r;
}
