/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * $/cancelRequest: a client ends requests of its own before their time.
 */
#include "call.h"
#include "request.h"

#include <stdbool.h>
#include <stdint.h>

#define CANCEL_METHOD "$/cancelRequest"

/* The id in a cancel's params as a JSON value: a decoded string behind a quote, or a number as it
 * is written. */
struct cancel_id {
        size_t length; /* 0: longer than any that a request can have */
        char text[REQUEST_ID_MAX];
};

bool cancel_is_meant(const struct call *call);
/* NULL, or what is wrong with the params. */
const char *cancel_read(const struct call *call, struct cancel_id *ret);
/* Whether that is the id of a request, which is given as raw JSON. */
bool cancel_names(const struct cancel_id *cancel_id, const char *id, size_t id_length);
/* Cancels what pools have of the caller's under that id; nothing there is no error. All that have
 * it: then it makes no difference if the same cancel is taken twice. */
void cancel_apply(const struct cancel_id *cancel_id, struct caller *caller, uint64_t now);
