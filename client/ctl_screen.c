/* SPDX-License-Identifier: MIT */
#include "ctl_screen.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <wchar.h>

#define GAP             "  "
#define COLUMNS_DEFAULT 80U
#define LINES_DEFAULT   24U
#define ESCAPE_COLUMNS  4U /* "\\x1b" */
#define NARROWEST       8U /* to which a column of texts is cut */

static const char *const colour_codes[] = {
        [CTL_PLAIN] = "",          [CTL_BOLD] = "\033[1m", [CTL_GREEN] = "\033[32m",
        [CTL_YELLOW] = "\033[33m", [CTL_RED] = "\033[31m",
};

bool ctl_has_colours(FILE *file)
{
        const char *no_color = getenv("NO_COLOR");
        const char *term = getenv("TERM");

        return isatty(fileno(file)) && !(no_color && *no_color) && term && *term &&
               strcmp(term, "dumb") != 0;
}

/* The bytes of a control character at p, 0 if there is none: C0 and DEL, and C1 as UTF-8 has it. */
static size_t control_length(const unsigned char *p)
{
        if ((*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f)
                return 1;
        return *p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0 ? 2 : 0;
}

void ctl_put_text(FILE *file, const char *text)
{
        const unsigned char *p = (const unsigned char *)text;
        size_t length;

        if (!isatty(fileno(file))) {
                fputs(text, file);
                return;
        }
        while (*p) {
                length = control_length(p);
                if (length)
                        fprintf(file, "\\x%02x", p[length - 1]);
                else
                        putc(*p, file);
                p += length ? length : 1;
        }
}

/* Zeroes where the terminal does not know. */
static struct winsize window_size(FILE *file)
{
        struct winsize size = {0};

        if (ioctl(fileno(file), TIOCGWINSZ, &size) < 0)
                size = (struct winsize){0};
        return size;
}

size_t ctl_columns(FILE *file)
{
        if (!isatty(fileno(file)))
                return SIZE_MAX;
        size_t columns = window_size(file).ws_col;
        return columns > 0 ? columns : COLUMNS_DEFAULT;
}

size_t ctl_lines(FILE *file)
{
        if (!isatty(fileno(file)))
                return SIZE_MAX;
        size_t lines = window_size(file).ws_row;
        return lines > 0 ? lines : LINES_DEFAULT;
}

/* The bytes of the first character, and the columns that ctl_put_text() gives it. */
static size_t measure_character(const char *text, size_t *ret_columns)
{
        mbstate_t state = {0};
        wchar_t wide;
        size_t length = mbrtowc(&wide, text, strnlen(text, MB_LEN_MAX), &state);
        int width;

        if (length == 0 || length > MB_LEN_MAX) { /* nothing that the locale knows */
                *ret_columns = 1;
                return 1;
        }
        width = wcwidth(wide);
        *ret_columns = width < 0 ? ESCAPE_COLUMNS : (size_t)width;
        return length;
}

/* How many bytes of it stand in so many columns, and in how many of them. */
static size_t fitting(const char *text, size_t columns, size_t *ret_columns)
{
        size_t length = 0, total = 0, bytes, own;

        while (text[length]) {
                bytes = measure_character(text + length, &own);
                if (total + own > columns)
                        break;
                total += own;
                length += bytes;
        }
        *ret_columns = total;
        return length;
}

static size_t display_width(const char *text)
{
        size_t columns;

        fitting(text, SIZE_MAX, &columns);
        return columns;
}

char *ctl_shorten(const char *text, size_t columns)
{
        const char *mark = MB_CUR_MAX > 1 ? "\u2026" : "...";
        size_t mark_columns = display_width(mark), used;
        size_t length = fitting(text, columns, &used);
        char *cut;

        if (!text[length] || columns < mark_columns)
                return strdup(text);
        length = fitting(text, columns - mark_columns, &used);
        return asprintf(&cut, "%.*s%s", (int)length, text, mark) < 0 ? NULL : cut;
}

void ctl_table_add(struct ctl_table *table, enum ctl_colour colour, const char *format, ...)
{
        struct ctl_cell *larger;
        va_list arguments;
        char *text;

        if (table->n_cells == table->size) {
                table->size = table->size ? table->size * 2 : 64;
                larger = reallocarray(table->cells, table->size, sizeof(*larger));
                if (!larger) {
                        table->failed = true;
                        table->size = table->n_cells;
                        return;
                }
                table->cells = larger;
        }
        va_start(arguments, format);
        if (vasprintf(&text, format, arguments) < 0)
                table->failed = true;
        else
                table->cells[table->n_cells++] = (struct ctl_cell){.text = text, .colour = colour};
        va_end(arguments);
}

void ctl_table_clear(struct ctl_table *table)
{
        for (size_t i = 0; i < table->n_cells; i++)
                free(table->cells[i].text);
        free(table->cells);
        table->cells = NULL;
        table->n_cells = table->size = 0;
}

/* The last column gets no blanks behind it. */
static void print_cell(FILE *file, const char *text, enum ctl_colour colour, size_t width,
                       bool right, const char *line_end)
{
        _cleanup_free_ char *cut = ctl_shorten(text, width);
        size_t own = display_width(cut ? cut : text);
        int blanks = own < width ? (int)(width - own) : 0;

        if (right)
                fprintf(file, "%*s", blanks, "");
        fputs(colour_codes[colour], file);
        ctl_put_text(file, cut ? cut : text);
        fputs(colour ? "\033[0m" : "", file);
        if (!right && !line_end)
                fprintf(file, "%*s", blanks, "");
        fputs(line_end ? line_end : GAP, file);
}

static void measure(const struct ctl_table *table, size_t *widths)
{
        for (size_t i = 0; i < table->n_columns; i++)
                widths[i] = display_width(table->columns[i].title);
        for (size_t i = 0; i < table->n_cells; i++) {
                size_t width = display_width(table->cells[i].text);

                if (width > widths[i % table->n_columns])
                        widths[i % table->n_columns] = width;
        }
}

/* Takes from the widest texts until all of it fits; numbers are never cut. */
static void narrow(const struct ctl_table *table, size_t *widths, size_t columns)
{
        size_t total = (table->n_columns - 1) * strlen(GAP), widest;

        for (size_t i = 0; i < table->n_columns; i++)
                total += widths[i];
        for (; total > columns; total--) {
                widest = SIZE_MAX;
                for (size_t i = 0; i < table->n_columns; i++)
                        if (!table->columns[i].right &&
                            (widest == SIZE_MAX || widths[i] > widths[widest]))
                                widest = i;
                if (widest == SIZE_MAX || widths[widest] <= NARROWEST)
                        return;
                widths[widest]--;
        }
}

/* The end of the line that this column is the last of; NULL: it is not. */
static const char *end_after(const struct ctl_table *table, size_t column)
{
        if (column + 1 < table->n_columns)
                return NULL;
        return table->line_end ? table->line_end : "\n";
}

int ctl_table_print(const struct ctl_table *table, FILE *file)
{
        _cleanup_free_ size_t *widths = calloc(table->n_columns, sizeof(*widths));
        bool colours = ctl_has_colours(file);
        size_t column;

        if (!widths || table->failed)
                return -ENOMEM;
        measure(table, widths);
        narrow(table, widths, ctl_columns(file));
        for (column = 0; column < table->n_columns; column++)
                print_cell(file, table->columns[column].title, colours ? CTL_BOLD : CTL_PLAIN,
                           widths[column], table->columns[column].right, end_after(table, column));
        for (size_t i = 0; i < table->n_cells; i++) {
                column = i % table->n_columns;
                print_cell(file, table->cells[i].text, colours ? table->cells[i].colour : CTL_PLAIN,
                           widths[column], table->columns[column].right, end_after(table, column));
        }
        return 0;
}

const char *ctl_format_time(char buffer[static CTL_UNIT_MAX], double seconds)
{
        uint64_t s = seconds > 0 && seconds < 1e15 ? (uint64_t)seconds : 0;

        if (seconds > 0 && seconds < 0.0009995)
                snprintf(buffer, CTL_UNIT_MAX, "%.0f us", seconds * 1e6);
        else if (seconds > 0 && seconds < 0.00995)
                snprintf(buffer, CTL_UNIT_MAX, "%.1f ms", seconds * 1000);
        else if (seconds > 0 && seconds < 0.9995)
                snprintf(buffer, CTL_UNIT_MAX, "%.0f ms", seconds * 1000);
        else if (s < 60)
                snprintf(buffer, CTL_UNIT_MAX, "%.1f s", seconds);
        else if (s < 3600)
                snprintf(buffer, CTL_UNIT_MAX, "%d min %d s", (int)(s / 60), (int)(s % 60));
        else if (s < 86400)
                snprintf(buffer, CTL_UNIT_MAX, "%d h %d min", (int)(s / 3600), (int)(s / 60 % 60));
        else
                snprintf(buffer, CTL_UNIT_MAX, "%ld d %d h", (long)(s / 86400),
                         (int)(s / 3600 % 24));
        return buffer;
}

const char *ctl_format_size(char buffer[static CTL_UNIT_MAX], double bytes)
{
        static const char units[] = "BKMGT";
        size_t i = 0;

        while (bytes >= 1024 && i + 2 < sizeof(units)) {
                bytes /= 1024;
                i++;
        }
        snprintf(buffer, CTL_UNIT_MAX, "%.*f %c", i > 0 && bytes < 10 ? 1 : 0, bytes, units[i]);
        return buffer;
}
