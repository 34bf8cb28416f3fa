/* SPDX-License-Identifier: MIT */
#include "pages.h"

#include "memfd.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Maps what the daemon looks at, and seals the file: as it is now it stays. */
static int map(int fd, size_t size, int protection, int seals, void **ret)
{
        void *memory = mmap(NULL, size, protection, MAP_SHARED, fd, 0);

        if (memory == MAP_FAILED)
                return -errno;
        *ret = memory;
        seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
        return fcntl(fd, F_ADD_SEALS, seals) < 0 ? -errno : 0;
}

int pages_open(struct pages *pages)
{
        void *counters = NULL, *wanted = NULL;
        int r = 0;

        *pages = (struct pages)PAGES_NONE;
        pages->fd[PAGES_COUNTERS] = r = memfd_make("jumpboot-counters", PAGES_COUNTERS_SIZE);
        if (r >= 0)
                pages->fd[PAGES_WANTED] = r = memfd_make("jumpboot-wanted", PAGES_WANTED_SIZE);
        if (r >= 0)
                r = map(pages->fd[PAGES_COUNTERS], PAGES_TEXT_OFFSET, PROT_READ, 0, &counters);
        pages->counters = counters;
        if (r >= 0)
                r = map(pages->fd[PAGES_WANTED], PAGES_WANTED_SIZE, PROT_READ | PROT_WRITE,
                        F_SEAL_FUTURE_WRITE, &wanted);
        pages->wanted = wanted;
        if (r < 0) {
                pages_clear(pages);
                return r;
        }
        pages_rewind_text(pages);
        return 0;
}

void pages_close_wanted(struct pages *pages)
{
        pages->fd[PAGES_WANTED] = close_fd(pages->fd[PAGES_WANTED]);
}

void pages_clear(struct pages *pages)
{
        for (int i = 0; i < PAGES_COUNT; i++)
                pages->fd[i] = close_fd(pages->fd[i]);
        if (pages->counters)
                munmap((void *)(uintptr_t)steal(pages->counters), PAGES_TEXT_OFFSET);
        if (pages->wanted)
                munmap(steal(pages->wanted), PAGES_WANTED_SIZE);
}

struct pages_counts pages_counts(const struct pages *pages)
{
        struct pages_counts counts;

        counts.finished = __atomic_load_n(&pages->counters[1], __ATOMIC_SEQ_CST);
        counts.started = __atomic_load_n(&pages->counters[0], __ATOMIC_SEQ_CST);
        return counts;
}

uint64_t pages_run_time(const struct pages *pages, uint64_t ordinal)
{
        return __atomic_load_n(&pages->counters[PAGES_RUN_TIMES_AT + ordinal % PAGES_RUN_TIMES],
                               __ATOMIC_RELAXED);
}

/* What is copied while the worker writes the next answers over it is thrown away: it has begun to
 * gather anew then, as the word says. */
size_t pages_held(const struct pages *pages, void *copy)
{
        const uint64_t *word = &pages->counters[PAGES_HELD_WORD];
        uint64_t before = __atomic_load_n(word, __ATOMIC_ACQUIRE);
        size_t length = (uint32_t)before;

        if (length > PAGES_HELD_MAX)
                return 0;
        memcpy(copy, (const char *)pages->counters + PAGES_HELD_OFFSET, length);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        return __atomic_load_n(word, __ATOMIC_RELAXED) >> 32 == before >> 32 ? length : 0;
}

void pages_want(struct pages *pages, uint64_t ordinal, bool is_cancelled)
{
        __atomic_store_n(&pages->wanted[ordinal % PAGES_CELLS], ordinal << 1 | is_cancelled,
                         __ATOMIC_SEQ_CST);
}

void pages_unwant(struct pages *pages, uint64_t ordinal)
{
        __atomic_store_n(&pages->wanted[ordinal % PAGES_CELLS], 0, __ATOMIC_SEQ_CST);
}

bool pages_is_cancelled(const struct pages *pages, uint64_t ordinal)
{
        return pages->wanted[ordinal % PAGES_CELLS] == (ordinal << 1 | 1);
}

void pages_rewind_text(struct pages *pages)
{
        lseek(pages->fd[PAGES_COUNTERS], PAGES_TEXT_OFFSET, SEEK_SET);
}

/* Where the text ends; where it begins, if there is none. The offset is the worker's as well, who
 * may have moved it anywhere. */
static off_t end_of_text(const struct pages *pages)
{
        off_t end = lseek(pages->fd[PAGES_COUNTERS], 0, SEEK_CUR);

        return end < (off_t)PAGES_TEXT_OFFSET || end > (off_t)PAGES_COUNTERS_SIZE
                       ? (off_t)PAGES_TEXT_OFFSET
                       : end;
}

size_t pages_text(const struct pages *pages, char *text, size_t room)
{
        size_t length = (size_t)end_of_text(pages) - PAGES_TEXT_OFFSET;
        ssize_t got = pread(pages->fd[PAGES_COUNTERS], text, length < room ? length : room,
                            PAGES_TEXT_OFFSET);

        return got < 0 ? 0 : length;
}

bool pages_text_has_ended(const struct pages *pages)
{
        off_t end = end_of_text(pages);
        char last = 'x';

        return end > (off_t)PAGES_TEXT_OFFSET &&
               pread(pages->fd[PAGES_COUNTERS], &last, 1, end - 1) == 1 && last == '\0';
}
