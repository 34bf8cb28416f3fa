/* SPDX-License-Identifier: MIT */
#include "entry.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"

#include <string.h>

/* How long the next line may take: where it must come, and where it may. */
#define HOLD_SURE    (1 * USEC_PER_SEC)
#define HOLD_PERHAPS (200 * USEC_PER_MSEC)
#define ROOM_MIN     1024U

void entry_init(struct entry *entry, int usual_level, entry_fn *tell, void *userdata)
{
        *entry = (struct entry){
                .tell = tell,
                .userdata = userdata,
                .usual_level = usual_level,
                .held.level = usual_level,
        };
}

void entry_clear(struct entry *entry)
{
        free(steal(entry->bytes));
        entry->room = 0;
        entry->held.n_lines = 0;
        entry->due = 0;
}

void entry_flush(struct entry *entry)
{
        struct entry_text text = entry->held;

        if (text.n_lines == 0)
                return;
        text.text = entry->bytes;
        entry->held.n_lines = 0;
        entry->held.length = 0;
        entry->due = 0;
        entry->tell(entry->userdata, &text);
        free(steal(entry->bytes));
        entry->room = 0;
}

static bool append(struct entry *entry, const char *text, size_t length)
{
        size_t room = entry->room ? entry->room : ROOM_MIN;

        while (room < entry->held.length + length)
                room *= 2;
        char *bytes = room > entry->room ? realloc(entry->bytes, room) : entry->bytes;
        if (!bytes)
                return false;
        entry->bytes = bytes;
        entry->room = room;
        memcpy(bytes + entry->held.length, text, length);
        entry->held.length += length;
        return true;
}

/* Adds a line to what is held; false: there is no room. */
static bool hold(struct entry *entry, const struct entry_line *line)
{
        bool is_new_line = entry->held.n_lines > 0 && !line->is_rest;

        if (entry->held.length + line->length + 1 > LOG_TEXT_MAX)
                return false;
        size_t before = entry->held.length;
        if ((is_new_line && !append(entry, "\n", 1)) || !append(entry, line->text, line->length)) {
                entry->held.length = before;
                return false;
        }
        entry->held.n_lines += entry->held.n_lines == 0 || is_new_line;
        return true;
}

static void tell_alone(struct entry *entry, const struct entry_line *line)
{
        const struct entry_text text = {
                .text = line->text,
                .length = line->length,
                .n_lines = 1,
                .serial = line->serial,
                .level = entry->held.level,
        };

        entry->tell(entry->userdata, &text);
}

/* Keeps the line, or tells it where nothing can follow that belongs to it. */
static void take(struct entry *entry, const struct entry_line *line, uint64_t now)
{
        bool is_perhaps = entry->traceback == TRACEBACK_TITLE ||
                          entry->traceback == TRACEBACK_ERROR || entry->traceback == TRACEBACK_GAP;
        bool may_go_on = entry->has_more || entry->traceback != TRACEBACK_NONE;

        entry->held.serial = line->serial;
        if (entry->held.n_lines == 0 && !may_go_on) {
                tell_alone(entry, line);
                return;
        }
        if (!hold(entry, line)) {
                entry_flush(entry);
                if (!hold(entry, line)) {
                        tell_alone(entry, line);
                        return;
                }
        }
        entry->due = now + (entry->has_more || !is_perhaps ? HOLD_SURE : HOLD_PERHAPS);
        if (!may_go_on)
                entry_flush(entry);
}

/* Whether it belongs to what is held. */
static bool belongs(struct entry *entry, const struct entry_line *line)
{
        if (entry->held.n_lines == 0 || line->serial != entry->held.serial || line->level >= 0)
                return false;
        if (entry->has_more) {
                if (!traceback_continue(&entry->traceback, line->text, line->length))
                        entry->traceback = traceback_begin(line->text, line->length);
                return true;
        }
        return traceback_continue(&entry->traceback, line->text, line->length);
}

void entry_add(struct entry *entry, const struct entry_line *line, uint64_t now)
{
        if (!line->is_rest && !belongs(entry, line)) {
                entry_flush(entry);
                entry->held.level = line->level >= 0 ? line->level : entry->usual_level;
                entry->traceback = traceback_begin(line->text, line->length);
        }
        entry->has_more = line->has_more;
        take(entry, line, now);
}
