/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The terminal while it belongs to a command that draws on it again and again. However the command
 * ends, by a signal too, the terminal is what it was.
 */
#include <stdbool.h>
#include <stdint.h>

/* What ends each line that is drawn: what stood behind it is erased. */
#define CTL_TERMINAL_LINE_END "\033[K\n"

/* Whether stdout is a terminal that can be drawn on. */
bool ctl_terminal_is_there(void);
void ctl_terminal_begin(void);
void ctl_terminal_end(void);

/* Before and after each drawing. */
void ctl_terminal_draw(void);
void ctl_terminal_drawn(void);

enum ctl_wish {
        CTL_WISH_NEXT, /* the time is up, or the user or a new size wants it at once */
        CTL_WISH_QUIT,
};

/* Waits until then, of units_now(). Works without a terminal as well. */
enum ctl_wish ctl_terminal_wait(uint64_t until);
