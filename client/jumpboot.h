/* SPDX-License-Identifier: MIT */
#ifndef JUMPBOOT_H
#define JUMPBOOT_H
/*
 * libjumpboot: calls Python functions that jumpbootd keeps ready.
 *
 *      struct jumpboot *jb;
 *      struct jumpboot_reply *reply;
 *      int r = jumpboot_connect(NULL, 1000, &jb);
 *      if (r >= 0)
 *              r = jumpboot_call(jb, "calc.add", "{\"a\":1,\"b\":2}", 5000, &reply);
 *      if (r >= 0)
 *              puts(jumpboot_reply_result(reply, NULL));
 *
 * Params and results are JSON texts (UTF-8); what makes and reads them is the caller's choice. The
 * library needs the C library only.
 *
 * Failures are negative: either -errno of the system, or one of enum jumpboot_error, which never
 * collide. jumpboot_strerror() knows both.
 *
 * Times are milliseconds; JUMPBOOT_NO_TIMEOUT waits without end. No function waits unless it says
 * so, and signals do not end a wait.
 *
 * Threads: a connection, with everything that is asked of it, belongs to one thread at a time. Two
 * connections share nothing, and a reply shares nothing with its connection: it may be read and
 * freed by any thread, also after the connection has been closed.
 *
 * No SIGPIPE is raised, and descriptors are close-on-exec.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define JUMPBOOT_DEFAULT_SOCKET "/run/jumpbootd/jumpbootd.sock"
#define JUMPBOOT_NO_TIMEOUT     (-1)

enum jumpboot_error {
        JUMPBOOT_EANSWER = -10001,   /* the daemon answered with an error: see the reply */
        JUMPBOOT_ECLOSED = -10002,   /* the daemon closed the connection; it may run the call */
        JUMPBOOT_EPROTOCOL = -10003, /* what came is no answer: the connection is of no more use */
        JUMPBOOT_EPARAMS = -10004,   /* the params are no JSON object or array; nothing was sent */
        JUMPBOOT_EMETHOD = -10005,   /* the method is empty or no UTF-8; nothing was sent */
        JUMPBOOT_ETOOLARGE = -10006, /* the answer is over jumpboot_set_max_answer() */
        JUMPBOOT_EUNSENT = -10007    /* the connection ended before the request was sent: it has
                                        surely not run, and may be sent again on a new one */
};

/* What jumpboot_reply_code() can tell, with the kind of the same meaning. */
enum jumpboot_code {
        JUMPBOOT_CODE_PARSE_ERROR = -32700,
        JUMPBOOT_CODE_INVALID_REQUEST = -32600,
        JUMPBOOT_CODE_METHOD_NOT_FOUND = -32601,
        JUMPBOOT_CODE_INVALID_PARAMS = -32602,
        JUMPBOOT_CODE_INTERNAL_ERROR = -32603,
        JUMPBOOT_CODE_EXCEPTION = -32000,
        JUMPBOOT_CODE_OVERLOADED = -32001,
        JUMPBOOT_CODE_TIMEOUT = -32002,
        JUMPBOOT_CODE_WORKER_DIED = -32003,
        JUMPBOOT_CODE_SHUTTING_DOWN = -32004,
        JUMPBOOT_CODE_UNAVAILABLE = -32005,
        JUMPBOOT_CODE_CANCELLED = -32006,
        JUMPBOOT_CODE_FORBIDDEN = -32007,
        JUMPBOOT_CODE_TOO_LARGE = -32008,
        JUMPBOOT_CODE_CALL_REFUSED = -32009
};

struct jumpboot;       /* a connection */
struct jumpboot_reply; /* how one request ended */

/* ---- Connections ---- */

/*
 * Connects to the daemon's socket and waits for that at most timeout_ms (a UNIX socket makes wait
 * only when the daemon is behind with accepting; 0: do not). path NULL: jumpboot_socket_path().
 * -ENAMETOOLONG: the path is over 107 bytes; -ETIMEDOUT; or what connect(2) says.
 */
int jumpboot_connect(const char *path, int timeout_ms, struct jumpboot **ret);

/* The same on a connected stream socket. Takes fd over if it succeeds. */
int jumpboot_from_fd(int fd, struct jumpboot **ret);

/* $JUMPBOOT_SOCKET, unless it is unset, empty or the process is setuid; else the default. */
const char *jumpboot_socket_path(void);

/* Requests without a reply are forgotten; replies that were not taken are freed. NULL is fine. */
void jumpboot_close(struct jumpboot *jb);

/* A longer answer ends its request with JUMPBOOT_ETOOLARGE, and is not kept. At first 1 GiB. */
void jumpboot_set_max_answer(struct jumpboot *jb, size_t bytes);

/* What went wrong in the last function of this connection that failed, in words and in more detail
 * than the code has: where the params are wrong, say. Never NULL; valid until the next call. */
const char *jumpboot_error_text(const struct jumpboot *jb);

/* The words for a code; those for -errno are strerror(3)'s. Never NULL. */
const char *jumpboot_strerror(int error);

/* ---- Calling and waiting ---- */

/*
 * Calls a function and waits for its answer.
 *   method      "program.function"
 *   params      a JSON object (keyword arguments) or array (positional ones), NULL for none.
 *               Newlines between its parts are fine.
 *   timeout_ms  > 0, or JUMPBOOT_NO_TIMEOUT. It covers sending, queueing, running and receiving.
 *               The daemon is told and gives up then (an error answer of the kind "timeout", which
 *               tells more). If it does not say so within another 250 ms: -ETIMEDOUT.
 * 0: *ret is the reply, with the result. JUMPBOOT_EANSWER: *ret is the reply, with the error. All
 * else: *ret is NULL. The caller frees the reply.
 * Other requests that are in flight go on meanwhile; their replies are kept.
 */
int jumpboot_call(struct jumpboot *jb, const char *method, const char *params, int timeout_ms,
                  struct jumpboot_reply **ret);

/* A notification: it is run and never answered. Queued like jumpboot_submit(); see
 * jumpboot_flush(). */
int jumpboot_notify(struct jumpboot *jb, const char *method, const char *params);

/* Waits until all that was queued has been taken by the socket. */
int jumpboot_flush(struct jumpboot *jb, int timeout_ms);

/* ---- Many requests at a time, nothing waits ----
 *
 * Submit any number; wait (poll, epoll, an event loop) until jumpboot_fd() is ready for
 * jumpboot_events() or jumpboot_timeout() has passed; call jumpboot_process(); take replies with
 * jumpboot_next_reply() until there are none; repeat. Events and timeout change with every call
 * of a function of the connection: ask anew each time.
 */

/* Queues a request; arguments as with jumpboot_call(). The id tells the reply; it is never 0 and
 * never used twice. Each request that was queued ends with exactly one reply, unless forgotten. */
int jumpboot_submit(struct jumpboot *jb, const char *method, const char *params, int timeout_ms,
                    uint64_t *ret_id);

int jumpboot_fd(const struct jumpboot *jb);
/* POLLIN, POLLOUT or both; 0 once the connection has failed. */
short jumpboot_events(const struct jumpboot *jb);
/* Milliseconds until jumpboot_process() is due for a deadline's sake, 0 if it is, -1 if none is. */
int jumpboot_timeout(const struct jumpboot *jb);

/*
 * Writes and reads what is possible now (at most a few MB), and ends requests whose time is up. A
 * failure is that of the connection: then every request in flight has ended with it, the replies
 * are there to be taken, and all that remains to be done is jumpboot_close().
 */
int jumpboot_process(struct jumpboot *jb);

/* 1: *ret is the next finished reply, in the order of finishing; the caller frees it. 0: none. */
int jumpboot_next_reply(struct jumpboot *jb, struct jumpboot_reply **ret);

/*
 * Waits for the reply to one request, or to any with id 0, and takes it. 0: *ret is the reply; look
 * at its status. -ETIMEDOUT: not yet, the request goes on. -ENOENT: there is none to wait for (not
 * submitted, taken or forgotten).
 */
int jumpboot_wait(struct jumpboot *jb, uint64_t id, int timeout_ms, struct jumpboot_reply **ret);

/*
 * Queues the wish that a request ends early; see jumpboot_flush(). Its reply comes all the same:
 * JUMPBOOT_CODE_CANCELLED, or whatever it had ended with before the wish was read. A function that
 * runs is interrupted. -ENOENT: it is not in flight.
 */
int jumpboot_cancel(struct jumpboot *jb, uint64_t id);

/* Gives up on a request: there will be no reply. The daemon runs it all the same. -ENOENT: it is
 * not there; a reply that had finished is freed. */
int jumpboot_forget(struct jumpboot *jb, uint64_t id);

/* Requests whose reply has not finished. */
size_t jumpboot_in_flight(const struct jumpboot *jb);

/* ---- Replies ----
 * What a function returns here belongs to the reply and lives as long.
 */

/* NULL is fine. */
void jumpboot_reply_free(struct jumpboot_reply *reply);

uint64_t jumpboot_reply_id(const struct jumpboot_reply *reply);

/* 0: a result. JUMPBOOT_EANSWER: an error of the daemon or the function. Else: no answer came, and
 * this is why (-ETIMEDOUT, JUMPBOOT_ECLOSED, ...). */
int jumpboot_reply_status(const struct jumpboot_reply *reply);

/* The result as a JSON text, NUL-terminated; its length besides (length may be NULL). NULL unless
 * the status is 0. */
const char *jumpboot_reply_result(const struct jumpboot_reply *reply, size_t *length);

/* What went wrong, decoded, for people; a U+0000 in it ends it. NULL if the status is 0. */
const char *jumpboot_reply_message(const struct jumpboot_reply *reply);

/* Of an error answer. Code 0 and NULL where there is none. */
int jumpboot_reply_code(const struct jumpboot_reply *reply);
/* "exception", "overloaded", ...; decoded. */
const char *jumpboot_reply_kind(const struct jumpboot_reply *reply);
/* The traceback of a Python exception, as Python prints it; decoded. */
const char *jumpboot_reply_traceback(const struct jumpboot_reply *reply);
/* Seconds after which to try again ("overloaded"), or a negative number. */
double jumpboot_reply_retry_after(const struct jumpboot_reply *reply);
/* The whole error, with code, message and data, and its data: JSON texts like the result. */
const char *jumpboot_reply_error(const struct jumpboot_reply *reply, size_t *length);
const char *jumpboot_reply_data(const struct jumpboot_reply *reply, size_t *length);

#ifdef __cplusplus
}
#endif
#endif
