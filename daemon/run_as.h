/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Who a program's workers run as, by its options `user` and `group`.
 */
#include "account.h"

#include "bootstrap/identity.h"

#define RUN_AS_ERROR_MAX 512

struct run_as {
        struct identity identity; /* of the workers, the daemon's own too */
        bool is_other;            /* it has to be taken on */
        bool has_account;         /* `user` is set, and this is it */
        struct account account;
};

/* Both may be NULL. 0; or 1 with what is wrong in `error`; or -ENOMEM. Only what was found is to be
 * cleared. */
int run_as_find(const char *user, const char *group, struct run_as *ret,
                char error[static RUN_AS_ERROR_MAX]);
void run_as_clear(struct run_as *run_as);
