/* SPDX-License-Identifier: MIT */
#include "text.h"

#include "text_bytes.h"
#include "utf8.h"

#include <errno.h>
#include <string.h>
#include <sys/param.h>

/* Where decoded text goes, and how much of it fits. */
struct output {
        uint8_t *next;
        size_t room;
};

static int output_write(struct output *output, const void *bytes, size_t length)
{
        if (length > output->room)
                return -ENOBUFS;
        if (length > 0)
                memmove(output->next, bytes, length); /* it may be decoded where it stands */
        output->next += length;
        output->room -= length;
        return 0;
}

/* The value of "\uXXXX" at p, or -1 if that does not stand there. */
static int32_t read_unit(const uint8_t *p, const uint8_t *end)
{
        int32_t unit = 0;

        if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
                return -1;
        for (size_t i = 2; i < 6; i++) {
                if (!text_hex_digits[p[i]])
                        return -1;
                unit = unit << 4 | (text_hex_digits[p[i]] - 1);
        }
        return unit;
}

/* Decodes the escape at *p and steps over it. */
static int unescape_one(const uint8_t **p, const uint8_t *end, struct output *output)
{
        uint8_t bytes[4];
        int32_t low, unit = read_unit(*p, end);

        if (unit < 0) {
                if (end - *p < 2 || !text_escapes[(*p)[1]])
                        return -EINVAL;
                bytes[0] = text_escapes[(*p)[1]];
                *p += 2;
                return output_write(output, bytes, 1);
        }
        *p += 6;
        if (text_is_high_surrogate((uint32_t)unit) && (low = read_unit(*p, end)) >= 0 &&
            text_is_low_surrogate((uint32_t)low)) {
                unit = (int32_t)text_join_surrogates((uint32_t)unit, (uint32_t)low);
                *p += 6;
        } else if (unit >= 0xD800 && unit <= 0xDFFF) {
                unit = UTF8_REPLACEMENT;
        }
        return output_write(output, bytes, utf8_encode((uint32_t)unit, bytes));
}

ptrdiff_t text_unescape(const char *raw, size_t length, char *out, size_t size)
{
        struct output output = {(uint8_t *)out, size};
        const uint8_t *p = (const uint8_t *)raw, *end = p + length;
        int r;

        while (p < end) {
                const uint8_t *escape = memchr(p, '\\', (size_t)(end - p));
                const uint8_t *stop = escape ? escape : end;

                r = output_write(&output, p, (size_t)(stop - p));
                if (r < 0)
                        return r;
                p = stop;
                if (!escape)
                        break;
                r = unescape_one(&p, end, &output);
                if (r < 0)
                        return r;
        }
        return (ptrdiff_t)(size - output.room);
}

/* Writes the escape of a control character, quote or backslash. */
static uint8_t *escape_one(uint8_t byte, uint8_t *out)
{
        static const char letters[] = "\"\\bfnrt", digits[] = "0123456789abcdef";

        for (const char *letter = letters; *letter; letter++) {
                if (text_escapes[(uint8_t)*letter] == byte) {
                        *out++ = '\\';
                        *out++ = (uint8_t)*letter;
                        return out;
                }
        }
        memcpy(out, "\\u00", 4);
        out[4] = (uint8_t)digits[byte >> 4];
        out[5] = (uint8_t)digits[byte & 15];
        return out + 6;
}

/* Steps over what is no UTF-8 sequence: the bytes that began one, or the one that cannot. */
static const uint8_t *skip_malformed(const uint8_t *p, const uint8_t *end)
{
        struct utf8 utf8;

        if (!utf8_begin(&utf8, *p++))
                return p;
        while (p < end && utf8_continue(&utf8, *p))
                p++;
        return p;
}

size_t text_escape(const char *text, size_t length, char *out)
{
        const uint8_t *p = (const uint8_t *)text, *end = p + length;
        uint8_t *o = (uint8_t *)out;

        while (p < end) {
                const size_t n = (size_t)(utf8_run(text_plain_run(p, end), end) - p);

                if (n > 0) {
                        memcpy(o, p, n);
                        o += n;
                        p += n;
                } else if (*p < 0x80) {
                        o = escape_one(*p++, o);
                } else {
                        o += utf8_encode(UTF8_REPLACEMENT, o);
                        p = skip_malformed(p, end);
                }
        }
        return (size_t)(o - (uint8_t *)out);
}

bool text_is_utf8(const char *text, size_t length)
{
        const uint8_t *p = (const uint8_t *)text, *end = p + length;

        while ((p = text_ascii_run(p, end)) < end) {
                const uint8_t *stop = utf8_run(p, end);
                if (stop == p)
                        return false;
                p = stop;
        }
        return true;
}

/* Optimal string alignment, three rows of the table at a time. */
unsigned text_distance(const char *a, const char *b)
{
        const size_t n = strlen(a), m = strlen(b);
        unsigned rows[3][TEXT_DISTANCE_MAX + 1];

        if (n > TEXT_DISTANCE_MAX || m > TEXT_DISTANCE_MAX)
                return strcmp(a, b) == 0 ? 0 : (unsigned)MAX(n, m);
        for (size_t j = 0; j <= m; j++)
                rows[0][j] = (unsigned)j;
        for (size_t i = 1; i <= n; i++) {
                unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3];
                const unsigned *second = rows[(i + 1) % 3];

                row[0] = (unsigned)i;
                for (size_t j = 1; j <= m; j++) {
                        row[j] = MIN(above[j - 1] + (a[i - 1] != b[j - 1]),
                                     MIN(above[j], row[j - 1]) + 1);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                row[j] = MIN(row[j], second[j - 2] + 1);
                }
        }
        return rows[n % 3][m];
}
