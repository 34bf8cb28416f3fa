/* SPDX-License-Identifier: MIT */
#include "slot_text.h"

#include <stdio.h>
#include <string.h>

#define SLOT "${slot}"

enum piece { PIECE_END, PIECE_CHARACTER, PIECE_ESCAPE, PIECE_SLOT, PIECE_UNKNOWN };

/* What the text begins with. */
static enum piece piece_at(const char *text)
{
        if (!*text)
                return PIECE_END;
        if (strncmp(text, "$${", 3) == 0)
                return PIECE_ESCAPE;
        if (strncmp(text, "${", 2) != 0)
                return PIECE_CHARACTER;
        return strncmp(text, SLOT, strlen(SLOT)) == 0 ? PIECE_SLOT : PIECE_UNKNOWN;
}

static size_t length_of(enum piece piece)
{
        static const size_t lengths[] = {0, 1, 3, sizeof(SLOT) - 1, 2};

        return lengths[piece];
}

static bool has(const char *text, enum piece wanted)
{
        enum piece piece;

        for (; (piece = piece_at(text)) != PIECE_END; text += length_of(piece))
                if (piece == wanted)
                        return true;
        return false;
}

bool slot_text_uses_slot(const char *text)
{
        return has(text, PIECE_SLOT);
}

bool slot_text_is_right(const char *text, char fault[static SLOT_TEXT_FAULT_MAX])
{
        enum piece piece;
        int shown;

        while ((piece = piece_at(text)) != PIECE_UNKNOWN) {
                if (piece == PIECE_END)
                        return true;
                text += length_of(piece);
        }
        shown = (int)strcspn(text, "}") + 1;
        if ((size_t)shown > strlen(text) || shown > 40)
                shown = 2;
        snprintf(fault, SLOT_TEXT_FAULT_MAX,
                 "\"%.*s\" is not known here: \"" SLOT "\" is the number of the worker, and "
                 "\"$%.*s\" stands for \"%.*s\" itself",
                 shown, text, shown, text, shown, text);
        return false;
}

size_t slot_text_expand(const char *text, unsigned slot, char *out)
{
        char number[16];
        size_t length = 0;
        enum piece piece;

        snprintf(number, sizeof(number), "%u", slot);
        for (; (piece = piece_at(text)) != PIECE_END; text += length_of(piece)) {
                const char *from = piece == PIECE_SLOT     ? number
                                   : piece == PIECE_ESCAPE ? "${"
                                                           : text;
                size_t n = from == text ? length_of(piece) : strlen(from);

                if (out)
                        memcpy(out + length, from, n);
                length += n;
        }
        if (out)
                out[length] = '\0';
        return length;
}
