/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A fleet of fake workers; its configs are made by hand.
 */
#include "fixture_request.h"
#include "fixture_worker.h"

#include "daemon/fleet.h"

#include <json-c/json.h>

static struct fleet fleet;
static struct program_options *programs[64];
static struct config config;
static unsigned n_settled, n_emptied;
static char outcome[4096]; /* "NAME change ok|error message|" of the last report */

static inline void keep_report(const struct fleet_report *report)
{
        size_t length = 0;

        outcome[0] = '\0';
        json_object_object_foreach(report->programs, name, entry)
        {
                struct json_object *error = json_object_object_get(entry, "error");
                bool is_ok = json_object_get_boolean(json_object_object_get(entry, "ok"));
                ck_assert_int_eq(is_ok, !error);
                length += (size_t)snprintf(
                        outcome + length, sizeof(outcome) - length, "%s %s %s|", name,
                        json_object_get_string(json_object_object_get(entry, "change")),
                        is_ok ? "ok" : "failed");
        }
}

static inline void on_settled(void *userdata, const struct fleet_report *report)
{
        ck_assert_ptr_eq(userdata, &fleet);
        n_settled++;
        keep_report(report);
}

static inline void on_emptied(void *userdata)
{
        ck_assert_ptr_eq(userdata, &fleet);
        n_emptied++;
}

static const struct fleet_events events = {on_settled, on_emptied};

static inline void forget_config(void)
{
        while (config.n_programs > 0)
                program_options_unref(programs[--config.n_programs]);
}

static inline void fleet_begin(void)
{
        workers_begin();
        requests_begin();
        config = (struct config){.programs = programs};
        n_settled = n_emptied = 0;
        fleet_init(&fleet, &around, &events, &fleet);
}

static inline void fleet_end(void)
{
        forget_config();
        fleet_stop(&fleet, true, units_now());
        fleet_clear(&fleet);
        requests_end();
        workers_end();
}

/* A program of the next config. */
static inline struct program_options *want(const char *name, const char *mode)
{
        return programs[config.n_programs++] = new_options(name, mode);
}

/* Begins with what is wanted. */
static inline void apply(void)
{
        ck_assert_int_eq(fleet_apply(&fleet, &config, units_now()), 0);
        forget_config();
}
