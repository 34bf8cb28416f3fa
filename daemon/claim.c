/* SPDX-License-Identifier: MIT */
#include "claim.h"

#include "channel.h"
#include "ledger.h"

/* How many requests are not answered, and the first of them. */
static unsigned count(struct ledger *ledger, uint64_t *ret_first)
{
        unsigned n = 0;

        for (uint64_t ordinal = ledger->sent; ordinal > ledger->answered; ordinal--) {
                if (!ledger_at(ledger, ordinal))
                        continue;
                *ret_first = ordinal;
                n++;
        }
        return n;
}

enum claim claim_of(struct ledger *ledger, const struct channel_answer *answer, bool is_read,
                    uint64_t *ret_ordinal)
{
        uint64_t ordinal = answer->serial ? ledger_find(ledger, answer->serial) : 0;

        *ret_ordinal = ordinal;
        if (ordinal != 0)
                return CLAIM_ONE;
        if (answer->serial != 0 && ledger_has_answered(ledger, answer->serial))
                return CLAIM_STRAY;
        switch (count(ledger, ret_ordinal)) {
        case 0:
                return CLAIM_STRAY;
        case 1:
                if (!is_read)
                        return CLAIM_STRAY;
                return answer->id.source ? CLAIM_FOREIGN : CLAIM_ONE;
        default:
                return CLAIM_UNCLEAR;
        }
}
