/* SPDX-License-Identifier: MIT */
#include "run_times.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN  16U
#define FALL      8U  /* by this part a mean approaches what is less */
#define RISE      4U  /* what is more, but no surprise */
#define LONE      64U /* a surprise that may be none */
#define NOISE     100000U
#define TAKEN_MAX (RUN_TIMES_UNKNOWN / 1024) /* what is told need not be so */

/* FNV-1a: names are short, and are those of the program. */
static uint32_t hash_of(const char *name, size_t length)
{
        uint32_t hash = 2166136261U;

        for (size_t i = 0; i < length; i++)
                hash = (hash ^ (uint8_t)name[i]) * 16777619U;
        return hash;
}

static struct run_time **place_of(const struct run_times *times, uint32_t hash, const char *name,
                                  size_t length)
{
        size_t i = hash & (times->room - 1);

        while (times->slot[i] &&
               (times->slot[i]->hash != hash || times->slot[i]->length != length ||
                memcmp(times->slot[i]->name, name, length) != 0))
                i = (i + 1) & (times->room - 1);
        return &times->slot[i];
}

struct run_time *run_times_find(const struct run_times *times, const char *name, size_t length)
{
        return times->room ? *place_of(times, hash_of(name, length), name, length) : NULL;
}

static int grow(struct run_times *times)
{
        struct run_times larger = {.room = times->room ? 2 * times->room : ROOM_MIN};

        larger.slot = calloc(larger.room, sizeof(struct run_time *));
        if (!larger.slot)
                return -ENOMEM;
        for (size_t i = 0; i < times->room; i++) {
                struct run_time *time = times->slot[i];
                if (time)
                        *place_of(&larger, time->hash, time->name, time->length) = time;
        }
        larger.count = times->count;
        free(times->slot);
        *times = larger;
        return 0;
}

static int add(struct run_times *times, const char *name, bool is_async)
{
        size_t length = strlen(name);
        struct run_time *time = run_times_find(times, name, length);

        if (time) {
                time->is_async = is_async;
                return 0;
        }
        if (times->count >= RUN_TIMES_MAX)
                return 0;
        if (2 * (times->count + 1) > times->room && grow(times) < 0)
                return -ENOMEM;
        time = malloc(sizeof(*time) + length);
        if (!time)
                return -ENOMEM;
        *time = (struct run_time){
                .is_async = is_async,
                .hash = hash_of(name, length),
                .length = length,
        };
        memcpy(time->name, name, length);
        *place_of(times, time->hash, name, length) = time;
        times->count++;
        return 0;
}

static bool is_async(struct json_object *method)
{
        struct json_object *value = NULL;

        json_object_object_get_ex(method, "async", &value);
        return json_object_get_boolean(value);
}

int run_times_learn(struct run_times *times, struct json_object *methods)
{
        if (!json_object_is_type(methods, json_type_object))
                return 0;
        json_object_object_foreach(methods, name, method)
        {
                if (add(times, name, is_async(method)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

void run_times_clear(struct run_times *times)
{
        for (size_t i = 0; i < times->room; i++)
                free(times->slot[i]);
        free(times->slot);
        *times = (struct run_times){0};
}

static void approach(uint64_t *mean, uint64_t taken, uint64_t part)
{
        *mean += ((int64_t)taken - (int64_t)*mean) / (int64_t)part;
}

static void take_recent(struct run_time *time, uint64_t taken)
{
        bool is_surprise = taken > 4 * time->recent + NOISE;

        if (is_surprise && (time->calm < RUN_TIMES_CALM || taken > RUN_TIMES_PREEMPTION))
                time->recent = taken;
        else
                approach(&time->recent, taken,
                         is_surprise            ? LONE
                         : taken > time->recent ? RISE
                                                : FALL);
        if (is_surprise)
                time->calm = 0;
        else if (time->calm < RUN_TIMES_CALM)
                time->calm++;
}

void run_time_record(struct run_time *time, uint64_t taken)
{
        if (taken > TAKEN_MAX)
                taken = TAKEN_MAX;
        if (time->n < RUN_TIMES_LONG)
                time->n++;
        approach(&time->mean, taken, time->n);
        take_recent(time, taken);
}

void run_time_surprise(struct run_time *time, uint64_t taken)
{
        if (time->recent < taken)
                time->recent = taken < TAKEN_MAX ? taken : TAKEN_MAX;
        time->calm = 0;
}

uint64_t run_time_expected(const struct run_time *time)
{
        if (!time || time->is_async || time->n < RUN_TIMES_ENOUGH)
                return RUN_TIMES_UNKNOWN;
        return time->recent > time->mean ? time->recent : time->mean;
}
