/* SPDX-License-Identifier: MIT */
#include "client_input.h"

#include "calls.h"
#include "client.h"
#include "common/cleanup.h"
#include "common/units.h"

#include <stdlib.h>

#define OUT_MAX (1024U * 1024U) /* unsent bytes past which no more is read */

bool client_is_amid_line(const struct client *client)
{
        return client->envelope.length > 0;
}

static bool may_take_more(const struct client *client)
{
        return client->fd >= 0 && !client->is_failed &&
               client->caller.n_requests < client->around->max_requests &&
               client->out.length < OUT_MAX;
}

/* It waits for answers to its requests, not for the client to take some. */
static bool is_at_limit(const struct client *client)
{
        return client->fd >= 0 && !client->is_failed &&
               client->caller.n_requests >= client->around->max_requests &&
               client->out.length < OUT_MAX;
}

/* At the limit the buffer is filled, for the cancels in it. */
size_t client_input_limit(const struct client *client)
{
        if (may_take_more(client))
                return buffer_read_limit(client->envelope.length);
        if (is_at_limit(client) && client->in.length < BUFFER_CHUNK_SIZE)
                return BUFFER_CHUNK_SIZE - client->in.length;
        return 0;
}

bool client_input_is_left(const struct client *client)
{
        return client->in.length > client->envelope.length - client->dropped;
}

static void drop_input(struct client *client, size_t length)
{
        buffer_drop(&client->in, length);
        ahead_dropped(client->ahead, length);
}

/* The line has ended at the envelope's length: makes ready for the next one. */
static void leave_line(struct client *client, size_t newline)
{
        if (client->fd < 0)
                return;
        drop_input(client, client->envelope.length - client->dropped + newline);
        envelope_reset(&client->envelope);
        client->dropped = 0;
        client->is_exempt = false;
        free(steal(client->oversize));
}

/* The line is longer than allowed: of all of it only the id is kept, if it has been seen. */
static void become_oversize(struct client *client)
{
        client->oversize = calloc(1, sizeof(*client->oversize));
        if (!client->oversize)
                client_drop(client);
        else
                call_read_id(client->oversize, &client->envelope.message, &client->in);
}

/* Scans one run of bytes, and takes the line if it ends there. */
static void scan_run(struct client *client, const uint8_t *data, size_t length)
{
        struct envelope *envelope = &client->envelope;
        size_t used;

        /* For one line it stays what it is; a reload may change it for the next. */
        if (envelope->length == 0)
                envelope->max_elements = client->around->max_requests;
        bool was_whole = envelope->error == ENVELOPE_OK;
        enum envelope_progress progress = envelope_feed(envelope, data, length, &used);

        if (!client->oversize && was_whole && envelope->length > client->around->max_request_size)
                become_oversize(client);
        if (client->fd < 0)
                return;
        if (progress == ENVELOPE_LINE) {
                calls_take_line(client);
                leave_line(client, 1);
        } else if (client->oversize || envelope->error != ENVELOPE_OK) {
                size_t gone = envelope->length - client->dropped;
                drop_input(client, gone);
                client->dropped += gone;
        }
}

/* What waits in the buffer may be cancels. */
static void look_ahead(struct client *client)
{
        if (!is_at_limit(client) || client_is_amid_line(client) || buffer_is_empty(&client->in))
                return;
        if (!client->ahead)
                client->ahead = ahead_new();
        if (client->ahead)
                ahead_look(client->ahead, &client->in, &client->caller, units_now());
}

void client_input_scan(struct client *client)
{
        const uint8_t *data;
        size_t length;

        while (may_take_more(client) &&
               (length = buffer_peek(&client->in, client->envelope.length - client->dropped,
                                     &data)) > 0)
                scan_run(client, data, length);
        if (client->is_eof && may_take_more(client) && client_is_amid_line(client)) {
                envelope_finish(&client->envelope);
                calls_take_line(client);
                leave_line(client, 0);
        }
        look_ahead(client);
        if (client->fd < 0)
                return;
        if (buffer_is_empty(&client->in))
                client->ahead = ahead_free(client->ahead);
        buffer_compact(&client->in);
}
