/* SPDX-License-Identifier: MIT */
#include <jumpboot.h>
#include <poll.h>
#include <stdio.h>

/* Prints how a request ended. */
static void print(const struct jumpboot_reply *reply)
{
        printf("%d: ", (int)jumpboot_reply_id(reply));
        if (jumpboot_reply_status(reply) == 0)
                printf("%s\n", jumpboot_reply_result(reply, NULL));
        else
                printf("failed: %s\n", jumpboot_reply_message(reply));
}

/* One call, and its answer. */
static int call_one(struct jumpboot *jb)
{
        struct jumpboot_reply *reply;
        int r;

        r = jumpboot_call(jb, "calc.add", "{\"a\":1,\"b\":2}", 5000, &reply);
        if (r == 0 || r == JUMPBOOT_EANSWER)
                print(reply);
        jumpboot_reply_free(reply);
        return r == JUMPBOOT_EANSWER ? 0 : r;
}

/* Three calls at a time; their answers come as they are ready. */
static int call_many(struct jumpboot *jb)
{
        const char *const params[] = {"[1, 10]", "[2, 20]", "[3, \"x\"]"};
        struct jumpboot_reply *reply;
        uint64_t id;
        int r = 0;

        for (int i = 0; i < 3 && r == 0; i++)
                r = jumpboot_submit(jb, "calc.add", params[i], 5000, &id);
        while (r == 0 && jumpboot_in_flight(jb) > 0) {
                struct pollfd ready = {jumpboot_fd(jb), jumpboot_events(jb), 0};

                poll(&ready, 1, jumpboot_timeout(jb));
                r = jumpboot_process(jb);
                while (jumpboot_next_reply(jb, &reply)) {
                        print(reply);
                        jumpboot_reply_free(reply);
                }
        }
        return r;
}

int main(void)
{
        struct jumpboot *jb;
        int r;

        r = jumpboot_connect(NULL, 1000, &jb);
        if (r == 0)
                r = call_one(jb);
        if (r == 0)
                r = call_many(jb);
        if (r < 0)
                fprintf(stderr, "%s\n", jumpboot_strerror(r));
        jumpboot_close(jb);
        return r < 0;
}
