/* SPDX-License-Identifier: MIT */
#include "stack.h"

#include "common/cleanup.h"
#include "common/units.h"
#include "handled.h"

#include <signal.h>
#include <string.h>

#define SHOW_SIGNAL   (SIGRTMIN + 8) /* Python writes, and ends the text */
#define DUMP_SIGNAL   (SIGRTMIN + 9) /* faulthandler writes at once, wherever the process is */
#define LOOK_INTERVAL (50 * (USEC_PER_SEC / 1000))
#define STANDS_STILL  (200 * (USEC_PER_SEC / 1000))
#define PATIENCE      (1 * USEC_PER_SEC)

void stack_init(struct stack *stack)
{
        TAILQ_INIT(&stack->askers);
}

const char *stack_ask(struct stack *stack, const struct process *process, struct pages *pages,
                      struct stack_asker *asker, uint64_t now)
{
        if (TAILQ_EMPTY(&stack->askers)) {
                if (process->pid == 0 || process->has_exited)
                        return "it does not run";
                if (!handled_by(process->pid, SHOW_SIGNAL))
                        return "it does not handle the signal that asks for its stack";
                pages_rewind_text(pages);
                stack->asked_at = stack->changed_at = now;
                stack->length = 0;
                stack->is_dumped = false;
                stack->dump_at = now + STANDS_STILL;
                stack->process = process;
                process_nudge(process, SHOW_SIGNAL);
        }
        TAILQ_INSERT_TAIL(&stack->askers, asker, link);
        asker->stack = stack;
        return NULL;
}

void stack_forget(struct stack_asker *asker)
{
        if (!asker->stack)
                return;
        TAILQ_REMOVE(&asker->stack->askers, asker, link);
        asker->stack = NULL;
}

void stack_hurry(struct stack *stack, uint64_t limit)
{
        stack->dump_at = units_sooner(stack->dump_at, stack->asked_at + limit / 2);
}

/* `done` may ask again: only those that ask now are answered. */
static void answer(struct stack *stack, const char *text, const char *why_not)
{
        TAILQ_HEAD(, stack_asker) askers = TAILQ_HEAD_INITIALIZER(askers);
        struct stack_asker *asker;

        TAILQ_CONCAT(&askers, &stack->askers, link);
        while ((asker = TAILQ_FIRST(&askers))) {
                TAILQ_REMOVE(&askers, asker, link);
                asker->stack = NULL;
                asker->done(asker, text, why_not);
        }
}

char *stack_text(const struct pages *pages)
{
        char *text = malloc(PAGES_TEXT_MAX + 1);
        size_t length = text ? pages_text(pages, text, PAGES_TEXT_MAX) : 0;

        while (length > 0 && (text[length - 1] == '\0' || text[length - 1] == '\n'))
                length--;
        if (length == 0) {
                free(text);
                return NULL;
        }
        text[length] = '\0';
        /* What stands before was asked for, and came too late. */
        const char *end = memrchr(text, '\0', length);
        if (end)
                memmove(text, end + 1, length - (size_t)(end - text));
        return text;
}

char *stack_left(const struct pages *pages)
{
        return pages_text_has_ended(pages) ? NULL : stack_text(pages);
}

void stack_finish(struct stack *stack, struct pages *pages)
{
        if (TAILQ_EMPTY(&stack->askers))
                return;
        _cleanup_free_ char *text = stack_text(pages);
        pages_rewind_text(pages);
        answer(stack, text, text ? NULL : "it has not shown its stack within a second");
}

void stack_end(struct stack *stack)
{
        answer(stack, NULL, "it has ended");
}

/* For a process that is in C code, and does not come to its handlers. Not before: in Python code it
 * might crash. */
static void dump(struct stack *stack)
{
        if (!stack->is_dumped && handled_by(stack->process->pid, DUMP_SIGNAL))
                process_nudge(stack->process, DUMP_SIGNAL);
        stack->is_dumped = true;
}

uint64_t stack_look(struct stack *stack, struct pages *pages, uint64_t now)
{
        if (TAILQ_EMPTY(&stack->askers))
                return 0;
        size_t length = pages_text(pages, NULL, 0);
        if (length != stack->length) {
                stack->length = length;
                stack->changed_at = now;
        }
        if (length == 0 && now >= stack->dump_at)
                dump(stack);
        bool is_whole = pages_text_has_ended(pages);
        bool stands_still = length > 0 && now >= stack->changed_at + STANDS_STILL;
        if (!is_whole && !stands_still && now < stack->asked_at + PATIENCE)
                return now + LOOK_INTERVAL;
        stack_finish(stack, pages);
        return TAILQ_EMPTY(&stack->askers) ? 0 : now + LOOK_INTERVAL;
}
