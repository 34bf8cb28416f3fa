/* SPDX-License-Identifier: MIT */
#include "ctl_terminal.h"

#include "common/units.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Another screen without cursor, on which long lines are cut; and back. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"
#define HOME  "\033[H"
#define ERASE "\033[J"

#define CTRL_D 4

static const int ending_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/* Signal handlers need these. */
static struct termios cooked, raw;
static volatile sig_atomic_t has_keys; /* stdin is the terminal's keyboard */
static sigset_t waiting_mask;
static bool is_drawn; /* begun, and not ended */

bool ctl_terminal_is_there(void)
{
        const char *term = getenv("TERM");

        return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

/* Good for a signal handler. */
static void switch_to(const char *sequence, const struct termios *settings)
{
        size_t length = strlen(sequence);
        ssize_t n;

        if (has_keys)
                tcsetattr(STDIN_FILENO, TCSADRAIN, settings);
        do
                n = write(STDOUT_FILENO, sequence, length);
        while (n < 0 && errno == EINTR);
}

/* Whoever presses Ctrl-C has seen enough, even of a daemon that does not answer: no failure. */
static void on_end(int number)
{
        switch_to(LEAVE, &cooked);
        if (number == SIGINT)
                _exit(EXIT_SUCCESS);
        raise(number);
}

static void on_suspend(int number)
{
        int saved = errno;

        (void)number;
        switch_to(LEAVE, &cooked);
        raise(SIGSTOP);
        switch_to(ENTER, &raw);
        errno = saved;
}

static void on_resize(int number)
{
        (void)number;
}

static void begin_keys(void)
{
        has_keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &cooked) == 0;
        raw = cooked;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
}

void ctl_terminal_begin(void)
{
        struct sigaction ending = {.sa_handler = on_end, .sa_flags = (int)SA_RESETHAND};
        struct sigaction suspend = {.sa_handler = on_suspend, .sa_flags = SA_RESTART};
        struct sigaction resize = {.sa_handler = on_resize, .sa_flags = SA_RESTART};
        sigset_t blocked;

        is_drawn = true;
        begin_keys();
        /* What has to be drawn anew wakes the wait: it must not come between drawing and that. */
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGWINCH);
        sigaddset(&blocked, SIGTSTP);
        sigprocmask(SIG_BLOCK, &blocked, &waiting_mask);
        sigdelset(&waiting_mask, SIGWINCH);
        sigdelset(&waiting_mask, SIGTSTP);
        for (size_t i = 0; i < sizeof(ending_signals) / sizeof(ending_signals[0]); i++)
                sigaction(ending_signals[i], &ending, NULL);
        sigaction(SIGTSTP, &suspend, NULL);
        sigaction(SIGWINCH, &resize, NULL);
        switch_to(ENTER, &raw);
}

void ctl_terminal_end(void)
{
        switch_to(LEAVE, &cooked);
        for (size_t i = 0; i < sizeof(ending_signals) / sizeof(ending_signals[0]); i++)
                signal(ending_signals[i], SIG_DFL);
        signal(SIGTSTP, SIG_DFL);
        is_drawn = false;
}

void ctl_terminal_draw(void)
{
        fputs(HOME, stdout);
}

void ctl_terminal_drawn(void)
{
        fputs(ERASE, stdout);
        fflush(stdout);
}

/* A keyboard that is gone ends it. */
static enum ctl_wish read_keys(void)
{
        char keys[64];
        ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

        if (n <= 0)
                return n < 0 && errno == EINTR ? CTL_WISH_NEXT : CTL_WISH_QUIT;
        for (ssize_t i = 0; i < n; i++)
                if (keys[i] == 'q' || keys[i] == 'Q' || keys[i] == CTRL_D)
                        return CTL_WISH_QUIT;
        return CTL_WISH_NEXT;
}

enum ctl_wish ctl_terminal_wait(uint64_t until)
{
        struct pollfd keyboard = {.fd = has_keys ? STDIN_FILENO : -1, .events = POLLIN};
        uint64_t now = units_now(), left = until > now ? until - now : 0;
        struct timespec time = {
                .tv_sec = (time_t)(left / USEC_PER_SEC),
                .tv_nsec = (long)(left % USEC_PER_SEC) * 1000,
        };

        return ppoll(&keyboard, 1, &time, is_drawn ? &waiting_mask : NULL) > 0 ? read_keys()
                                                                               : CTL_WISH_NEXT;
}
