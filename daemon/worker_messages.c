/* SPDX-License-Identifier: MIT */
#include "worker_messages.h"

#include "claim.h"
#include "common/units.h"
#include "reply.h"
#include "worker.h"

#include <inttypes.h>
#include <string.h>

bool worker_has_unread_request(const struct worker *worker)
{
        return worker->called_within != worker->ledger.sent && channel_has_unread(&worker->channel);
}

/* It has come to the end of this one. The request, if anybody waits for it; NULL: nobody does. */
static struct request *book(struct worker *worker, uint64_t ordinal, uint64_t now)
{
        struct ledger_entry *entry = ledger_at(&worker->ledger, ordinal);
        struct request *request = entry->request;
        uint64_t next;

        worker->served += !entry->is_skipped;
        ledger_answered(&worker->ledger, ordinal, now);
        if ((next = ledger_head(&worker->ledger)))
                output_forget_tail(&worker->process.err, ledger_at(&worker->ledger, next)->serial,
                                   pages_counts(&worker->pages).started >= next);
        return request;
}

/* Hands an answer on; that of a request which nobody waits for any more reaches nobody. */
static void finish(struct worker *worker, uint64_t ordinal, const struct rpc_answer *answer)
{
        uint64_t now = units_now();
        struct request *request = book(worker, ordinal, now);

        if (request)
                request->worker = NULL;
        worker->events->answered(worker->pool, worker, request, answer, now);
}

static void take_answer(struct worker *worker, uint64_t ordinal, const struct channel_answer *from)
{
        struct rpc_answer answer;

        rpc_answer_init(&answer, worker->around->buffers);
        reply_translate(from, &answer);
        finish(worker, ordinal, &answer);
        rpc_answer_clear(&answer);
}

/* Its answer to a request that is not wanted: it has not run it, and will not. */
static bool is_skip(const struct channel_answer *from)
{
        static const char kind[] = "\"cancelled\"";
        char text[sizeof(kind)] = "";

        if (!from->kind.source || from->kind.length != sizeof(kind) - 1)
                return false;
        buffer_copy(from->kind.source, from->kind.offset, from->kind.length, text);
        return strcmp(text, kind) == 0;
}

static bool was_skipped(struct worker *worker, uint64_t ordinal, const struct channel_answer *from)
{
        const struct ledger_entry *entry = ledger_at(&worker->ledger, ordinal);

        return entry->may_be_skipped && entry->request && is_skip(from);
}

/* It was too late to take the request back, by what was read, and just in time all the same. */
static void take_skip(struct worker *worker, uint64_t ordinal)
{
        uint64_t now = units_now();
        struct request *request = book(worker, ordinal, now);

        worker->served--;
        request->worker = NULL;
        worker->events->skipped(worker->pool, worker, request, now);
}

/* Answers a request for which the worker has written what is no answer. */
static void refuse_answer(struct worker *worker, uint64_t ordinal, const char *fault)
{
        struct rpc_answer answer;

        log_warning(&worker->process.context, "%s", fault);
        rpc_answer_init(&answer, worker->around->buffers);
        reply_refuse(&answer, fault);
        finish(worker, ordinal, &answer);
        rpc_answer_clear(&answer);
}

static bool is_whole(const struct channel_answer *from)
{
        return !from->result.source != !from->error.source;
}

/* Whether it came before, over the pipe or from what the worker held. The n-th answer on the pipe
 * is that to the n-th request. */
static bool is_repeated(struct worker *worker, uint64_t ordinal)
{
        if (worker->takes_held)
                return ordinal == 0;
        return ++worker->written <= worker->ledger.answered;
}

/* Of our own loop, which keeps to the rules: whatever does not is a sign of something worse. */
static void take_ours(struct worker *worker, const struct channel_answer *from)
{
        uint64_t ordinal = from->serial ? ledger_find(&worker->ledger, from->serial) : 0;

        if (is_repeated(worker, ordinal))
                return;
        if (!is_whole(from))
                process_fail(&worker->process, "it wrote an answer without exactly one of result "
                                               "and error");
        else if (ordinal == 0)
                process_fail(&worker->process, "it answered a request that it does not have");
        else if (ordinal != ledger_head(&worker->ledger))
                process_fail(&worker->process, "it answered its requests out of their order");
        else if (was_skipped(worker, ordinal, from))
                take_skip(worker, ordinal);
        else
                take_answer(worker, ordinal, from);
}

/* Of a loop of the program's own. */
static void take_theirs(struct worker *worker, const struct channel_answer *from)
{
        uint64_t ordinal = from->serial ? ledger_find(&worker->ledger, from->serial) : 0;
        bool is_read = ordinal != 0 || !worker_has_unread_request(worker);

        switch (claim_of(&worker->ledger, from, is_read, &ordinal)) {
        case CLAIM_ONE:
                if (is_whole(from))
                        take_answer(worker, ordinal, from);
                else
                        refuse_answer(worker, ordinal,
                                      "the program wrote an answer without exactly "
                                      "one of result and error");
                break;
        case CLAIM_FOREIGN:
                refuse_answer(worker, ordinal,
                              "the program answered with a request_id that it was not given");
                break;
        case CLAIM_STRAY:
                log_warning(&worker->process.context,
                            "ignoring an answer that is to none of its requests");
                break;
        case CLAIM_UNCLEAR:
                process_fail(&worker->process,
                             "it wrote an answer that does not say to which of its "
                             "requests");
                break;
        }
}

static void on_answered(void *userdata, const struct channel_answer *from)
{
        struct worker *worker = userdata;

        if (worker->process.fault)
                return; /* what it says is worth nothing any more */
        if (worker->has_counters)
                take_ours(worker, from);
        else
                take_theirs(worker, from);
}

void worker_take_held(struct worker *worker)
{
        char lines[PAGES_HELD_MAX];
        size_t length = worker->has_counters ? pages_held(&worker->pages, lines) : 0;

        if (length == 0 || worker->channel.is_scanning)
                return;
        /* What it has written before it began to hold these stands in the pipe, and comes first. */
        channel_drain(&worker->channel);
        worker->takes_held = true;
        if (channel_take(&worker->channel, lines, length) < 0)
                log_error(&worker->process.context, "no memory for the answers that it holds");
        worker->takes_held = false;
}

/* Its end has begun. */
static void on_too_large(void *userdata, uint64_t serial)
{
        struct worker *worker = userdata;
        const struct channel_answer unknown = {.serial = serial};
        struct rpc_answer answer;
        uint64_t ordinal;

        if (claim_of(&worker->ledger, &unknown, true, &ordinal) != CLAIM_ONE)
                return;
        rpc_answer_init(&answer, worker->around->buffers);
        rpc_answer_fail(&answer, RPC_TOO_LARGE, NULL,
                        "the answer is longer than max_response_size, %" PRIu64 " bytes",
                        worker->around->max_response_size);
        finish(worker, ordinal, &answer);
        rpc_answer_clear(&answer);
}

static void on_called(void *userdata, const struct channel_call *call)
{
        struct worker *worker = userdata;

        if (worker->process.fault)
                return;
        worker->called_within = worker->ledger.sent;
        worker->events->called(worker->pool, worker, call);
}

static void on_broken(void *userdata, const char *reason)
{
        struct worker *worker = userdata;

        process_fail(&worker->process, reason);
}

static void on_closed(void *userdata, const char *reason)
{
        struct worker *worker = userdata;

        worker_take_held(worker); /* it will not come any more */
        process_closed(&worker->process, reason);
}

const struct channel_events worker_channel_events = {
        .answered = on_answered,
        .called = on_called,
        .too_large = on_too_large,
        .broken = on_broken,
        .closed = on_closed,
};
