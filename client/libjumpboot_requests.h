/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The requests of a connection: those in flight, found by id, and those that have ended and wait to
 * be taken. They are replies from the start (libjumpboot_reply.h).
 */
#include "libjumpboot_reply.h"

TAILQ_HEAD(reply_list, jumpboot_reply);

struct requests {
        struct reply_list in_flight; /* in the order of their ids */
        struct reply_list finished;  /* in the order of finishing */
        size_t n_in_flight;
        struct jumpboot_reply **buckets; /* of those in flight; n_buckets is a power of two or 0 */
        size_t n_buckets;
        /* No deadline lies before this; a request that ended early may have left it too low. */
        uint64_t next_deadline; /* UINT64_MAX: none */
};

void requests_init(struct requests *requests);
void requests_clear(struct requests *requests);

/* Takes the reply over. Returns 0 or -ENOMEM. */
int requests_add(struct requests *requests, struct jumpboot_reply *reply);
/* NULL if none of that id is in flight. */
struct jumpboot_reply *requests_find(struct requests *requests, uint64_t id);
/* From in flight to finished; the caller has filled it in. */
void requests_finish(struct requests *requests, struct jumpboot_reply *reply);
/* Gives a finished one away: that of the id, or the first with id 0; NULL if there is none. */
struct jumpboot_reply *requests_take(struct requests *requests, uint64_t id);
/* Out of flight, and freed. */
void requests_drop(struct requests *requests, struct jumpboot_reply *reply);

/* Ends all in flight with an error; message as in reply_fail(). `sent`: bytes that were sent. */
void requests_fail(struct requests *requests, int status, const char *message, uint64_t sent);
/* Ends those whose deadline has come. */
void requests_expire(struct requests *requests, uint64_t now);
