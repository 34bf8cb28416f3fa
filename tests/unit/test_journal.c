/* SPDX-License-Identifier: MIT */
/*
 * A journald played by the test: a datagram socket that is read, not read, closed and opened again.
 */
#include "daemon/journal.h"

#include "fixture_loop.h"
#include "folder.h"

#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static int journald;
static char path[4096];
static char entry[1 << 20]; /* as it came */
static size_t entry_length;
static bool was_file;

static const struct log_context calc = {
        .program_set = "math",
        .program = "calc",
        .function = "add",
        .stream = "stderr",
        .event = LOG_EVENT_REQUEST_SLOW,
        .request = 17,
        .pid = 1234,
        .slot = 2,
};

static void journald_begin(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        journald = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        ck_assert_int_ge(journald, 0);
        strcpy(address.sun_path, path);
        ck_assert_int_eq(bind(journald, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void journald_end(void)
{
        journald = close_fd(journald);
        unlink(path);
}

static void setup(void)
{
        folder_make();
        strcpy(path, folder_at("journal"));
        loop_begin();
        log_set_sink(NULL, NULL);
        log_set_level(LOG_INFO);
        journald_begin();
        journal_use(path);
        log_attach(base);
}

static void teardown(void)
{
        log_set_outlet(NULL);
        log_detach();
        journal_close();
        journald_end();
        loop_end();
        folder_remove();
}

/* Takes a file that comes instead of a datagram. */
static void read_file(struct msghdr *message)
{
        struct cmsghdr *header = CMSG_FIRSTHDR(message);
        int fd;

        was_file = header != NULL;
        if (!header)
                return;
        ck_assert_int_eq(header->cmsg_type, SCM_RIGHTS);
        memcpy(&fd, CMSG_DATA(header), sizeof(fd));
        ck_assert_int_eq(fcntl(fd, F_GET_SEALS),
                         F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
        ssize_t n = pread(fd, entry, sizeof(entry) - 1, 0);
        ck_assert_int_gt(n, 0);
        entry_length = (size_t)n;
        close(fd);
}

/* The next entry; false: there is none. */
static bool receive(void)
{
        char control[CMSG_SPACE(sizeof(int))];
        struct iovec part = {entry, sizeof(entry) - 1};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof(control)};
        ssize_t n = recvmsg(journald, &message, MSG_CMSG_CLOEXEC);

        if (n < 0) {
                ck_assert_int_eq(errno, EAGAIN);
                return false;
        }
        entry_length = (size_t)n;
        read_file(&message);
        entry[entry_length] = '\0';
        return true;
}

static uint64_t size_at(const char *p)
{
        uint64_t size;

        memcpy(&size, p, sizeof(size));
        return le64toh(size);
}

/* The value of a field of the entry, which must be well-formed; NULL: it has none. */
static const char *field(const char *name)
{
        static char value[1 << 20];
        const char *p = entry, *end = entry + entry_length, *found = NULL;

        while (p < end) {
                size_t length = strcspn(p, "=\n");
                const char *begin = p + length + 1;
                bool is_binary = p[length] == '\n';
                size_t size = is_binary ? size_at(begin) : strcspn(begin, "\n");

                begin += is_binary ? sizeof(uint64_t) : 0;
                ck_assert_uint_lt(size, (size_t)(end - begin));
                if (strlen(name) == length && memcmp(name, p, length) == 0) {
                        ck_assert_msg(!found, "%s comes twice", name);
                        found = memcpy(value, begin, size);
                        value[size] = '\0';
                }
                ck_assert_int_eq(begin[size], '\n');
                p = begin + size + 1;
        }
        return found;
}

static void check_field(const char *name, const char *expected)
{
        const char *value = field(name);

        if (!expected)
                ck_assert_msg(!value, "%s is there: %s", name, value);
        else
                ck_assert_msg(value && strcmp(value, expected) == 0, "%s is \"%s\", not \"%s\"",
                              name, value ? value : "(none)", expected);
}

static const char *const names[] = {
        "JUMPBOOT_PROGRAM_SET", "JUMPBOOT_PROGRAM",  "JUMPBOOT_WORKER", "JUMPBOOT_SLOT",
        "JUMPBOOT_REQUEST",     "JUMPBOOT_FUNCTION", "JUMPBOOT_STREAM", "MESSAGE_ID",
};

START_TEST(an_entry_has_its_fields)
{
        static const char *const values[] = {"math", "calc", "1234",   "2",
                                             "17",   "add",  "stderr", NULL};

        log_warning(&calc, "took %d s", 5);
        ck_assert(receive());
        ck_assert(!was_file);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                check_field(names[i], values[i] ? values[i] : log_event_id(LOG_EVENT_REQUEST_SLOW));
        check_field("PRIORITY", "4");
        check_field("SYSLOG_IDENTIFIER", "jumpbootd");
        check_field("MESSAGE", "calc[1234] #17 add: took 5 s");
        ck_assert(!receive());
}
END_TEST

START_TEST(what_is_not_known_is_left_out)
{
        const struct log_context no_slot = {.pid = 7, .slot = -1}, no_pid = {.slot = 3};

        log_info(NULL, "text");
        ck_assert(receive());
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                check_field(names[i], NULL);
        check_field("MESSAGE", "text");
        check_field("PRIORITY", "6");
        log_error(&no_slot, "x");
        ck_assert(receive());
        check_field("JUMPBOOT_SLOT", NULL);
        check_field("JUMPBOOT_WORKER", "7");
        log_error(&no_pid, "x");
        ck_assert(receive());
        check_field("JUMPBOOT_SLOT", NULL);
}
END_TEST

START_TEST(several_lines_are_one_entry)
{
        log_info(&calc, "one\ntwo\n\n\tthree\n\n");
        ck_assert(receive());
        check_field("MESSAGE", "calc[1234] #17 add: one\ntwo\n\n\tthree");
        ck_assert(!receive());
}
END_TEST

/* The function is the client's choice: it can neither make a field of its own nor a line. */
START_TEST(names_cannot_forge_a_field)
{
        struct log_context forged = calc;

        forged.function = "x\nPRIORITY=0\nMESSAGE=forged";
        log_info(&forged, "text \x1b[31m");
        ck_assert(receive());
        check_field("PRIORITY", "6");
        check_field("JUMPBOOT_FUNCTION", forged.function);
        check_field("MESSAGE", "calc[1234] #17 x\\x0APRIORITY=0\\x0AMESSAGE=forged: "
                               "text \\x1B[31m");
}
END_TEST

/* A socket takes a limited number of datagrams, and the daemon goes on. */
START_TEST(a_journald_that_does_not_read_gets_all_of_it_later)
{
        char expected[32];
        int n = 0;

        for (int i = 0; i < 2000; i++)
                log_info(NULL, "line %d", i);
        while (n < 2000) {
                while (receive()) {
                        snprintf(expected, sizeof(expected), "line %d", n++);
                        check_field("MESSAGE", expected);
                }
                loop_now();
        }
        log_info(NULL, "last");
        ck_assert(receive());
        check_field("MESSAGE", "last");
}
END_TEST

START_TEST(lines_past_the_bound_are_counted_and_told)
{
        char text[1000];
        uint64_t n = 0, lost = 0;

        memset(text, 'x', sizeof(text));
        for (int i = 0; i < 5000; i++)
                log_text(LOG_INFO, NULL, text, sizeof(text));
        while (lost == 0) {
                while (receive()) {
                        if (sscanf(field("MESSAGE"), "lines of the log that were lost: %" SCNu64,
                                   &lost) != 1)
                                n++;
                        else
                                check_field("MESSAGE_ID", log_event_id(LOG_EVENT_LOG_LOST));
                }
                loop_now();
        }
        ck_assert_uint_eq(n + lost, 5000);
        ck_assert_uint_gt(n, 500);
        ck_assert(!receive());
}
END_TEST

START_TEST(a_new_socket_is_found_at_once)
{
        log_info(NULL, "one");
        ck_assert(receive());
        journald_end();
        journald_begin();
        log_info(NULL, "two");
        ck_assert(receive());
        check_field("MESSAGE", "two");
}
END_TEST

START_TEST(a_journald_that_is_gone_gets_all_of_it_when_it_is_back)
{
        static const char *const expected[] = {"while away", "still", "not", "back"};

        log_info(NULL, "before");
        journald_end();
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
                log_info(NULL, "%s", expected[i]);
        journald_begin();
        loop_until(recv(journald, entry, 1, MSG_PEEK) > 0);
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
                ck_assert(receive());
                check_field("MESSAGE", expected[i]);
        }
        ck_assert(!receive());
}
END_TEST

/* journald is gone with entries unread, which is seen while the loop waits for it to read. */
START_TEST(a_journald_that_goes_while_it_is_waited_for)
{
        for (int i = 0; i < 2000; i++)
                log_info(NULL, "line");
        journald_end();
        loop_once();
        journald_begin();
        loop_until(receive());
        check_field("MESSAGE", "line");
}
END_TEST

START_TEST(a_large_entry_comes_as_a_sealed_file)
{
        static char text[LOG_TEXT_MAX];

        memset(text, '\x1b', sizeof(text)); /* escaped it is four times as long */
        log_text(LOG_ERR, &calc, text, sizeof(text));
        log_error(NULL, "next");
        ck_assert(receive());
        ck_assert(was_file);
        check_field("JUMPBOOT_PROGRAM", "calc");
        ck_assert_uint_eq(strlen(field("MESSAGE")),
                          strlen("calc[1234] #17 add: ") + 4 * sizeof(text));
        ck_assert(receive());
        ck_assert(!was_file);
        check_field("MESSAGE", "next");
}
END_TEST

START_TEST(the_last_lines_get_out)
{
        for (int i = 0; i < 30; i++)
                log_info(NULL, "line %d", i);
        log_detach();
        log_finish(0);
        int n = 0;
        while (n < 30) {
                n += receive();
                log_finish(0);
        }
        check_field("MESSAGE", "line 29");
}
END_TEST

START_TEST(a_path_that_cannot_be_is_no_matter)
{
        char longest[300];

        memset(longest, 'x', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = '\0';
        journal_use(longest);
        log_info(NULL, "nowhere");
        log_finish(3600 * USEC_PER_SEC);
        ck_assert(!receive());
}
END_TEST

static void set_stream(const struct stat *status, int off)
{
        char stream[64];

        snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status->st_dev,
                 (unsigned long long)status->st_ino + (unsigned)off);
        setenv("JOURNAL_STREAM", stream, 1);
}

START_TEST(the_journal_is_used_only_if_stderr_leads_there)
{
        static const char *const streams[] = {"", "nonsense", "1:", "1:1"};
        struct stat status;

        unsetenv("JOURNAL_STREAM");
        ck_assert(!journal_is_stderr());
        for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
                setenv("JOURNAL_STREAM", streams[i], 1);
                ck_assert(!journal_is_stderr());
        }
        ck_assert_int_eq(fstat(STDERR_FILENO, &status), 0);
        set_stream(&status, 1);
        ck_assert(!journal_is_stderr());
        set_stream(&status, 0);
        ck_assert(journal_is_stderr());
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("journal");
        TCase *tcase = loop_case(suite, setup, teardown);

        tcase_add_test(tcase, an_entry_has_its_fields);
        tcase_add_test(tcase, what_is_not_known_is_left_out);
        tcase_add_test(tcase, several_lines_are_one_entry);
        tcase_add_test(tcase, names_cannot_forge_a_field);
        tcase_add_test(tcase, a_journald_that_does_not_read_gets_all_of_it_later);
        tcase_add_test(tcase, lines_past_the_bound_are_counted_and_told);
        tcase_add_test(tcase, a_new_socket_is_found_at_once);
        tcase_add_test(tcase, a_journald_that_is_gone_gets_all_of_it_when_it_is_back);
        tcase_add_test(tcase, a_journald_that_goes_while_it_is_waited_for);
        tcase_add_test(tcase, a_large_entry_comes_as_a_sealed_file);
        tcase_add_test(tcase, the_last_lines_get_out);
        tcase_add_test(tcase, a_path_that_cannot_be_is_no_matter);
        tcase_add_test(tcase, the_journal_is_used_only_if_stderr_leads_there);
        return run_suite(suite);
}
