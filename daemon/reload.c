/* SPDX-License-Identifier: MIT */
#include "reload.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"
#include "json_put.h"

#include <errno.h>
#include <string.h>

static void add_text(struct json_object *array, const char *text)
{
        json_object_array_add(array, rpc_json_text(text, strlen(text)));
}

/* What was wrong, or remarkable: in the log, and as an array of texts. */
static struct json_object *take_messages(const struct config_errors *errors, bool are_warnings)
{
        struct json_object *texts = json_object_new_array();

        for (size_t i = 0; i < errors->n_messages; i++) {
                const struct config_message *message = &errors->messages[i];
                if (message->is_warning != are_warnings)
                        continue;
                log_at(are_warnings ? LOG_WARNING : LOG_ERR, NULL, "%s", message->text);
                add_text(texts, message->text);
        }
        if (errors->n_left_out > 0 && !are_warnings) {
                char text[64];
                snprintf(text, sizeof(text), "and %zu more like these", errors->n_left_out);
                log_error(NULL, "%s", text);
                add_text(texts, text);
        }
        return texts;
}

static void on_loaded(void *userdata, struct loaded *loaded)
{
        struct reload *reload = userdata;

        reload->loaded = *loaded;
        *loaded = (struct loaded){0};
        turn_defer(reload->around->turn, &reload->proceed);
}

static void answer(struct reload *reload, struct request_list *askers, struct json_object *result)
{
        struct rpc_answer answer;

        rpc_answer_init(&answer, reload->around->buffers);
        rpc_answer_succeed(&answer, result);
        request_finish_all(askers, &answer);
        rpc_answer_clear(&answer);
}

static void begin_loading(struct reload *reload);

/* Tells how far it is now, and goes on to the next one if it is wanted. */
static void go_on(struct reload *reload)
{
        reload->state = reload->loading ? RELOAD_LOADING
                                        : (reload->is_settling ? RELOAD_SETTLING : RELOAD_IDLE);
        if (reload->state != RELOAD_IDLE)
                reload->events->moved(reload->userdata);
        else if (!reload->is_first)
                reload->events->ended(reload->userdata, false);
        if (reload->is_wanted && !reload->loading)
                begin_loading(reload);
}

/* The old config goes on. Takes the errors and the warnings. */
static void fail(struct reload *reload, struct json_object *errors, struct json_object *warnings)
{
        struct json_object *result = json_object_new_object();

        log_event(LOG_EVENT_RELOAD_REFUSED, LOG_ERR, NULL,
                  "the config cannot be taken: the old one goes on");
        json_put(result, "ok", json_object_new_boolean(false));
        json_put(result, "errors", errors);
        json_put(result, "warnings", warnings);
        answer(reload, &reload->readers, result);
        go_on(reload);
}

static void fail_with(struct reload *reload, int error, struct json_object *warnings)
{
        struct json_object *errors = json_object_new_array();
        char text[256];

        snprintf(text, sizeof(text), "cannot read the config: %s", strerror(-error));
        log_error(NULL, "%s", text);
        add_text(errors, text);
        fail(reload, errors, warnings);
}

static void begin_loading(struct reload *reload)
{
        reload->is_wanted = false;
        reload->loading_begun = units_now();
        request_move_all(&reload->readers, &reload->waiters);
        log_notice(NULL, "reading the config anew: %s", reload->path);
        int r = loading_new(reload->around->base, reload->path, on_loaded, reload,
                            &reload->loading);
        if (r < 0)
                fail_with(reload, r, json_object_new_array());
        else
                go_on(reload);
}

/* Follows a config that is right. */
static int take_config(struct reload *reload, const struct config *config,
                       struct json_object *warnings)
{
        int r = reload->events->apply(reload->userdata, config, warnings);

        return r == 0 ? fleet_apply(reload->fleet, config, units_now()) : r;
}

/* Waits for the programs of the config that was just taken. Takes the warnings. */
static void settle(struct reload *reload, struct json_object *warnings)
{
        json_object_put(reload->warnings);
        reload->warnings = warnings;
        reload->begun = reload->loading_begun;
        reload->is_settling = true;
        request_move_all(&reload->askers, &reload->readers);
        go_on(reload);
}

static void on_proceed(struct turn_task *task)
{
        struct reload *reload = CONTAINER_OF(task, struct reload, proceed);
        struct loaded loaded = reload->loaded;
        struct json_object *warnings = take_messages(&loaded.errors, true);
        int r = loaded.result;

        reload->loaded = (struct loaded){0};
        reload->loading = loading_free(reload->loading);
        if (r == 0)
                r = take_config(reload, loaded.config, warnings);
        if (r == 0)
                settle(reload, warnings);
        else if (r > 0)
                fail(reload, take_messages(&loaded.errors, false), warnings);
        else
                fail_with(reload, r, warnings);
        loaded_clear(&loaded);
}

void reload_ask(struct reload *reload, struct request *request)
{
        if (reload->state == RELOAD_OVER) {
                log_notice(NULL, "the daemon stops: the config is not read anew");
                return;
        }
        if (request)
                request_defer(request, &reload->waiters);
        reload->is_wanted = true;
        if (reload->loading)
                log_info(NULL, "the config is being read, and will be once more after that");
        else
                begin_loading(reload);
}

static void log_settled(const struct reload *reload, const struct fleet_report *report)
{
        log_event(LOG_EVENT_RELOADED, report->failed ? LOG_WARNING : LOG_NOTICE, NULL,
                  "the config is taken, after %.1f ms: %u programs changed, %u added, %u removed, "
                  "%u unchanged%s",
                  (double)(units_now() - reload->begun) / 1e3, report->changed, report->added,
                  report->removed, report->unchanged, report->failed ? "; some fail to start" : "");
}

void reload_settled(struct reload *reload, const struct fleet_report *report)
{
        bool was_first = reload->is_first;
        struct json_object *result;

        if (reload->state == RELOAD_OVER)
                return;
        if (reload->is_settling)
                log_settled(reload, report);
        result = json_object_new_object();
        json_put(result, "ok", json_object_new_boolean(report->failed == 0));
        json_put(result, "programs", json_object_get(report->programs));
        json_put(result, "warnings", steal(reload->warnings));
        reload->is_first = reload->is_settling = false;
        answer(reload, &reload->askers, result);
        if (was_first)
                reload->events->ended(reload->userdata, true);
        if (!was_first || reload->loading)
                go_on(reload);
}

int reload_init(struct reload *reload, const struct surroundings *around, struct fleet *fleet,
                const struct reload_events *events, void *userdata, const char *path)
{
        *reload = (struct reload){
                .around = around,
                .fleet = fleet,
                .events = events,
                .userdata = userdata,
                .path = strdup(path),
                .is_first = true,
                .warnings = json_object_new_array(),
                .proceed.run = on_proceed,
        };
        TAILQ_INIT(&reload->askers);
        TAILQ_INIT(&reload->readers);
        TAILQ_INIT(&reload->waiters);
        return reload->path ? 0 : -ENOMEM;
}

int reload_begin(struct reload *reload, const struct config *config)
{
        return take_config(reload, config, reload->warnings);
}

void reload_end(struct reload *reload)
{
        if (reload->state == RELOAD_LOADING || reload->state == RELOAD_SETTLING)
                log_notice(NULL, "giving up on the config that was to be taken");
        reload->state = RELOAD_OVER;
        turn_forget(&reload->proceed);
        reload->loading = loading_free(reload->loading);
}

void reload_clear(struct reload *reload)
{
        reload->state = RELOAD_OVER;
        turn_forget(&reload->proceed);
        reload->loading = loading_free(reload->loading);
        loaded_clear(&reload->loaded);
        json_object_put(steal(reload->warnings));
        free(steal(reload->path));
}
