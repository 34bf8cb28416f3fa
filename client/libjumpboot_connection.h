/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What struct jumpboot is, for the two files that work on it: libjumpboot.c, where nothing waits,
 * and libjumpboot_wait.c.
 */
#include "common/cleanup.h"
#include "libjumpboot_inbox.h"
#include "libjumpboot_outbox.h"
#include "libjumpboot_requests.h"

struct jumpboot {
        int fd;
        int failed;        /* 0, or what every further call gives */
        bool cannot_send;  /* the daemon is gone; what it wrote before may still be read */
        bool has_notified; /* so an error without an id may be about that */
        uint64_t last_id;
        struct requests requests;
        struct inbox in;
        struct outbox out;
        char error[256];
};

/* Notes what went wrong and gives the code back. */
int connection_error(struct jumpboot *jb, int status, const char *format, ...) _printf_(3, 4);
/* The connection is of no more use: notes why, and everything in flight ends with that. */
void connection_fail(struct jumpboot *jb, int status, const char *format, ...) _printf_(3, 4);
/* Sends what can be sent now. */
void connection_send(struct jumpboot *jb);
