/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What is still to be sent to the daemon: requests, one line each.
 */
#include "libjumpboot_params.h"

#include <stdint.h>

struct outbox {
        char *data;
        size_t size, start, length; /* what is to be sent lies from start to length */
        uint64_t added, sent;       /* bytes, of all that there ever were */
};

struct outbox_request {
        uint64_t id; /* 0: a notification */
        const char *method;
        const char *params; /* may be NULL */
        int timeout_ms;     /* negative: none */
};

/* What it holds will not be sent. */
void outbox_clear(struct outbox *outbox);

static inline bool outbox_is_empty(const struct outbox *outbox)
{
        return outbox->start == outbox->length;
}

/* 0, -ENOMEM, JUMPBOOT_EMETHOD, or JUMPBOOT_EPARAMS with what is wrong with them. If it fails,
 * nothing was added. */
int outbox_add(struct outbox *outbox, const struct outbox_request *request,
               struct params_fault *ret_fault);

/* Sends what the socket takes, at most a few MB; 0 or a negative errno. */
int outbox_send(struct outbox *outbox, int fd);
