/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * One client of the server: it keeps a number of calls under way, checks every answer, and sends
 * the next call at once. A socket, or the two pipes of a worker.
 */
#include "daemon/histogram.h"
#include "protocol.h"
#include "work.h"

#include <sys/un.h>

#define FAILURE_MAX 256

/* What all connections of a run have in common. */
struct run {
        struct protocol protocol;
        struct work work;
        struct sockaddr_un address;
        unsigned depth;
        int epoll;
        bool is_counting; /* it has warmed up, and is not over */
        struct histogram nanoseconds;
        uint64_t n_failures;
        char failure[FAILURE_MAX]; /* the first one */
};

struct call {
        uint64_t number;
        uint64_t begun; /* nanoseconds */
        size_t head_length, params_length, params_head;
        char head[PROTOCOL_HEAD_MAX + WORK_PARAMS_MAX];
};

struct connection {
        struct run *run;
        int in, out; /* the same, if it is a socket; -1: it is not connected */
        bool is_greeted, is_blocked;
        struct call *calls; /* number n is at n % depth, and followed by n + depth */
        uint64_t n_ended;   /* calls that were answered since it was opened */
        uint64_t n_counted; /* right answers while the run was counting */
        uint64_t *waiting;  /* numbers that are to be sent, a ring of depth */
        uint64_t first, n_waiting;
        size_t sent; /* bytes of the first of them */
        char *bytes; /* of answers */
        size_t length, size, searched;
};

int connection_init(struct connection *connection, struct run *run);
void connection_clear(struct connection *connection);

/* Connects, and begins as many calls as the depth. -EAGAIN: too many wait to be accepted. */
int connection_open(struct connection *connection);
/* The same on two pipes. */
int connection_open_pipes(struct connection *connection, int in, int out);
/* Reads, writes and goes on, as far as that goes. -errno: the connection is closed. */
int connection_proceed(struct connection *connection);
