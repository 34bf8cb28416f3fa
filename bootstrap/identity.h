/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The user and the groups that a child takes on before it executes anything. For a child that may
 * share its memory with the daemon: system calls alone, no thread of it is told.
 */
#include <stddef.h>
#include <sys/types.h>

struct identity {
        uid_t uid;
        gid_t gid;
        gid_t *groups; /* supplementary ones */
        size_t n_groups;
};

/* Both return 0, or -1 with errno. The groups come first: no other user may change them. */
int identity_take_groups(const struct identity *identity);
/* Who is not root keeps no capability either, whatever the daemon has. */
int identity_take_user(const struct identity *identity);
