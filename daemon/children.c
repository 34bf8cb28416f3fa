/* SPDX-License-Identifier: MIT */
#include "children.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 16U

void children_clear(struct children *children)
{
        free(children->by_pid);
        free(children->numbers);
        *children = (struct children){0};
}

/* The first place whose pid is not below this one. */
static size_t pid_place(const struct children *children, pid_t pid)
{
        size_t low = 0, high = children->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (children->by_pid[middle].pid < pid)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static size_t number_place(const struct children *children, uint64_t number)
{
        size_t low = 0, high = children->n_numbers;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (children->numbers[middle] < number)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static bool is_of_program(uint64_t number)
{
        return number != CHILDREN_INHERITED && number < CHILDREN_SUSPECT;
}

static int make_room(struct children *children)
{
        size_t room = children->room ? 2 * children->room : FIRST_ROOM;

        if (children->count < children->room && children->n_numbers < children->room)
                return 0;
        struct child *by_pid = reallocarray(children->by_pid, room, sizeof(*by_pid));
        if (!by_pid)
                return -ENOMEM;
        children->by_pid = by_pid;
        uint64_t *numbers = reallocarray(children->numbers, room, sizeof(*numbers));
        if (!numbers)
                return -ENOMEM;
        children->numbers = numbers;
        children->room = room;
        return 0;
}

static void add_number(struct children *children, uint64_t number)
{
        size_t place = number_place(children, number);

        memmove(children->numbers + place + 1, children->numbers + place,
                (children->n_numbers++ - place) * sizeof(*children->numbers));
        children->numbers[place] = number;
}

int children_add(struct children *children, pid_t pid, uint64_t number)
{
        size_t place = pid_place(children, pid);
        int r = make_room(children);

        if (r < 0)
                return r;
        memmove(children->by_pid + place + 1, children->by_pid + place,
                (children->count++ - place) * sizeof(*children->by_pid));
        children->by_pid[place] = (struct child){pid, number};
        if (is_of_program(number))
                add_number(children, number);
        return 0;
}

static void remember(struct children *children, uint64_t number, const char *program)
{
        struct child_ended *ended = &children->ended[children->n_ended++ % CHILDREN_ENDED_MAX];

        ended->number = number;
        snprintf(ended->program, sizeof(ended->program), "%s", program);
}

static void forget_number(struct children *children, uint64_t number)
{
        size_t place = number_place(children, number);

        memmove(children->numbers + place, children->numbers + place + 1,
                (--children->n_numbers - place) * sizeof(*children->numbers));
}

int children_expect(struct children *children, uint64_t number)
{
        int r = make_room(children);

        if (r == 0)
                add_number(children, number);
        return r;
}

void children_expect_no_more(struct children *children, uint64_t number)
{
        forget_number(children, number);
}

void children_remove(struct children *children, pid_t pid, const char *program)
{
        size_t place = pid_place(children, pid);

        if (!children_find(children, pid))
                return;
        uint64_t number = children->by_pid[place].number;
        memmove(children->by_pid + place, children->by_pid + place + 1,
                (--children->count - place) * sizeof(*children->by_pid));
        if (!is_of_program(number))
                return;
        forget_number(children, number);
        remember(children, number, program);
        if (children->left)
                children->left(children->userdata);
}

const struct child *children_find(const struct children *children, pid_t pid)
{
        size_t place = pid_place(children, pid);

        if (place == children->count || children->by_pid[place].pid != pid)
                return NULL;
        return &children->by_pid[place];
}

bool children_has_number(const struct children *children, uint64_t number)
{
        size_t place = number_place(children, number);

        return place < children->n_numbers && children->numbers[place] == number;
}

const char *children_program_of(const struct children *children, uint64_t number)
{
        for (size_t i = 0; i < CHILDREN_ENDED_MAX && i < children->n_ended; i++)
                if (children->ended[i].number == number)
                        return children->ended[i].program;
        return NULL;
}
