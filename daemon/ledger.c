/* SPDX-License-Identifier: MIT */
#include "ledger.h"

#include <stddef.h>

static struct ledger_entry *slot_of(struct ledger *ledger, uint64_t ordinal)
{
        return &ledger->entry[ordinal % LEDGER_SIZE];
}

uint64_t ledger_add(struct ledger *ledger, struct request *request, uint64_t serial, uint64_t now)
{
        if (ledger_is_empty(ledger))
                ledger->head_since = now;
        *slot_of(ledger, ++ledger->sent) =
                (struct ledger_entry){.serial = serial, .request = request};
        return ledger->sent;
}

struct ledger_entry *ledger_at(struct ledger *ledger, uint64_t ordinal)
{
        struct ledger_entry *entry = slot_of(ledger, ordinal);

        if (ordinal <= ledger->answered || ordinal > ledger->sent || entry->is_answered)
                return NULL;
        return entry;
}

void ledger_expect(struct ledger *ledger, uint64_t ordinal, uint64_t expected, size_t bytes)
{
        struct ledger_entry *entry = ledger_at(ledger, ordinal);

        ledger->expected += expected - entry->expected;
        ledger->bytes += bytes - entry->bytes;
        entry->expected = expected;
        entry->bytes = bytes;
}

uint64_t ledger_find(struct ledger *ledger, uint64_t serial)
{
        for (uint64_t ordinal = ledger->answered + 1; ordinal <= ledger->sent; ordinal++) {
                const struct ledger_entry *entry = ledger_at(ledger, ordinal);
                if (entry && entry->serial == serial)
                        return ordinal;
        }
        return 0;
}

bool ledger_has_answered(const struct ledger *ledger, uint64_t serial)
{
        for (size_t i = 0; i < LEDGER_SIZE; i++)
                if (ledger->entry[i].serial == serial && ledger->entry[i].is_answered)
                        return true;
        return false;
}

void ledger_answered(struct ledger *ledger, uint64_t ordinal, uint64_t now)
{
        struct ledger_entry *entry = ledger_at(ledger, ordinal);

        if (!entry)
                return;
        ledger_expect(ledger, ordinal, 0, 0);
        entry->request = NULL;
        entry->is_answered = true;
        if (ordinal != ledger->answered + 1)
                return;
        ledger->head_since = now;
        while (!ledger_is_empty(ledger) && slot_of(ledger, ledger->answered + 1)->is_answered)
                ledger->answered++;
}

struct request *ledger_first_request(struct ledger *ledger)
{
        for (uint64_t ordinal = ledger->answered + 1; ordinal <= ledger->sent; ordinal++) {
                struct request *request = slot_of(ledger, ordinal)->request;
                if (request)
                        return request;
        }
        return NULL;
}

unsigned ledger_count_requests(const struct ledger *ledger)
{
        unsigned n = 0;

        for (uint64_t ordinal = ledger->answered + 1; ordinal <= ledger->sent; ordinal++)
                n += ledger->entry[ordinal % LEDGER_SIZE].request != NULL;
        return n;
}
