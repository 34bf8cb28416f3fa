/* SPDX-License-Identifier: MIT */
/*
 * load: puts a load on a server, closed loop: each of N connections keeps D calls under way. Every
 * answer is checked. What came of it is written as one JSON object.
 */
#include "common/cleanup.h"
#include "common/units.h"
#include "connection.h"
#include "cpu_time.h"
#include "pipe_worker.h"

#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define EVENTS_MAX 256
#define GROUPS_MAX 8 /* and one for the workers on pipes */
#define RETRY_MS   1 /* until a connection that could not be made is tried again */

struct load {
        struct run run;
        const char *socket;
        char **command; /* of workers on two pipes each, instead of a socket */
        struct pipe_worker *workers;
        unsigned n_connections;
        uint64_t warm_up, duration; /* microseconds */
        struct connection *connections;
        struct cpu_time groups[GROUPS_MAX + 1];
        unsigned n_groups;
        uint64_t begun, ended; /* of the time that counts */
        clock_t own_cpu;
};

static const char usage_text[] =
        "usage: load [OPTION...] --socket PATH\n"
        "       load [OPTION...] --pipes COMMAND [ARGUMENT...]\n"
        "\n"
        "Keeps calls under way, checks their answers, and writes what came of it as JSON: the "
        "rate\n"
        "of right answers, their latencies, failures, connections that got no answer at all, and\n"
        "the CPU time that each call took, in microseconds.\n"
        "\n"
        "  --socket PATH        the UNIX socket of the server\n"
        "  --pipes              the command answers on its standard output what it reads from its\n"
        "                       standard input; each connection has one of its own\n"
        "  --http               HTTP/1.1 instead of JSON-RPC lines\n"
        "  --zeromq             JSON-RPC in messages of ZeroMQ, to a ROUTER\n"
        "  --close              a new connection for each call (with --http)\n"
        "  --program NAME       the program whose functions are called (bench)\n"
        "  --work WORK          add, echo:SIZE or burn:DURATION (add)\n"
        "  --connections N      (1)\n"
        "  --depth N            calls under way on each of them (1)\n"
        "  --warm-up DURATION   at first, without counting (200ms)\n"
        "  --duration DURATION  what counts (1s)\n"
        "  --cpu NAME=PID,...   count the CPU time of these processes together; may be repeated\n";

static void fail(const char *what, int error)
{
        fprintf(stderr, "load: %s: %s\n", what, strerror(error));
        exit(EXIT_FAILURE);
}

static void refuse(const char *what, const char *value)
{
        fprintf(stderr, "load: %s '%s'; see load --help\n", what, value);
        exit(64);
}

static unsigned parse_count(const char *text)
{
        char *end;
        long n = strtol(text, &end, 10);

        if (n < 1 || n > 1000000 || *end || end == text)
                refuse("this is no number from 1 to 1000000:", text);
        return (unsigned)n;
}

static uint64_t parse_time(const char *text)
{
        uint64_t usec;

        if (units_parse_duration(text, &usec) < 0)
                refuse("this is no duration such as 500ms:", text);
        return usec;
}

static void parse_option(struct load *load, int option, char *value)
{
        switch (option) {
        case 's':
                load->socket = value;
                break;
        case 'H':
                load->run.protocol.kind = PROTOCOL_HTTP;
                break;
        case 'Z':
                load->run.protocol.kind = PROTOCOL_ZEROMQ;
                break;
        case 'C':
                load->run.protocol.keeps_alive = false;
                break;
        case 'P':
                load->run.protocol.program = value;
                break;
        case 'W':
                work_clear(&load->run.work);
                if (work_init(&load->run.work, value) < 0)
                        refuse("this is no work (add, echo:SIZE, burn:DURATION):", value);
                break;
        case 'n':
                load->n_connections = parse_count(value);
                break;
        case 'd':
                load->run.depth = parse_count(value);
                break;
        case 'w':
                load->warm_up = parse_time(value);
                break;
        case 't':
                load->duration = parse_time(value);
                break;
        case 'c':
                if (load->n_groups == GROUPS_MAX ||
                    cpu_time_parse(&load->groups[load->n_groups++], value) < 0)
                        refuse("this is no NAME=PID,PID,... or one too many:", value);
                break;
        case 'h':
                fputs(usage_text, stdout);
                exit(EXIT_SUCCESS);
        default:
                fputs(usage_text, stderr);
                exit(64);
        }
}

static void parse_options(struct load *load, int argc, char **argv)
{
        static const struct option options[] = {
                {"socket", required_argument, NULL, 's'},
                {"pipes", no_argument, NULL, 'p'},
                {"http", no_argument, NULL, 'H'},
                {"zeromq", no_argument, NULL, 'Z'},
                {"close", no_argument, NULL, 'C'},
                {"program", required_argument, NULL, 'P'},
                {"work", required_argument, NULL, 'W'},
                {"connections", required_argument, NULL, 'n'},
                {"depth", required_argument, NULL, 'd'},
                {"warm-up", required_argument, NULL, 'w'},
                {"duration", required_argument, NULL, 't'},
                {"cpu", required_argument, NULL, 'c'},
                {"help", no_argument, NULL, 'h'},
                {0},
        };
        bool is_piped = false;
        int option;

        while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
                is_piped |= option == 'p';
                if (option != 'p')
                        parse_option(load, option, optarg);
        }
        load->command = is_piped && optind < argc ? argv + optind : NULL;
        if (!load->socket == !load->command || (!is_piped && optind < argc))
                refuse("wanted is one of", "--socket PATH, --pipes COMMAND");
        bool is_http = load->run.protocol.kind == PROTOCOL_HTTP;
        if (is_http && load->run.depth > 1)
                refuse("HTTP goes one call at a time, not by", "--depth");
        if (!load->run.protocol.keeps_alive && !is_http)
                refuse("only with --http there can be", "--close");
}

static void set_address(struct load *load)
{
        load->run.address.sun_family = AF_UNIX;
        if (strlen(load->socket) >= sizeof(load->run.address.sun_path))
                refuse("the path is too long:", load->socket);
        strcpy(load->run.address.sun_path, load->socket);
}

static void open_pipes(struct load *load)
{
        struct cpu_time *group = &load->groups[load->n_groups++];

        *group = (struct cpu_time){.name = "workers"};
        for (unsigned i = 0; i < load->n_connections; i++) {
                struct pipe_worker *worker = &load->workers[i];
                int r = pipe_worker_start(worker, load->command);
                if (r < 0)
                        fail("cannot start a worker", -r);
                group->pids[group->n_pids++] = worker->pid;
                r = connection_open_pipes(&load->connections[i], worker->answers, worker->calls);
                if (r < 0)
                        fail("cannot write to the pipe", -r);
        }
}

/* False: some have to be tried again, since the server does not accept fast enough. */
static bool open_connections(struct load *load)
{
        bool are_open = true;

        for (unsigned i = 0; i < load->n_connections; i++) {
                if (load->connections[i].in >= 0)
                        continue;
                int r = connection_open(&load->connections[i]);
                if (r == -EAGAIN)
                        are_open = false;
                else if (r < 0)
                        fail("cannot connect", -r);
        }
        return are_open;
}

static void begin_counting(struct load *load, uint64_t now)
{
        load->run.is_counting = true;
        load->begun = now;
        load->own_cpu = clock();
        for (unsigned i = 0; i < load->n_groups; i++)
                load->groups[i].begin = cpu_time_read(&load->groups[i]);
}

static void turn(struct load *load, bool *are_open)
{
        struct epoll_event events[EVENTS_MAX];
        int n = epoll_wait(load->run.epoll, events, EVENTS_MAX, *are_open ? 100 : RETRY_MS);

        if (n < 0 && errno != EINTR)
                fail("epoll_wait", errno);
        for (int i = 0; i < n; i++)
                if (connection_proceed(events[i].data.ptr) < 0)
                        *are_open = false;
        if (!*are_open && load->command)
                fail("the worker ended", EPIPE);
        if (!*are_open)
                *are_open = open_connections(load);
}

/* Workers that are still starting are none that warm up. */
static bool has_begun(const struct load *load)
{
        for (unsigned i = 0; load->command && i < load->n_connections; i++)
                if (load->connections[i].n_ended == 0)
                        return false;
        return true;
}

static void run(struct load *load)
{
        bool are_open = load->command || open_connections(load);

        while (!has_begun(load))
                turn(load, &are_open);
        uint64_t begin = units_now(), now = begin;

        while (now < begin + load->warm_up + load->duration) {
                turn(load, &are_open);
                now = units_now();
                if (!load->run.is_counting && now >= begin + load->warm_up)
                        begin_counting(load, now);
        }
        load->ended = now;
}

static void put_latencies(struct json_object *report, const struct histogram *histogram)
{
        static const struct {
                const char *name;
                unsigned per_mille;
        } quantiles[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"p999", 999}};
        struct json_object *latency = json_object_new_object();

        for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++) {
                uint64_t ns = histogram_quantile(histogram, quantiles[i].per_mille);
                json_object_object_add(latency, quantiles[i].name,
                                       json_object_new_double((double)ns / 1000));
        }
        json_object_object_add(latency, "max",
                               json_object_new_double((double)histogram->max / 1000));
        json_object_object_add(report, "latency_us", latency);
}

static void put_cpu(struct load *load, struct json_object *report, double n)
{
        struct json_object *cpu = json_object_new_object();
        double own = (double)(clock() - load->own_cpu) * (1e6 / CLOCKS_PER_SEC);

        json_object_object_add(cpu, "client", json_object_new_double(n > 0 ? own / n : 0));
        for (unsigned i = 0; i < load->n_groups; i++) {
                double taken = (double)(cpu_time_read(&load->groups[i]) - load->groups[i].begin);
                json_object_object_add(cpu, load->groups[i].name,
                                       json_object_new_double(n > 0 ? taken / 1000 / n : 0));
        }
        json_object_object_add(report, "cpu_us", cpu);
}

static void put_report(struct load *load)
{
        struct json_object *report = json_object_new_object();
        double seconds = (double)(load->ended - load->begun) / USEC_PER_SEC;
        double n = (double)load->run.nanoseconds.count;
        int64_t starved = 0;

        put_cpu(load, report, n);
        for (unsigned i = 0; i < load->n_connections; i++)
                starved += load->connections[i].n_counted == 0;
        json_object_object_add(report, "calls", json_object_new_double(n));
        json_object_object_add(report, "seconds", json_object_new_double(seconds));
        json_object_object_add(report, "rate", json_object_new_double(n / seconds));
        put_latencies(report, &load->run.nanoseconds);
        json_object_object_add(report, "failures",
                               json_object_new_int64((int64_t)load->run.n_failures));
        if (load->run.n_failures)
                json_object_object_add(report, "failure",
                                       json_object_new_string(load->run.failure));
        json_object_object_add(report, "starved", json_object_new_int64(starved));
        puts(json_object_to_json_string_ext(report, JSON_C_TO_STRING_PLAIN));
        json_object_put(report);
}

static void make_connections(struct load *load)
{
        if (load->command && load->n_connections > CPU_TIME_PROCESSES_MAX)
                fail("too many workers", E2BIG);
        load->run.epoll = epoll_create1(EPOLL_CLOEXEC);
        load->connections = calloc(load->n_connections, sizeof(*load->connections));
        load->workers = calloc(load->n_connections, sizeof(*load->workers));
        if (load->run.epoll < 0 || !load->connections || !load->workers)
                fail("cannot begin", errno);
        for (unsigned i = 0; i < load->n_connections; i++)
                if (connection_init(&load->connections[i], &load->run) < 0)
                        fail("cannot begin", ENOMEM);
}

static void end(struct load *load)
{
        for (unsigned i = 0; i < load->n_connections; i++) {
                connection_clear(&load->connections[i]);
                pipe_worker_end(&load->workers[i]);
        }
        free(load->connections);
        free(load->workers);
        close_fd(load->run.epoll);
        work_clear(&load->run.work);
}

int main(int argc, char **argv)
{
        static struct load load = {
                .run = {.protocol = {.keeps_alive = true, .program = "bench"}, .depth = 1},
                .n_connections = 1,
                .warm_up = 200 * USEC_PER_MSEC,
                .duration = USEC_PER_SEC,
        };

        signal(SIGPIPE, SIG_IGN);
        work_init(&load.run.work, "add");
        parse_options(&load, argc, argv);
        make_connections(&load);
        if (load.command)
                open_pipes(&load);
        else
                set_address(&load);
        run(&load);
        put_report(&load);
        end(&load);
        return EXIT_SUCCESS;
}
