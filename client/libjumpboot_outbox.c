/* SPDX-License-Identifier: MIT */
#include "libjumpboot_outbox.h"

#include "common/text.h"
#include "jumpboot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SIZE_MIN  4096U
#define SIZE_IDLE 262144U /* a larger buffer is not kept when there is nothing to send */
#define SENDS_MAX 16      /* in one turn */
#define HEAD_MAX  192U    /* all of a request but the method and the params */

void outbox_clear(struct outbox *outbox)
{
        free(outbox->data);
        *outbox = (struct outbox){.added = outbox->added, .sent = outbox->sent};
}

static int make_room(struct outbox *outbox, size_t length)
{
        size_t size = outbox->size ? outbox->size : SIZE_MIN;
        char *data;

        if (outbox->start > 0) {
                outbox->length -= outbox->start;
                memmove(outbox->data, outbox->data + outbox->start, outbox->length);
                outbox->start = 0;
        }
        /* At least half of it is free afterwards, so that moving is rare. */
        while (size < 2 * outbox->length || size - outbox->length < length)
                size *= 2;
        if (size == outbox->size)
                return 0;
        data = realloc(outbox->data, size);
        if (!data)
                return -ENOMEM;
        outbox->data = data;
        outbox->size = size;
        return 0;
}

/* The id comes first: so the daemon can name the request however long the rest is. */
static char *write_head(char *p, const struct outbox_request *request)
{
        p += sprintf(p, "{\"jsonrpc\":\"2.0\"");
        if (request->id)
                p += sprintf(p, ",\"id\":%" PRIu64, request->id);
        p += sprintf(p, ",\"method\":\"");
        p += text_escape(request->method, strlen(request->method), p);
        *p++ = '"';
        if (request->timeout_ms >= 0)
                p += sprintf(p, ",\"timeout\":%d.%03d", request->timeout_ms / 1000,
                             request->timeout_ms % 1000);
        return p;
}

int outbox_add(struct outbox *outbox, const struct outbox_request *request,
               struct params_fault *ret_fault)
{
        size_t method_length = strlen(request->method);
        size_t params_length = request->params ? strlen(request->params) : 0;
        size_t most = HEAD_MAX + 6 * method_length + params_length;
        char *p;

        if (method_length == 0 || !text_is_utf8(request->method, method_length))
                return JUMPBOOT_EMETHOD;
        if (outbox->size - outbox->length < most && make_room(outbox, most) < 0)
                return -ENOMEM;
        p = write_head(outbox->data + outbox->length, request);
        if (request->params) {
                p = stpcpy(p, ",\"params\":");
                memcpy(p, request->params, params_length);
                if (!params_check(p, params_length, ret_fault))
                        return JUMPBOOT_EPARAMS;
                p += params_length;
        }
        p = stpcpy(p, "}\n");
        outbox->added += (size_t)(p - outbox->data) - outbox->length;
        outbox->length = (size_t)(p - outbox->data);
        return 0;
}

int outbox_send(struct outbox *outbox, int fd)
{
        ssize_t n;

        for (int i = 0; i < SENDS_MAX && !outbox_is_empty(outbox); i++) {
                n = send(fd, outbox->data + outbox->start, outbox->length - outbox->start,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? 0 : -errno;
                outbox->start += (size_t)n;
                outbox->sent += (size_t)n;
        }
        if (outbox_is_empty(outbox)) {
                outbox->start = outbox->length = 0;
                if (outbox->size > SIZE_IDLE)
                        outbox_clear(outbox);
        }
        return 0;
}
