/* SPDX-License-Identifier: MIT */
#include "libjumpboot_reply.h"

#include "common/cleanup.h"
#include "common/envelope.h"
#include "common/text.h"

#include <errno.h>
#include <locale.h>
#include <string.h>

const struct envelope_names reply_names = {
        .count = 3,
        .name = {[REPLY_ID] = "id", [REPLY_RESULT] = "result", [REPLY_ERROR] = "error"},
};

enum { ERROR_CODE, ERROR_MESSAGE, ERROR_DATA };
static const struct envelope_names error_names = {
        .count = 3,
        .name = {[ERROR_CODE] = "code", [ERROR_MESSAGE] = "message", [ERROR_DATA] = "data"},
};

enum { DATA_KIND, DATA_TRACEBACK, DATA_RETRY_AFTER };
static const struct envelope_names data_names = {
        .count = 3,
        .name = {[DATA_KIND] = "kind",
                 [DATA_TRACEBACK] = "traceback",
                 [DATA_RETRY_AFTER] = "retry_after"},
};

struct jumpboot_reply *reply_new(uint64_t id, int timeout_ms, uint64_t deadline)
{
        struct jumpboot_reply *reply = calloc(1, sizeof(*reply));

        if (reply) {
                reply->id = id;
                reply->timeout_ms = timeout_ms;
                reply->deadline = deadline;
                reply->retry_after = -1;
        }
        return reply;
}

void jumpboot_reply_free(struct jumpboot_reply *reply)
{
        if (!reply)
                return;
        free(reply->line);
        free(reply->strings);
        free(reply);
}

void reply_fail(struct jumpboot_reply *reply, int status, const char *message)
{
        reply->status = status;
        reply->strings = message ? strdup(message) : NULL;
        reply->message = reply->strings ? reply->strings : jumpboot_strerror(status);
}

void reply_expire(struct jumpboot_reply *reply)
{
        char message[64];

        snprintf(message, sizeof(message), "no answer within %d ms", reply->timeout_ms);
        reply_fail(reply, -ETIMEDOUT, message);
}

/* The members of an object that has been found to be valid before, as offsets from its start. */
static void scan_object(const char *text, const struct envelope_span *object,
                        const struct envelope_names *names, struct envelope_message *ret)
{
        struct envelope envelope;
        size_t used;

        *ret = (struct envelope_message){0};
        if (object->type != ENVELOPE_OBJECT)
                return;
        envelope_init(&envelope, names, 0);
        envelope_feed(&envelope, text + object->offset, object->length, &used);
        envelope_finish(&envelope);
        *ret = envelope.message;
        envelope_clear(&envelope);
}

/* Moves a span from offsets within its object to such within the line. */
static struct envelope_span within(struct envelope_span span, const struct envelope_span *object)
{
        span.offset += object->offset;
        return span;
}

static bool parse_int(const char *text, const struct envelope_span *span, int *ret)
{
        char digits[16];
        char *end;
        long value;

        if (span->type != ENVELOPE_NUMBER || span->length >= sizeof(digits))
                return false;
        memcpy(digits, text + span->offset, span->length);
        digits[span->length] = '\0';
        value = strtol(digits, &end, 10);
        *ret = (int)value;
        return *end == '\0' && *ret == value;
}

/* Whatever the locale's decimal point; negative if it cannot be told. */
static double parse_seconds(const char *text, const struct envelope_span *span)
{
        char digits[64];
        locale_t c_locale;
        double value;

        if (span->type != ENVELOPE_NUMBER || span->length >= sizeof(digits))
                return -1;
        c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
        if (!c_locale)
                return -1;
        memcpy(digits, text + span->offset, span->length);
        digits[span->length] = '\0';
        value = strtod_l(digits, NULL, c_locale);
        freelocale(c_locale);
        return value;
}

/* Decodes a string to *cursor, which moves behind its NUL; NULL if it is none. */
static const char *decode(const char *line, const struct envelope_span *span, char **cursor)
{
        char *text = *cursor;
        ptrdiff_t length;

        if (span->type != ENVELOPE_STRING)
                return NULL;
        length = text_unescape(line + span->offset + 1, span->length - 2, text, span->length - 2);
        text[length] = '\0';
        *cursor += length + 1;
        return text;
}

static const char *terminate(char *line, const struct envelope_span *span, size_t *ret_length)
{
        if (span->type == ENVELOPE_ABSENT)
                return NULL;
        line[span->offset + span->length] = '\0';
        *ret_length = span->length;
        return line + span->offset;
}

/* The data ends where the error ends but for a bracket: it needs a copy to have an end of its own.
 */
static const char *copy(const char *line, const struct envelope_span *span, char **cursor)
{
        char *text = *cursor;

        if (span->type == ENVELOPE_ABSENT)
                return NULL;
        memcpy(text, line + span->offset, span->length);
        text[span->length] = '\0';
        *cursor += span->length + 1;
        return text;
}

/* {"code", "message", "data"}; returns false if it is not that. */
static bool take_error(struct jumpboot_reply *reply, const char *line,
                       const struct envelope_span *error)
{
        struct envelope_message members, parts;
        struct envelope_span message, data, kind, traceback;
        char *cursor;

        scan_object(line, error, &error_names, &members);
        message = within(members.member[ERROR_MESSAGE], error);
        data = within(members.member[ERROR_DATA], error);
        scan_object(line, &data, &data_names, &parts);
        kind = within(parts.member[DATA_KIND], &data);
        traceback = within(parts.member[DATA_TRACEBACK], &data);

        if (members.fault || message.type != ENVELOPE_STRING ||
            !parse_int(line + error->offset, &members.member[ERROR_CODE], &reply->code))
                return false;
        reply->retry_after = parse_seconds(line + data.offset, &parts.member[DATA_RETRY_AFTER]);
        reply->status = JUMPBOOT_EANSWER;
        reply->strings = cursor =
                malloc(message.length + data.length + kind.length + traceback.length + 4);
        if (!cursor) {
                reply->message = jumpboot_strerror(-ENOMEM);
                return true;
        }
        reply->message = decode(line, &message, &cursor);
        reply->kind = decode(line, &kind, &cursor);
        reply->traceback = decode(line, &traceback, &cursor);
        reply->data_length = data.length;
        reply->data = copy(line, &data, &cursor);
        return true;
}

bool reply_take(struct jumpboot_reply *reply, char *line, const struct envelope_message *message)
{
        const struct envelope_span *result = &message->member[REPLY_RESULT];
        const struct envelope_span *error = &message->member[REPLY_ERROR];

        if (message->fault || (result->type != ENVELOPE_ABSENT) == (error->type != ENVELOPE_ABSENT))
                return false;
        if (error->type != ENVELOPE_ABSENT && !take_error(reply, line, error))
                return false;
        reply->line = line;
        reply->result = terminate(line, result, &reply->result_length);
        reply->error = terminate(line, error, &reply->error_length);
        return true;
}

uint64_t jumpboot_reply_id(const struct jumpboot_reply *reply)
{
        return reply->id;
}

int jumpboot_reply_status(const struct jumpboot_reply *reply)
{
        return reply->status;
}

int jumpboot_reply_code(const struct jumpboot_reply *reply)
{
        return reply->code;
}

const char *jumpboot_reply_message(const struct jumpboot_reply *reply)
{
        return reply->message;
}

const char *jumpboot_reply_kind(const struct jumpboot_reply *reply)
{
        return reply->kind;
}

const char *jumpboot_reply_traceback(const struct jumpboot_reply *reply)
{
        return reply->traceback;
}

double jumpboot_reply_retry_after(const struct jumpboot_reply *reply)
{
        return reply->retry_after;
}

static const char *text_of(const char *text, size_t text_length, size_t *length)
{
        if (length)
                *length = text_length;
        return text;
}

const char *jumpboot_reply_result(const struct jumpboot_reply *reply, size_t *length)
{
        return text_of(reply->result, reply->result_length, length);
}

const char *jumpboot_reply_error(const struct jumpboot_reply *reply, size_t *length)
{
        return text_of(reply->error, reply->error_length, length);
}

const char *jumpboot_reply_data(const struct jumpboot_reply *reply, size_t *length)
{
        return text_of(reply->data, reply->data_length, length);
}
