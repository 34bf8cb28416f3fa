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

static void answer(struct reload *reload, struct json_object *result)
{
        struct rpc_answer answer;

        rpc_answer_init(&answer, reload->around->buffers);
        rpc_answer_succeed(&answer, result);
        request_finish_all(&reload->askers, &answer);
        rpc_answer_clear(&answer);
}

static void begin_loading(struct reload *reload);

/* Answers those who asked, and goes on to the next one if it is wanted. Takes the result. */
static void end(struct reload *reload, struct json_object *result)
{
        bool was_first = reload->state == RELOAD_FIRST;

        json_put(result, "warnings", steal(reload->warnings));
        reload->state = RELOAD_IDLE;
        answer(reload, result);
        reload->events->ended(reload->userdata, was_first);
        if (reload->is_wanted)
                begin_loading(reload);
}

/* The old config goes on. Takes the errors. */
static void fail(struct reload *reload, struct json_object *errors)
{
        struct json_object *result = json_object_new_object();

        log_event(LOG_EVENT_RELOAD_REFUSED, LOG_ERR, NULL,
                  "the config cannot be taken: the old one goes on");
        json_put(result, "ok", json_object_new_boolean(false));
        json_put(result, "errors", errors);
        end(reload, result);
}

static void fail_with(struct reload *reload, int error)
{
        struct json_object *errors = json_object_new_array();
        char text[256];

        snprintf(text, sizeof(text), "cannot read the config: %s", strerror(-error));
        log_error(NULL, "%s", text);
        add_text(errors, text);
        fail(reload, errors);
}

static void begin_loading(struct reload *reload)
{
        reload->state = RELOAD_LOADING;
        reload->is_wanted = false;
        reload->begun = units_now();
        reload->warnings = json_object_new_array();
        request_move_all(&reload->askers, &reload->next_askers);
        log_notice(NULL, "reading the config anew: %s", reload->path);
        reload->events->moved(reload->userdata);
        int r = loading_new(reload->around->base, reload->path, on_loaded, reload,
                            &reload->loading);
        if (r < 0)
                fail_with(reload, r);
}

/* Follows a config that is right. */
static int take_config(struct reload *reload, const struct config *config)
{
        int r = reload->events->apply(reload->userdata, config, reload->warnings);

        return r == 0 ? fleet_apply(reload->fleet, config, units_now()) : r;
}

static void on_proceed(struct turn_task *task)
{
        struct reload *reload = CONTAINER_OF(task, struct reload, proceed);
        struct loaded *loaded = &reload->loaded;
        int r = loaded->result;

        reload->loading = loading_free(reload->loading);
        json_object_put(reload->warnings);
        reload->warnings = take_messages(&loaded->errors, true);
        reload->state = RELOAD_SETTLING;
        reload->events->moved(reload->userdata);
        if (r == 0)
                r = take_config(reload, loaded->config);
        if (r > 0)
                fail(reload, take_messages(&loaded->errors, false));
        else if (r < 0)
                fail_with(reload, r);
        loaded_clear(loaded);
}

void reload_ask(struct reload *reload, struct request *request)
{
        if (reload->state == RELOAD_OVER)
                return;
        if (request)
                request_defer(request, &reload->next_askers);
        reload->is_wanted = true;
        if (reload->state == RELOAD_IDLE)
                begin_loading(reload);
        else
                log_info(NULL, "the config will be read anew when the programs are settled");
}

void reload_settled(struct reload *reload, const struct fleet_report *report)
{
        struct json_object *result = json_object_new_object();

        if (reload->state == RELOAD_SETTLING)
                log_event(LOG_EVENT_RELOADED, report->failed ? LOG_WARNING : LOG_NOTICE, NULL,
                          "the config is taken, after %.1f ms: %u programs changed, %u added, %u "
                          "removed, %u unchanged%s",
                          (double)(units_now() - reload->begun) / 1e3, report->changed,
                          report->added, report->removed, report->unchanged,
                          report->failed ? "; some fail to start" : "");
        json_put(result, "ok", json_object_new_boolean(report->failed == 0));
        json_put(result, "programs", json_object_get(report->programs));
        if (reload->state == RELOAD_OVER)
                json_object_put(result);
        else
                end(reload, result);
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
                .warnings = json_object_new_array(),
                .proceed.run = on_proceed,
        };
        TAILQ_INIT(&reload->askers);
        TAILQ_INIT(&reload->next_askers);
        return reload->path ? 0 : -ENOMEM;
}

int reload_begin(struct reload *reload, const struct config *config)
{
        return take_config(reload, config);
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
