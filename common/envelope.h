/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The envelope scanner: one resumable state machine that frames (a message ends at a newline),
 * validates the whole JSON grammar (RFC 8259: UTF-8, numbers, escapes, depth) and notes where the
 * top-level members lie. Each byte is looked at once, however the bytes arrive; nothing is copied,
 * nothing is built. What it gives out are offsets from the first byte of the line.
 *
 * A line is a single value (an object is a message) or, if elements are allowed, an array: a batch,
 * whose elements that are objects are messages of their own. A span is filled in when its value
 * has ended, so that members of a line which is still coming can be read already. After an error
 * spans are those of what had ended before it.
 *
 * After an error the scanner runs on to the end of the line, looking for nothing else; so the
 * caller can drop those bytes as they come. A blank line (white space only) is told as such.
 */
#include "utf8.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENVELOPE_DEPTH_MAX   256U /* arrays and objects within each other, the outermost counted */
#define ENVELOPE_NAMES_MAX   9U   /* names that a caller may look for */
#define ENVELOPE_NAME_LENGTH 31U  /* and the length of one, decoded */
#define ENVELOPE_MEMBERS_MAX 32U  /* members of a message, known or not */

enum envelope_type {
        ENVELOPE_ABSENT = 0,
        ENVELOPE_NULL,
        ENVELOPE_TRUE,
        ENVELOPE_FALSE,
        ENVELOPE_NUMBER,
        ENVELOPE_STRING,
        ENVELOPE_OBJECT,
        ENVELOPE_ARRAY,
};

/* A value as it stands on the wire, quotes and brackets included, white space around it not. */
struct envelope_span {
        enum envelope_type type; /* ENVELOPE_ABSENT: the message has no such member */
        size_t offset;
        size_t length;
};

/* The names that are looked for, decoded: "met\u0068od" is method. */
struct envelope_names {
        unsigned count;
        const char *name[ENVELOPE_NAMES_MAX];
};

enum envelope_fault { /* what makes a JSON object no message */
                      ENVELOPE_FAULT_NONE = 0,
                      ENVELOPE_FAULT_TWICE, /* a member stands twice (known or not, compared
                                               decoded) */
                      ENVELOPE_FAULT_MANY,  /* more than ENVELOPE_MEMBERS_MAX members */
};

struct envelope_message {
        struct envelope_span value; /* all of it; only an OBJECT can have members */
        enum envelope_fault fault;
        struct envelope_span member[ENVELOPE_NAMES_MAX]; /* in the order of the names */
};

enum envelope_error {
        ENVELOPE_OK = 0,
        ENVELOPE_SYNTAX,    /* not JSON: the byte at error_offset cannot stand there */
        ENVELOPE_UTF8,      /* the byte at error_offset is no UTF-8 */
        ENVELOPE_DEPTH,     /* nested deeper than ENVELOPE_DEPTH_MAX */
        ENVELOPE_TRUNCATED, /* the line ended inside the value */
};

struct envelope {
        /* For the caller to read once a line has ended (error: at any time). */
        enum envelope_error error;
        size_t error_offset;
        bool is_blank;
        bool is_batch;
        bool batch_overflow; /* it had more than max_elements (or than memory): they were validated,
                                not noted */
        size_t n_elements;   /* noted ones */
        struct envelope_message message;   /* of a line that is no batch */
        struct envelope_message *elements; /* of a batch; owned by the scanner, valid until reset */
        size_t length; /* bytes of the line looked at so far; once ended, the newline not counted */

        /* The scanner's own: where it stands in the line. */
        uintptr_t base;       /* address of the line's first byte, had it come with these bytes */
        size_t start[3];      /* where the open value at each depth that is noted began */
        uint8_t type[3];      /* and of which type it is */
        uint8_t note_depth;   /* the deepest at which values are noted */
        uint8_t member_depth; /* at which members of messages stand; 0: nowhere */
        int8_t member;        /* the name whose value comes or is open; -1: none */
        uint8_t n_members, n_seen; /* members of this message; those of unknown name */
        uint8_t state, after;      /* what may come; what once this value has ended */
        uint8_t token;             /* in the middle of which bytes ended */
        uint8_t reason;            /* of the error */
        uint8_t word, n_matched;   /* of true, false or null */
        uint8_t n_digits;          /* of \uXXXX */
        uint16_t unit;             /* and its value so far */
        uint16_t depth;            /* arrays and objects that are open */
        struct utf8 utf8;          /* of a sequence in a string */
        uint8_t key_length;        /* of a member's name, decoded; stops past the longest */
        uint16_t key_surrogate;    /* a high one, whose low one may follow; 0: none */
        uint64_t key_hash;
        size_t capacity;                           /* of elements */
        uint64_t objects[ENVELOPE_DEPTH_MAX / 64]; /* a bit for each depth: set for an object */

        /* What it was made with; what need not be cleared. */
        const struct envelope_names *names;
        size_t max_elements;
        uint8_t name_length[ENVELOPE_NAMES_MAX];
        char key[ENVELOPE_NAME_LENGTH];
        uint64_t seen[ENVELOPE_MEMBERS_MAX]; /* hashes of names */
};

enum envelope_progress {
        ENVELOPE_MORE = 0, /* every byte was taken, the line goes on */
        ENVELOPE_LINE,     /* the line has ended: read the result, then envelope_reset() */
};

/* max_elements 0: an array is just a value (the worker's side has no batches). */
void envelope_init(struct envelope *envelope, const struct envelope_names *names,
                   size_t max_elements);
/* Ready for the next line. Keeps no memory. */
void envelope_reset(struct envelope *envelope);
/* Frees what it holds; the struct itself is the caller's. */
void envelope_clear(struct envelope *envelope);

/* Takes bytes up to the end of the line, the newline included; *ret_used of them were taken. */
enum envelope_progress envelope_feed(struct envelope *envelope, const void *data, size_t length,
                                     size_t *ret_used);
/* The input has ended: what stands there without a newline is a line too. */
void envelope_finish(struct envelope *envelope);

/* For an error answer: "expected ',' or '}'" and the like; never NULL. */
const char *envelope_error_text(const struct envelope *envelope);
