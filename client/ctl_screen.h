/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What people look at: texts that cannot play tricks on a terminal, colours, tables.
 */
#include "common/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

enum ctl_colour { CTL_PLAIN = 0, CTL_BOLD, CTL_GREEN, CTL_YELLOW, CTL_RED };

/* Whether colours are wanted on it: a terminal that is not dumb, and no $NO_COLOR. */
bool ctl_has_colours(FILE *file);

/* Writes a text of unknown origin. On a terminal its control characters, but newlines and tabs, are
 * shown as escapes. */
void ctl_put_text(FILE *file, const char *text);

/* Columns of the terminal; SIZE_MAX if the file is none, and nothing needs to be cut. */
size_t ctl_columns(FILE *file);
/* Its lines, likewise. */
size_t ctl_lines(FILE *file);
/* As much of the text as there are columns for, with "..." as one character at the end of what was
 * cut. To be freed; NULL: no memory. */
char *ctl_shorten(const char *text, size_t columns);

struct ctl_column {
        const char *title;
        bool right; /* numbers are aligned there */
};

struct ctl_cell {
        char *text;
        enum ctl_colour colour;
};

struct ctl_table {
        const struct ctl_column *columns;
        size_t n_columns;
        struct ctl_cell *cells; /* row by row */
        size_t n_cells, size;
        bool failed;          /* no memory: ctl_table_print() says so */
        const char *line_end; /* NULL: a newline */
};

#define CTL_TABLE(titles)                                                                          \
        {                                                                                          \
                .columns = (titles), .n_columns = ARRAY_SIZE(titles)                               \
        }

/* Adds the next cell of a row, or the first of the next row. */
void ctl_table_add(struct ctl_table *table, enum ctl_colour colour, const char *format, ...)
        _printf_(3, 4);
/* Texts are cut where the terminal is too narrow. Returns 0 or -ENOMEM. */
int ctl_table_print(const struct ctl_table *table, FILE *file);
void ctl_table_clear(struct ctl_table *table);

#define CTL_UNIT_MAX 32
/* "12 us", "1.2 ms", "250 ms", "12.3 s", "5 min 3 s", "2 h 5 min", "3 d 4 h". */
const char *ctl_format_time(char buffer[static CTL_UNIT_MAX], double seconds);
/* "512 B", "1.5 K", "20 M". */
const char *ctl_format_size(char buffer[static CTL_UNIT_MAX], double bytes);
