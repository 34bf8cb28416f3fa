/* SPDX-License-Identifier: MIT */
#include "ahead.h"

#include <stdlib.h>

#define LINE_MAX_LOOKED_AT 4096U /* of a longer one no call is made before its turn */

struct ahead *ahead_new(void)
{
        struct ahead *ahead = calloc(1, sizeof(*ahead));

        if (!ahead)
                return NULL;
        /* No elements: a batch is a value like any other. */
        envelope_init(&ahead->envelope, &call_names, 0);
        TAILQ_INIT(&ahead->cancels);
        return ahead;
}

static void forget_first(struct ahead *ahead)
{
        struct ahead_cancel *cancel = TAILQ_FIRST(&ahead->cancels);

        TAILQ_REMOVE(&ahead->cancels, cancel, link);
        ahead->n_cancels--;
        free(cancel);
}

struct ahead *ahead_free(struct ahead *ahead)
{
        if (!ahead)
                return NULL;
        while (ahead->n_cancels > 0)
                forget_first(ahead);
        envelope_clear(&ahead->envelope);
        free(ahead);
        return NULL;
}

/* Keeps a cancel for its turn; without memory it acts only now and then. */
static void keep(struct ahead *ahead, const struct cancel_id *id)
{
        struct ahead_cancel *cancel =
                ahead->n_cancels < AHEAD_KEPT_MAX ? malloc(sizeof(*cancel)) : NULL;

        if (!cancel)
                return;
        cancel->line = ahead->passed + ahead->start;
        cancel->id = *id;
        TAILQ_INSERT_TAIL(&ahead->cancels, cancel, link);
        ahead->n_cancels++;
}

/* The line has ended: a cancel acts now, whatever else it is waits for its turn. */
static void take_line(struct ahead *ahead, const struct buffer *in, struct caller *caller,
                      uint64_t now)
{
        const struct envelope *envelope = &ahead->envelope;
        struct buffer line;
        struct cancel_id id;
        struct call call;

        if (envelope->error != ENVELOPE_OK || envelope->length > LINE_MAX_LOOKED_AT ||
            !call_is_of(&envelope->message, in, ahead->start, CANCEL_METHOD))
                return;
        buffer_init(&line, in->pool);
        if (buffer_share(&line, in, ahead->start, envelope->length) == 0 &&
            !call_read(&call, &envelope->message, &line) && !cancel_read(&call, &id)) {
                keep(ahead, &id);
                cancel_apply(&id, caller, now);
        }
        buffer_clear(&line);
}

void ahead_look(struct ahead *ahead, const struct buffer *in, struct caller *caller, uint64_t now)
{
        struct envelope *envelope = &ahead->envelope;
        const uint8_t *data;
        size_t length, used;

        while ((length = buffer_peek(in, ahead->start + envelope->length, &data)) > 0) {
                if (envelope_feed(envelope, data, length, &used) != ENVELOPE_LINE)
                        continue;
                take_line(ahead, in, caller, now);
                ahead->start += envelope->length + 1;
                envelope_reset(envelope);
        }
}

bool ahead_is_cancelled(const struct ahead *ahead, const char *id, size_t id_length)
{
        const struct ahead_cancel *cancel;

        if (!ahead)
                return false;
        TAILQ_FOREACH (cancel, &ahead->cancels, link)
                if (cancel_names(&cancel->id, id, id_length))
                        return true;
        return false;
}

void ahead_dropped(struct ahead *ahead, size_t length)
{
        if (!ahead)
                return;
        ahead->passed += length;
        while (ahead->n_cancels > 0 && TAILQ_FIRST(&ahead->cancels)->line < ahead->passed)
                forget_first(ahead);
        if (length > ahead->start) {
                envelope_reset(&ahead->envelope);
                ahead->start = 0;
        } else {
                ahead->start -= length;
        }
}
