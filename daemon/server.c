/* SPDX-License-Identifier: MIT */
#include "server.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>

#define TRIM_SECONDS 10 /* how often an idle daemon gives memory back */
static void on_stop_signal(evutil_socket_t number, short what, void *userdata)
{
        struct server *server = userdata;

        (void)what;
        if (server->state == SERVER_RUNNING) {
                log_notice(NULL, "%s: answering what is under way, then stopping",
                           number == SIGTERM ? "SIGTERM" : "SIGINT");
                end_begin(server);
        } else {
                log_notice(NULL, "another signal: stopping at once");
                end_hurry(server);
        }
}

static void on_hangup_signal(evutil_socket_t number, short what, void *userdata)
{
        struct server *server = userdata;

        (void)number;
        (void)what;
        reload_ask(&server->reload, NULL);
}

static void on_trim(evutil_socket_t fd, short what, void *userdata)
{
        struct server *server = userdata;

        (void)fd;
        (void)what;
        oom_refresh(&server->oom);
        cgroups_refresh(&server->cgroups);
        if (server->state == SERVER_RUNNING)
                service_look(&server->service, units_now());
        if (server->clients.n_requests > 0 || server->buffers.free_memory == 0)
                return;
        buffer_pool_trim(&server->buffers);
        malloc_trim(0);
}

static void on_accepted(void *userdata, int fd)
{
        struct server *server = userdata;
        struct client *client;

        if (client_new(&server->clients, fd, &client) < 0)
                log_error(NULL, "dropping a new client: out of memory");
        if (server->clients.n_clients >= server->max_clients) {
                if (!server->is_full_told)
                        log_event(LOG_EVENT_CLIENTS_FULL, LOG_WARNING, NULL,
                                  "max_clients (%u) is reached: the next ones wait",
                                  server->max_clients);
                server->is_full_told = true;
                listeners_pause(&server->listeners);
        }
}

static void on_client_gone(void *userdata)
{
        struct server *server = userdata;

        if (server->state != SERVER_RUNNING)
                end_go_on(server);
        else if (server->clients.n_clients < server->max_clients)
                listeners_resume(&server->listeners);
        if (server->clients.n_clients < server->max_clients / 2)
                server->is_full_told = false;
}

static void on_client_held(void *userdata)
{
        struct server *server = userdata;

        pressure_begin(&server->pressure);
}

static enum control_outcome on_control(void *userdata, const struct call *call,
                                       struct request *request, struct rpc_answer *answer)
{
        const struct server *server = userdata;

        return control_call(&server->control, call, request, answer);
}

static void on_settled(void *userdata, const struct fleet_report *report)
{
        struct server *server = userdata;

        reload_settled(&server->reload, report);
}

static void on_emptied(void *userdata)
{
        struct server *server = userdata;

        end_go_on(server);
}

static const struct fleet_events fleet_events = {on_settled, on_emptied};

static void on_reload_ended(void *userdata, bool is_first)
{
        struct server *server = userdata;
        size_t n = server->fleet.registry.n_pools, failing = fleet_count_failing(&server->fleet);

        if (is_first)
                log_notice(NULL, "serving %zu programs on %s%s", n, server->listeners.path,
                           failing ? ", some of which fail to start" : "");
        service_enter(&server->service, SUMMARY_SERVING, 0, units_now());
}

static void on_reload_moved(void *userdata)
{
        struct server *server = userdata;

        /* In its start it is not ready, and does not become so by a reload. */
        if (server->reload.is_first)
                return;
        service_enter(&server->service,
                      server->reload.state == RELOAD_LOADING ? SUMMARY_LOADING : SUMMARY_SETTLING,
                      0, units_now());
}

static void on_look(void *userdata, struct summary *ret)
{
        const struct server *server = userdata;

        summary_take(ret, &server->fleet, &server->clients, "/proc");
}

/* Lets as many clients in as there may be. */
static void admit_clients(struct server *server, const struct config *config)
{
        uint64_t n_workers = 0;

        /* While one is replaced, there is one more. */
        for (size_t i = 0; i < config->n_programs; i++)
                n_workers += config->programs[i]->max_workers + 1;
        server->max_clients = file_limit_clients(&server->file_limit, n_workers,
                                                 server->settings.options.max_clients);
        if (server->clients.n_clients < server->max_clients)
                listeners_resume(&server->listeners);
        else
                listeners_pause(&server->listeners);
}

/* Of the options for control groups some may have no effect, which is told. */
static void tell_of_groups(struct server *server, const struct config *config)
{
        unsigned wanted = 0;

        for (size_t i = 0; i < config->n_programs; i++) {
                const struct cgroup_limits limits = cgroup_limits_of(config->programs[i]);
                wanted |= cgroup_limits_wanted(&limits);
        }
        cgroups_want(&server->cgroups, wanted);
}

static int on_apply(void *userdata, const struct config *config, struct json_object *warnings)
{
        struct server *server = userdata;
        const struct server_options *options = &server->settings.options;
        int r = settings_take(&server->settings, config, warnings);

        if (r < 0)
                return r;
        server->workers.max_response_size = options->max_response_size;
        server->workers.max_request_size = options->max_request_size;
        server->workers.max_unread = options->max_buffered / 2;
        server->workers.max_call_depth = options->max_call_depth;
        server->control.admins = (struct access){options->admin_users, options->admin_groups};
        server->clients.max_requests = options->max_client_requests;
        server->clients.max_request_size = options->max_request_size;
        server->clients.max_buffered = options->max_buffered;
        server->clients.max_unsent = options->max_buffered / 2;
        server->clients.batched.max = options->max_buffered / 2;
        server->workers.max_buffered = options->max_buffered;
        admit_clients(server, config);
        tell_of_groups(server, config);
        return 0;
}

static const struct reload_events reload_events = {on_apply, on_reload_moved, on_reload_ended};

static void prepare_clients(struct server *server)
{
        server->workers = (struct surroundings){
                .base = server->base,
                .turn = &server->turn,
                .buffers = &server->buffers,
                .files_limit = server->file_limit.files,
                .children = &server->children,
                .oom = &server->oom,
                .cgroups = &server->cgroups,
        };
        server->clients = (struct client_surroundings){
                .base = server->base,
                .turn = &server->turn,
                .buffers = &server->buffers,
                .registry = &server->fleet.registry,
                .control = on_control,
                .gone = on_client_gone,
                .held = on_client_held,
                .userdata = server,
        };
        TAILQ_INIT(&server->clients.clients);
        TAILQ_INIT(&server->clients.husks);
}

static void prepare_control(struct server *server)
{
        server->control = (struct control){
                .registry = &server->fleet.registry,
                .clients = &server->clients,
                .reload = &server->reload,
                .listen = server->listeners.path,
                .started = units_now(),
        };
}

static int make_events(struct server *server)
{
        static const struct {
                int number;
                event_callback_fn callback;
        } signals[] = {
                {SIGTERM, on_stop_signal}, {SIGINT, on_stop_signal}, {SIGHUP, on_hangup_signal}};

        for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
                server->signals[i] =
                        evsignal_new(server->base, signals[i].number, signals[i].callback, server);
                if (!server->signals[i] || event_add(server->signals[i], NULL) < 0)
                        return -ENOMEM;
        }
        server->trim = event_new(server->base, -1, EV_PERSIST, on_trim, server);
        if (!server->trim)
                return -ENOMEM;
        event_add(server->trim, &(struct timeval){TRIM_SECONDS, 0});
        return 0;
}

int server_init(struct server *server, const struct config *config,
                const struct file_limit *file_limit, bool keeps_log_level)
{
        *server = (struct server){
                .file_limit = *file_limit,
                .settings.keeps_log_level = keeps_log_level,
                .listeners = LISTENERS_NONE,
        };
        server->base = event_base_new();
        if (!server->base)
                return -ENOMEM;
        log_attach(server->base);
        oom_init(&server->oom, "/proc", "/sys/fs/cgroup");
        cgroups_init(&server->cgroups, server->base, "/proc");
        prepare_clients(server);
        prepare_control(server);
        fleet_init(&server->fleet, &server->workers, &fleet_events, server);
        int r = reload_init(&server->reload, &server->workers, &server->fleet, &reload_events,
                            server, config->path);
        if (r == 0)
                r = turn_init(&server->turn, server->base);
        if (r == 0)
                r = service_init(&server->service, server->base, on_look, server);
        if (r == 0)
                r = make_events(server);
        if (r == 0)
                r = end_init(server);
        if (r == 0)
                r = listeners_init(&server->listeners, server->base, &config->server, on_accepted,
                                   server);
        server->settings.is_socket_given = server->listeners.are_given;
        if (r == 0)
                r = pressure_init(&server->pressure, &server->clients, &server->workers);
        if (r == 0)
                r = orphans_init(&server->orphans, server->base, &server->turn, &server->children,
                                 "/proc");
        if (r == 0)
                r = reload_begin(&server->reload, config);
        if (r == 0)
                service_enter(&server->service, SUMMARY_STARTING, 0, units_now());
        return r;
}

int server_run(struct server *server)
{
        return event_base_dispatch(server->base) < 0 ? -EIO : 0;
}

void server_clear(struct server *server)
{
        struct client_surroundings *clients = &server->clients;

        if (!server->base)
                return;
        turn_end(&server->turn);
        while (!TAILQ_EMPTY(&clients->clients))
                client_free(TAILQ_FIRST(&clients->clients));
        while (!TAILQ_EMPTY(&clients->husks))
                client_free(TAILQ_FIRST(&clients->husks));
        reload_clear(&server->reload);
        fleet_clear(&server->fleet);
        orphans_clear(&server->orphans);
        children_clear(&server->children);
        cgroups_clear(&server->cgroups);
        pressure_clear(&server->pressure);
        service_clear(&server->service);
        listeners_clear(&server->listeners);
        for (size_t i = 0; i < ARRAY_SIZE(server->signals); i++)
                if (server->signals[i])
                        event_free(server->signals[i]);
        end_clear(server);
        if (server->trim)
                event_free(server->trim);
        log_detach();
        event_base_free(steal(server->base));
        buffer_pool_trim(&server->buffers);
        settings_clear(&server->settings);
}
