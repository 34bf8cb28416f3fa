/* SPDX-License-Identifier: MIT */
#include "rota.h"

void rota_init(struct rota *rota)
{
        TAILQ_INIT(&rota->first);
}

/* The first request of the same caller in the same rota; NULL: this one would be it. */
static struct request *first_of(const struct request *request)
{
        struct request *first;

        LIST_FOREACH(first, &request->caller->first, rota.of_caller)
        if (first->pool == request->pool)
                return first;
        return NULL;
}

static void begin(struct request *request)
{
        TAILQ_INIT(&request->rota.behind);
        LIST_INSERT_HEAD(&request->caller->first, request, rota.of_caller);
}

void rota_add(struct rota *rota, struct request *request)
{
        struct request *first = first_of(request);

        if (first) {
                TAILQ_INSERT_TAIL(&first->rota.behind, request, rota.place);
        } else {
                begin(request);
                TAILQ_INSERT_TAIL(&rota->first, request, rota.place);
        }
}

struct request *rota_next(const struct rota *rota)
{
        return TAILQ_FIRST(&rota->first);
}

/* Takes out the first one of its caller, whose successor stands in its place; NULL: there is none.
 */
static struct request *replace(struct rota *rota, struct request *request)
{
        struct request *next = TAILQ_FIRST(&request->rota.behind);

        LIST_REMOVE(request, rota.of_caller);
        if (next) {
                TAILQ_REMOVE(&request->rota.behind, next, rota.place);
                begin(next);
                TAILQ_CONCAT(&next->rota.behind, &request->rota.behind, rota.place);
                TAILQ_INSERT_BEFORE(request, next, rota.place);
        }
        TAILQ_REMOVE(&rota->first, request, rota.place);
        return next;
}

void rota_serve(struct rota *rota, struct request *request)
{
        struct request *next = replace(rota, request);

        if (!next)
                return;
        TAILQ_REMOVE(&rota->first, next, rota.place);
        TAILQ_INSERT_TAIL(&rota->first, next, rota.place);
}

void rota_remove(struct rota *rota, struct request *request)
{
        struct request *first = first_of(request);

        if (first == request)
                replace(rota, request);
        else
                TAILQ_REMOVE(&first->rota.behind, request, rota.place);
}
