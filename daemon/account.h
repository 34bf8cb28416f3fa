/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Users and groups of this system, by name or by number: "www-data" or "33". They are looked up
 * where a config is loaded, and nowhere else: the name service may take its time.
 */
#include <stdbool.h>
#include <sys/types.h>

#define ACCOUNT_ERROR_MAX 256

struct account {
        uid_t uid;
        gid_t gid;                 /* the user's own group, if it is listed */
        bool is_listed;            /* a number need not be */
        char *name, *home, *shell; /* of one that is not listed: the number, / and /bin/sh */
};

/* 0; or 1 with what is wrong in `error`; or -ENOMEM. Only what was found is to be cleared. */
int account_find_user(const char *user, struct account *ret, char error[static ACCOUNT_ERROR_MAX]);
int account_find_group(const char *group, gid_t *ret, char error[static ACCOUNT_ERROR_MAX]);
void account_clear(struct account *account);

/* The groups of a listed user, `gid` first, to be freed; none but that for one that is not listed.
 * 0 or -ENOMEM. */
int account_groups(const struct account *account, gid_t gid, gid_t **ret, size_t *ret_n);
