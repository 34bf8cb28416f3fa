/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Who may do a thing: lists of users and groups, resolved when the config was loaded, against the
 * credentials that a caller had when it connected. No name service is asked. Root always may.
 */
#include "id_list.h"

#include <stdbool.h>

struct caller;

struct access {
        const struct id_list *users, *groups; /* NULL: none listed */
};

/* Where nobody is listed, everybody may. */
bool access_allows(const struct access *access, struct caller *caller);
/* Where nobody is listed, only root is. */
bool access_is_admin(const struct access *access, struct caller *caller);
