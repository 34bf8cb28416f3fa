/* SPDX-License-Identifier: MIT */
#include "libjumpboot_inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SIZE_MIN         65536U
#define READ_MIN         16384U  /* with less room than this it grows */
#define READ_MAX         262144U /* at once; so what follows a large line is never much to copy */
#define TAKE_MIN         65536U  /* a line from this length on is given away */
#define KEPT_OF_TOO_LONG 4096U

void inbox_init(struct inbox *inbox, const struct envelope_names *names, size_t max_line)
{
        *inbox = (struct inbox){.max_line = max_line};
        envelope_init(&inbox->envelope, names, 0);
}

void inbox_clear(struct inbox *inbox)
{
        envelope_clear(&inbox->envelope);
        free(inbox->data);
        inbox->data = NULL;
        inbox->size = inbox->length = inbox->start = inbox->scanned = inbox->skipped = 0;
}

static int resize(struct inbox *inbox, size_t size)
{
        char *data = realloc(inbox->data, size);

        if (!data)
                return -ENOMEM;
        inbox->data = data;
        inbox->size = size;
        return 0;
}

ssize_t inbox_read(struct inbox *inbox, int fd, bool *ret_more)
{
        size_t room = inbox->size - inbox->length;
        ssize_t n;

        *ret_more = false;
        if (room < READ_MIN) {
                if (resize(inbox, inbox->size ? inbox->size * 2 : SIZE_MIN) < 0)
                        return -ENOMEM;
                room = inbox->size - inbox->length;
        }
        if (room > READ_MAX)
                room = READ_MAX;
        do
                n = recv(fd, inbox->data + inbox->length, room, MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        inbox->length += (size_t)n;
        *ret_more = (size_t)n == room;
        return n;
}

/* What stays of a line that goes on is moved to the front, so that there is room behind it. */
static void settle(struct inbox *inbox)
{
        size_t rest = inbox->length - inbox->start;

        if (inbox->start > 0 && rest > 0)
                memmove(inbox->data, inbox->data + inbox->start, rest);
        if (rest > inbox->max_line && rest > KEPT_OF_TOO_LONG) {
                inbox->skipped += rest - KEPT_OF_TOO_LONG;
                rest = KEPT_OF_TOO_LONG;
                if (inbox->size > SIZE_MIN)
                        resize(inbox,
                               SIZE_MIN); /* it can only get smaller: it cannot matter if not */
        }
        inbox->start = 0;
        inbox->length = inbox->scanned = rest;
}

bool inbox_next(struct inbox *inbox)
{
        enum envelope_progress progress = ENVELOPE_MORE;
        size_t used = 0;

        if (inbox->scanned < inbox->length)
                progress = envelope_feed(&inbox->envelope, inbox->data + inbox->scanned,
                                         inbox->length - inbox->scanned, &used);
        inbox->scanned += used;
        if (progress == ENVELOPE_LINE)
                return true;
        settle(inbox);
        return false;
}

void inbox_done(struct inbox *inbox)
{
        envelope_reset(&inbox->envelope);
        inbox->start = inbox->scanned;
        inbox->skipped = 0;
}

/* The newline not counted. */
static size_t line_length(const struct inbox *inbox)
{
        return inbox->scanned - 1 - inbox->start;
}

bool inbox_line_is_kept(const struct inbox *inbox)
{
        return inbox->skipped == 0 && line_length(inbox) <= inbox->max_line;
}

const char *inbox_line_span(const struct inbox *inbox, const struct envelope_span *span)
{
        size_t kept = inbox->skipped ? KEPT_OF_TOO_LONG : line_length(inbox);

        return span->offset + span->length <= kept ? inbox->data + inbox->start + span->offset
                                                   : NULL;
}

/* The whole buffer becomes the line; what follows the line moves to a new one. */
static char *give_away(struct inbox *inbox)
{
        char *line = inbox->data, *smaller;
        size_t rest = inbox->length - inbox->scanned;
        char *data = malloc(rest + SIZE_MIN);

        if (!data)
                return NULL;
        memcpy(data, line + inbox->scanned, rest);
        smaller = realloc(line, inbox->scanned);
        if (smaller)
                line = smaller;
        inbox->data = data;
        inbox->size = rest + SIZE_MIN;
        inbox->length = rest;
        inbox->scanned = 0;
        return line;
}

char *inbox_take_line(struct inbox *inbox)
{
        size_t length = line_length(inbox);
        char *line;

        if (inbox->start == 0 && length >= TAKE_MIN)
                return give_away(inbox);
        line = malloc(length + 1);
        if (line)
                memcpy(line, inbox->data + inbox->start, length);
        return line;
}
