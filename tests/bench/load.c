/* SPDX-License-Identifier: MIT */
/*
 * load: puts a load on a server, closed loop: each of N connections keeps D calls under way. Every
 * answer is checked. What came of it is written as one JSON object.
 */
#include "common/cleanup.h"
#include "common/units.h"
#include "connection.h"
#include "cpu_time.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <json-c/json.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define EVENTS_MAX 256
#define GROUPS_MAX 8 /* and one for the worker on pipes */
#define RETRY_MS   1 /* until a connection that could not be made is tried again */

struct load {
        struct run run;
        const char *socket;
        char **command; /* of a worker on two pipes, instead of a socket */
        pid_t worker;
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
        "                       standard input; there is one connection then\n"
        "  --http               HTTP/1.1 instead of JSON-RPC lines\n"
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
                load->run.protocol.is_http = true;
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
        if (load->run.protocol.is_http && load->run.depth > 1)
                refuse("HTTP goes one call at a time, not by", "--depth");
        if (!load->run.protocol.keeps_alive && !load->run.protocol.is_http)
                refuse("only with --http there can be", "--close");
}

static void set_address(struct load *load)
{
        load->run.address.sun_family = AF_UNIX;
        if (strlen(load->socket) >= sizeof(load->run.address.sun_path))
                refuse("the path is too long:", load->socket);
        strcpy(load->run.address.sun_path, load->socket);
}

static _Noreturn void run_worker(char **command, int in, int out)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
                _exit(71);
        execvp(command[0], command);
        fprintf(stderr, "load: cannot run %s: %s\n", command[0], strerror(errno));
        _exit(127);
}

static void open_pipes(struct load *load)
{
        int calls[2], answers[2];

        if (pipe2(calls, O_CLOEXEC) < 0 || pipe2(answers, O_CLOEXEC) < 0)
                fail("cannot make pipes", errno);
        load->worker = fork();
        if (load->worker < 0)
                fail("cannot fork", errno);
        if (load->worker == 0)
                run_worker(load->command, calls[0], answers[1]);
        struct cpu_time *group = &load->groups[load->n_groups++];
        *group = (struct cpu_time){.name = "worker", .pids = {load->worker}, .n_pids = 1};
        close(calls[0]);
        close(answers[1]);
        fcntl(calls[1], F_SETFL, O_NONBLOCK);
        fcntl(answers[0], F_SETFL, O_NONBLOCK);
        int r = connection_open_pipes(load->connections, answers[0], calls[1]);
        if (r < 0)
                fail("cannot write to the pipe", -r);
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

static void run(struct load *load)
{
        uint64_t begin = units_now(), now = begin;
        bool are_open = load->command || open_connections(load);

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
        load->run.epoll = epoll_create1(EPOLL_CLOEXEC);
        if (load->command)
                load->n_connections = 1;
        load->connections = calloc(load->n_connections, sizeof(*load->connections));
        if (load->run.epoll < 0 || !load->connections)
                fail("cannot begin", errno);
        for (unsigned i = 0; i < load->n_connections; i++)
                if (connection_init(&load->connections[i], &load->run) < 0)
                        fail("cannot begin", ENOMEM);
}

static void end(struct load *load)
{
        for (unsigned i = 0; i < load->n_connections; i++)
                connection_clear(&load->connections[i]);
        free(load->connections);
        close_fd(load->run.epoll);
        work_clear(&load->run.work);
        if (load->worker) {
                kill(load->worker, SIGKILL);
                waitpid(load->worker, NULL, 0);
        }
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
