/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The Python stack of a process, taken while it runs and without disturbing it: a signal makes it
 * write its stack into the memory that it shares with the daemon. When that is done nobody tells;
 * it is looked at again and again, until the text ends or stands still, for a second at most.
 *
 * Several may ask at a time, and get the same text.
 */
#include "pages.h"
#include "process.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* Part of who asks: it has to live until `done` is called, or be forgotten. */
struct stack_asker {
        TAILQ_ENTRY(stack_asker) link;
        /* Either a text (NUL-terminated) or why there is none. */
        void (*done)(struct stack_asker *asker, const char *text, const char *why_not);
        struct stack *stack; /* while it asks */
};

struct stack {
        TAILQ_HEAD(, stack_asker) askers;
        const struct process *process;
        uint64_t asked_at, changed_at;
        uint64_t dump_at; /* when the second signal is sent, if nothing has come by then */
        bool is_dumped;   /* the second signal has been sent */
        size_t length;    /* of the text, when it was looked at last */
};

void stack_init(struct stack *stack);
/* NULL: `done` will be called, from one of the three functions below. Else why it cannot be asked,
 * and it will not. */
const char *stack_ask(struct stack *stack, const struct process *process, struct pages *pages,
                      struct stack_asker *asker, uint64_t now);
void stack_forget(struct stack_asker *asker);
/* There is only so much time: the second half of it is for what does not come by itself. */
void stack_hurry(struct stack *stack, uint64_t limit);

/* Looks whether the text is there; returns when to look again (0: nobody asks). */
uint64_t stack_look(struct stack *stack, struct pages *pages, uint64_t now);
/* Is content with what is there. */
void stack_finish(struct stack *stack, struct pages *pages);
/* The process has ended. */
void stack_end(struct stack *stack);

/* The text that is there, without the byte that ends it; NULL: none. For free(3). */
char *stack_text(const struct pages *pages);
/* That of a process that has ended: what it was asked for is not what it has left. */
char *stack_left(const struct pages *pages);
