/* SPDX-License-Identifier: MIT */
#include "libjumpboot_requests.h"

#include <errno.h>
#include <stdlib.h>

#define BUCKETS_MIN 16U

void requests_init(struct requests *requests)
{
        *requests = (struct requests){.next_deadline = UINT64_MAX};
        TAILQ_INIT(&requests->in_flight);
        TAILQ_INIT(&requests->finished);
}

static void free_list(struct reply_list *list)
{
        struct jumpboot_reply *reply;

        while ((reply = TAILQ_FIRST(list))) {
                TAILQ_REMOVE(list, reply, link);
                jumpboot_reply_free(reply);
        }
}

void requests_clear(struct requests *requests)
{
        free_list(&requests->in_flight);
        free_list(&requests->finished);
        free(requests->buckets);
        requests_init(requests);
}

/* Ids count up, so that their low bits spread as evenly as can be. */
static struct jumpboot_reply **bucket_of(struct requests *requests, uint64_t id)
{
        return &requests->buckets[id & (requests->n_buckets - 1)];
}

static void link_to_bucket(struct requests *requests, struct jumpboot_reply *reply)
{
        struct jumpboot_reply **bucket = bucket_of(requests, reply->id);

        reply->next_in_bucket = *bucket;
        *bucket = reply;
}

static int grow(struct requests *requests)
{
        size_t n_buckets = requests->n_buckets ? requests->n_buckets * 2 : BUCKETS_MIN;
        struct jumpboot_reply **buckets = calloc(n_buckets, sizeof(struct jumpboot_reply *));
        struct jumpboot_reply *reply;

        if (!buckets)
                return -ENOMEM;
        free(requests->buckets);
        requests->buckets = buckets;
        requests->n_buckets = n_buckets;
        TAILQ_FOREACH (reply, &requests->in_flight, link)
                link_to_bucket(requests, reply);
        return 0;
}

int requests_add(struct requests *requests, struct jumpboot_reply *reply)
{
        if (requests->n_in_flight >= requests->n_buckets && grow(requests) < 0)
                return -ENOMEM;
        TAILQ_INSERT_TAIL(&requests->in_flight, reply, link);
        link_to_bucket(requests, reply);
        requests->n_in_flight++;
        if (reply->deadline && reply->deadline < requests->next_deadline)
                requests->next_deadline = reply->deadline;
        return 0;
}

struct jumpboot_reply *requests_find(struct requests *requests, uint64_t id)
{
        struct jumpboot_reply *reply = requests->n_buckets ? *bucket_of(requests, id) : NULL;

        while (reply && reply->id != id)
                reply = reply->next_in_bucket;
        return reply;
}

static void unlink_in_flight(struct requests *requests, struct jumpboot_reply *reply)
{
        struct jumpboot_reply **slot = bucket_of(requests, reply->id);

        while (*slot != reply)
                slot = &(*slot)->next_in_bucket;
        *slot = reply->next_in_bucket;
        TAILQ_REMOVE(&requests->in_flight, reply, link);
        if (--requests->n_in_flight == 0)
                requests->next_deadline = UINT64_MAX;
}

void requests_finish(struct requests *requests, struct jumpboot_reply *reply)
{
        unlink_in_flight(requests, reply);
        TAILQ_INSERT_TAIL(&requests->finished, reply, link);
}

struct jumpboot_reply *requests_take(struct requests *requests, uint64_t id)
{
        struct jumpboot_reply *reply;

        TAILQ_FOREACH (reply, &requests->finished, link) {
                if (id == 0 || reply->id == id) {
                        TAILQ_REMOVE(&requests->finished, reply, link);
                        return reply;
                }
        }
        return NULL;
}

void requests_drop(struct requests *requests, struct jumpboot_reply *reply)
{
        unlink_in_flight(requests, reply);
        jumpboot_reply_free(reply);
}

/* More of it is missing than the newline, without which the daemon takes the last line, too. */
static bool is_unsent(const struct jumpboot_reply *reply, uint64_t sent)
{
        return reply->end > sent + 1;
}

void requests_fail(struct requests *requests, int status, const char *message, uint64_t sent)
{
        struct jumpboot_reply *reply;

        while ((reply = TAILQ_FIRST(&requests->in_flight))) {
                if (status == JUMPBOOT_ECLOSED && is_unsent(reply, sent))
                        reply_fail(reply, JUMPBOOT_EUNSENT, NULL);
                else
                        reply_fail(reply, status, message);
                requests_finish(requests, reply);
        }
}

void requests_expire(struct requests *requests, uint64_t now)
{
        struct jumpboot_reply *reply, *next;
        uint64_t next_deadline = UINT64_MAX;

        if (now < requests->next_deadline)
                return;
        for (reply = TAILQ_FIRST(&requests->in_flight); reply; reply = next) {
                next = TAILQ_NEXT(reply, link);
                if (reply->deadline && reply->deadline <= now) {
                        reply_expire(reply);
                        requests_finish(requests, reply);
                } else if (reply->deadline && reply->deadline < next_deadline) {
                        next_deadline = reply->deadline;
                }
        }
        requests->next_deadline = next_deadline;
}
