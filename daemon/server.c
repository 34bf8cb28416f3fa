/* SPDX-License-Identifier: MIT */
#include "server.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"
#include "sd.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>

#define TRIM_SECONDS 10 /* how often an idle daemon gives memory back */

static void arm(struct event *event, uint64_t usec)
{
        struct timeval delay = {(time_t)(usec / USEC_PER_SEC), (suseconds_t)(usec % USEC_PER_SEC)};

        event_add(event, &delay);
}

static void stop_pools(struct server *server, bool hurry)
{
        server->state = SERVER_STOPPING;
        fleet_stop(&server->fleet, hurry, units_now());
        turn_defer(&server->turn, &server->proceed); /* there may be nobody left to wait for */
}

/* Goes as far towards the end as can be. */
static void proceed_to_end(struct server *server)
{
        if (server->state == SERVER_DRAINING && TAILQ_EMPTY(&server->clients.clients) &&
            TAILQ_EMPTY(&server->clients.husks)) {
                log_debug(NULL, "every client is answered: the workers leave");
                stop_pools(server, false);
        }
        if (server->state == SERVER_STOPPING && !fleet_has_workers(&server->fleet))
                event_base_loopbreak(server->base);
}

static void drain(struct server *server)
{
        struct client *client, *next;

        server->state = SERVER_DRAINING;
        server->control.is_stopping = true;
        reload_end(&server->reload);
        clients_refuse_deferred(&server->clients);
        listener_clear(&server->listener);
        for (client = TAILQ_FIRST(&server->clients.clients); client; client = next) {
                next = TAILQ_NEXT(client, link);
                client_shut(client);
        }
        if (server->settings.options.shutdown_timeout)
                arm(server->deadline, server->settings.options.shutdown_timeout);
        turn_defer(&server->turn, &server->proceed);
}

static void on_stop_signal(evutil_socket_t number, short what, void *userdata)
{
        struct server *server = userdata;

        (void)what;
        if (server->state == SERVER_RUNNING) {
                log_notice(NULL, "%s: answering what is under way, then stopping",
                           number == SIGTERM ? "SIGTERM" : "SIGINT");
                sd_tell_stopping();
                sd_tell_status("Stopping: %zu requests in flight", server->clients.n_requests);
                drain(server);
        } else {
                log_notice(NULL, "another signal: stopping at once");
                stop_pools(server, true);
        }
}

static void on_hangup_signal(evutil_socket_t number, short what, void *userdata)
{
        struct server *server = userdata;

        (void)number;
        (void)what;
        reload_ask(&server->reload, NULL);
}

static void on_shutdown_timeout(evutil_socket_t fd, short what, void *userdata)
{
        struct server *server = userdata;

        (void)fd;
        (void)what;
        if (server->state != SERVER_DRAINING)
                return;
        log_event(LOG_EVENT_SHUTDOWN_TIMEOUT, LOG_WARNING, NULL,
                  "shutdown_timeout: giving up on %zu requests", server->clients.n_requests);
        stop_pools(server, false);
}

static void on_trim(evutil_socket_t fd, short what, void *userdata)
{
        struct server *server = userdata;

        (void)fd;
        (void)what;
        oom_refresh(&server->oom);
        if (server->clients.n_requests > 0 || server->buffers.n_free_chunks == 0)
                return;
        buffer_pool_trim(&server->buffers);
        malloc_trim(0);
}

static void on_proceed(struct turn_task *task)
{
        proceed_to_end(CONTAINER_OF(task, struct server, proceed));
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
                listener_pause(&server->listener);
        }
}

static void on_client_gone(void *userdata)
{
        struct server *server = userdata;

        if (server->state != SERVER_RUNNING)
                turn_defer(&server->turn, &server->proceed);
        else if (server->clients.n_clients < server->max_clients)
                listener_resume(&server->listener);
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

        turn_defer(&server->turn, &server->proceed);
}

static const struct fleet_events fleet_events = {on_settled, on_emptied};

static void on_reload_ended(void *userdata, bool is_first)
{
        const struct server *server = userdata;
        size_t n = server->fleet.registry.n_pools, failing = fleet_count_failing(&server->fleet);

        if (is_first)
                log_notice(NULL, "serving %zu programs on %s%s", n, server->settings.options.listen,
                           failing ? ", some of which fail to start" : "");
        sd_tell_status("%zu programs, %zu of them failing to start", n, failing);
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
                listener_resume(&server->listener);
        else
                listener_pause(&server->listener);
}

static int on_apply(void *userdata, const struct config *config, struct json_object *warnings)
{
        struct server *server = userdata;
        const struct server_options *options = &server->settings.options;
        int r = settings_take(&server->settings, config, warnings);

        if (r < 0)
                return r;
        server->workers.max_response_size = options->max_response_size;
        server->control.listen = options->listen;
        server->control.admins = (struct access){options->admin_users, options->admin_groups};
        server->clients.max_requests = options->max_client_requests;
        server->clients.max_request_size = options->max_request_size;
        server->clients.max_buffered = options->max_buffered;
        server->clients.max_unsent = options->max_buffered / 2;
        admit_clients(server, config);
        return 0;
}

static const struct reload_events reload_events = {on_apply, on_reload_ended};

static void prepare_clients(struct server *server)
{
        server->workers = (struct surroundings){
                .base = server->base,
                .turn = &server->turn,
                .buffers = &server->buffers,
                .files_limit = server->file_limit.files,
                .children = &server->children,
                .oom = &server->oom,
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
                .started = units_now(),
        };
}

static int make_listener(struct server *server, const struct server_options *options)
{
        char error[LISTENER_ERROR_MAX];
        const char *path = NULL;
        int fd = sd_take_socket();

        if (fd < 0) {
                path = options->listen;
                fd = listener_open(path, (mode_t)options->listen_mode, options->listen_group,
                                   error);
                if (fd < 0)
                        log_error(NULL, "%s", error);
        }
        if (fd < 0)
                return fd;
        server->settings.is_socket_given = !path;
        return listener_init(&server->listener, server->base, fd, path, on_accepted, server);
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
        server->deadline = evtimer_new(server->base, on_shutdown_timeout, server);
        server->trim = event_new(server->base, -1, EV_PERSIST, on_trim, server);
        if (!server->deadline || !server->trim)
                return -ENOMEM;
        arm(server->trim, TRIM_SECONDS * USEC_PER_SEC);
        return 0;
}

int server_init(struct server *server, const struct config *config,
                const struct file_limit *file_limit, bool keeps_log_level)
{
        *server = (struct server){
                .file_limit = *file_limit,
                .settings.keeps_log_level = keeps_log_level,
                .listener.fd = -1,
                .proceed.run = on_proceed,
        };
        server->base = event_base_new();
        if (!server->base)
                return -ENOMEM;
        log_attach(server->base);
        oom_init(&server->oom, "/proc", "/sys/fs/cgroup");
        prepare_clients(server);
        prepare_control(server);
        fleet_init(&server->fleet, &server->workers, &fleet_events, server);
        int r = reload_init(&server->reload, &server->workers, &server->fleet, &reload_events,
                            server, config->path);
        if (r == 0)
                r = turn_init(&server->turn, server->base);
        if (r == 0)
                r = make_listener(server, &config->server);
        if (r == 0)
                r = make_events(server);
        if (r == 0)
                r = pressure_init(&server->pressure, &server->clients, &server->workers);
        if (r == 0)
                r = orphans_init(&server->orphans, server->base, &server->turn, &server->children,
                                 "/proc");
        return r == 0 ? reload_begin(&server->reload, config) : r;
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
        pressure_clear(&server->pressure);
        listener_clear(&server->listener);
        for (size_t i = 0; i < ARRAY_SIZE(server->signals); i++)
                if (server->signals[i])
                        event_free(server->signals[i]);
        if (server->deadline)
                event_free(server->deadline);
        if (server->trim)
                event_free(server->trim);
        log_detach();
        event_base_free(steal(server->base));
        buffer_pool_trim(&server->buffers);
        settings_clear(&server->settings);
}
