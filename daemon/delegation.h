/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The part of the control group hierarchy, version 2, that is the daemon's own: systemd gives it to
 * a service that has Delegate= in its unit. Everything else belongs to somebody else, so nothing is
 * taken for granted: the daemon must be what systemd has started, not a process of some session,
 * and the group must be marked as handed over.
 */

#define DELEGATION_REASON_MAX 512

struct delegation {
        char *path;   /* in the hierarchy: "/system.slice/jumpbootd.service" */
        char *folder; /* where it is mounted */
};

/* `proc` is the folder /proc. 0; 1: there is none, and the reason tells why; -ENOMEM. */
int delegation_find(const char *proc, struct delegation *ret,
                    char reason[static DELEGATION_REASON_MAX]);
void delegation_clear(struct delegation *delegation);
