/* SPDX-License-Identifier: MIT */
#include "pressure.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "common/units.h"

#include <errno.h>
#include <event2/event.h>

#define INTERVAL_USEC 20000
#define STALL_LIMIT   (2 * USEC_PER_SEC)

static void tick_again(struct pressure *pressure)
{
        struct timeval delay = {.tv_usec = INTERVAL_USEC};

        event_add(pressure->timer, &delay);
}

/* It keeps memory in use, and does nothing to set it free. */
static bool is_stalled(const struct client *client, uint64_t now)
{
        /* All others wait for one that is exempt, however busy it is. */
        if (client->is_exempt && now - client->exempted > STALL_LIMIT)
                return true;
        return !buffer_is_empty(&client->out) && now - client->moved > STALL_LIMIT;
}

static void drop_stalled(struct client_surroundings *around, uint64_t now)
{
        struct client *client, *next;

        for (client = TAILQ_FIRST(&around->clients); client; client = next) {
                next = TAILQ_NEXT(client, link);
                if (!is_stalled(client, now))
                        continue;
                log_warning(NULL,
                            "dropping a client (pid %d, uid %u): max_buffered is reached, and it "
                            "has not taken its answers, or not ended its line, for 2 seconds",
                            (int)client->caller.peer.pid, (unsigned)client->caller.peer.uid);
                client_drop(client);
        }
}

/* Has those that are held decide anew: what they hold has changed. */
static void look_again(struct client_surroundings *around)
{
        struct client *client, *next;

        for (client = TAILQ_FIRST(&around->clients); client; client = next) {
                next = TAILQ_NEXT(client, link);
                if (client->is_held)
                        client_look_again(client);
        }
}

/* Below the limit nothing is beyond it, whoever it is of. */
static void end_exemptions(struct client_surroundings *around)
{
        struct client *client;

        TAILQ_FOREACH (client, &around->clients, link)
                client->is_exempt = client->was_exempt = false;
        TAILQ_FOREACH (client, &around->husks, link)
                client->was_exempt = false;
}

/* What has come of the line that it was let end is still there: a request, or its answer. */
static bool is_excess(struct client *client)
{
        if (!client->is_exempt && client->caller.held + client->out.length <= BUFFER_CHUNK_SIZE)
                client->was_exempt = false;
        return client->was_exempt;
}

static bool has_excess(const struct client_surroundings *around)
{
        struct client *client;

        TAILQ_FOREACH (client, &around->clients, link)
                if (is_excess(client))
                        return true;
        TAILQ_FOREACH (client, &around->husks, link)
                if (is_excess(client))
                        return true;
        return false;
}

/* Of those that are in a line, the one that has the least under way besides. */
static struct client *choose(const struct client_surroundings *around)
{
        struct client *client, *chosen = NULL;

        TAILQ_FOREACH (client, &around->clients, link)
                if (client->is_held && client_is_amid_line(client) &&
                    (!chosen || client->caller.held < chosen->caller.held))
                        chosen = client;
        return chosen;
}

/* Lets one client go on to the end of its line, when what came of the last such line has gone: so
 * there is progress even if it is the beginnings of lines that take all the room, and no more than
 * one request beyond the limit. */
static void release_one(struct client_surroundings *around)
{
        struct client *chosen = has_excess(around) ? NULL : choose(around);

        if (!chosen)
                return;
        /* The others have their turn before it has another. */
        TAILQ_REMOVE(&around->clients, chosen, link);
        TAILQ_INSERT_TAIL(&around->clients, chosen, link);
        chosen->is_exempt = chosen->was_exempt = true;
        chosen->exempted = units_now();
        client_look_again(chosen);
}

/* Clients can make room, by taking answers. For what only waits in batches nothing else would come,
 * if nothing was begun. */
static bool is_to_hold_back(const struct client_surroundings *around)
{
        return around->unsent > 0 && clients_have_unsent(around, around->max_unsent);
}

/* Holds the workers back, or lets them go on, as the answers that wait have it. */
static void update_workers(struct pressure *pressure)
{
        const struct registry *registry = pressure->clients->registry;
        const struct client_surroundings *around = pressure->clients;
        uint64_t now = units_now();
        struct pool *pool;
        bool was_held_back = pressure->workers->is_held_back;

        pressure->workers->is_held_back = is_to_hold_back(around);
        if (!was_held_back || pressure->workers->is_held_back)
                return;
        for (size_t i = 0; i < registry->n_pools; i++)
                pool_resume(registry->pools[i], now);
        LIST_FOREACH(pool, &registry->leaving, leaving)
        pool_resume(pool, now);
}

/* Over the limits, or over such a part of them. */
static bool is_over(const struct client_surroundings *around, size_t part)
{
        return buffer_pool_moving(around->buffers) > around->max_buffered / part ||
               clients_have_unsent(around, around->max_unsent / part);
}

static void on_tick(evutil_socket_t fd, short what, void *userdata)
{
        struct pressure *pressure = userdata;
        struct client_surroundings *around = pressure->clients;

        (void)fd;
        (void)what;
        update_workers(pressure);
        look_again(around);
        if (is_over(around, 1)) {
                drop_stalled(around, units_now());
                release_one(around);
                tick_again(pressure);
                return;
        }
        end_exemptions(around);
        if (is_over(around, 2)) {
                tick_again(pressure);
        } else {
                log_notice(NULL, "the buffers are far below max_buffered again: all goes on");
                pressure->is_on = false;
        }
}

int pressure_init(struct pressure *pressure, struct client_surroundings *clients,
                  struct surroundings *workers)
{
        *pressure = (struct pressure){.clients = clients, .workers = workers};
        pressure->timer = event_new(clients->base, -1, 0, on_tick, pressure);
        return pressure->timer ? 0 : -ENOMEM;
}

void pressure_clear(struct pressure *pressure)
{
        if (pressure->timer)
                event_free(steal(pressure->timer));
}

void pressure_begin(struct pressure *pressure)
{
        const struct client_surroundings *around = pressure->clients;

        pressure->workers->is_held_back |= is_to_hold_back(around);
        if (pressure->is_on)
                return;
        log_event(LOG_EVENT_BUFFERS_FULL, LOG_WARNING, NULL,
                  "the buffers have reached max_buffered: pausing");
        pressure->is_on = true;
        tick_again(pressure);
}
