/* SPDX-License-Identifier: MIT */
#include "sd.h"

#include "common/log.h"
#include "common/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

int sd_take_socket(void)
{
        int n = sd_listen_fds(1), taken = -ENOENT;

        for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++) {
                if (taken < 0 && sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) > 0) {
                        taken = fd;
                } else {
                        log_warning(NULL,
                                    "ignoring descriptor %d of systemd: it is not a "
                                    "listening UNIX stream socket, or one too many",
                                    fd);
                        close(fd);
                }
        }
        return taken;
}

void sd_tell_ready(void)
{
        sd_notify(0, "READY=1");
}

void sd_tell_reloading(void)
{
        sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, units_now());
}

void sd_tell_stopping(void)
{
        sd_notify(0, "STOPPING=1");
}

void sd_tell_status(const char *format, ...)
{
        char text[512];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        sd_notifyf(0, "STATUS=%s", text);
}
