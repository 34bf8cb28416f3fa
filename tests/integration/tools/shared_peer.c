/* SPDX-License-Identifier: MIT */
/*
 * The other side of shared memory and of semaphores: a C program that knows POSIX, and nothing of
 * jumpboot.
 *
 *   shared_peer write NAME SIZE TEXT    makes memory that begins with the text
 *   shared_peer read NAME LENGTH        prints its beginning
 *   shared_peer array NAME ROWS COLUMNS makes an array of float32: 0, 0.5, 1, 1.5 ...
 *   shared_peer sum NAME                prints shape, type, byte order and the sum of an array
 *   shared_peer semaphore NAME VALUE    makes a semaphore
 *   shared_peer post|wait|value NAME
 */
#include <fcntl.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TYPE_LENGTH 16

_Noreturn static void fail(const char *what)
{
        perror(what);
        exit(1);
}

static unsigned char *map(const char *name, size_t size, int flags)
{
        struct stat info;
        int fd = shm_open(name, O_RDWR | flags, 0600);
        void *memory;

        if (fd < 0 || (size > 0 && ftruncate(fd, (off_t)size) < 0) || fstat(fd, &info) < 0)
                fail(name);
        memory = mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (memory == MAP_FAILED)
                fail("mmap");
        close(fd);
        return memory;
}

static unsigned char *put_u32(unsigned char *at, uint32_t value)
{
        memcpy(at, &value, sizeof(value));
        return at + sizeof(value);
}

static uint32_t get_u32(unsigned char **at)
{
        uint32_t value;

        memcpy(&value, *at, sizeof(value));
        *at += sizeof(value);
        return value;
}

static void make_array(const char *name, uint32_t rows, uint32_t columns)
{
        size_t header = sizeof(uint32_t) * 3 + TYPE_LENGTH + 1;
        unsigned char *at = map(name, header + sizeof(float) * rows * columns, O_CREAT | O_EXCL);

        at = put_u32(put_u32(put_u32(at, 2), rows), columns);
        memcpy(at, "float32", sizeof("float32"));
        at += TYPE_LENGTH;
        *at++ = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 'L' : 'B';
        for (size_t i = 0; i < (size_t)rows * columns; i++) {
                float value = (float)i / 2;
                memcpy(at + i * sizeof(value), &value, sizeof(value));
        }
}

static void sum_array(const char *name)
{
        unsigned char *at = map(name, 0, 0), *type;
        uint32_t rank = get_u32(&at);
        size_t n = 1;
        double sum = 0;

        for (uint32_t i = 0; i < rank; i++) {
                uint32_t length = get_u32(&at);
                n *= length;
                printf("%u ", (unsigned)length);
        }
        type = at;
        at += TYPE_LENGTH;
        printf("%.16s %c ", (char *)type, *at++);
        for (size_t i = 0; i < n; i++) {
                float value;
                memcpy(&value, at + i * sizeof(value), sizeof(value));
                sum += (double)value;
        }
        printf("%g\n", sum);
}

static void use_semaphore(const char *verb, const char *name)
{
        sem_t *semaphore = sem_open(name, 0);
        int value;

        if (semaphore == SEM_FAILED)
                fail(name);
        if (strcmp(verb, "post") == 0)
                sem_post(semaphore);
        else if (strcmp(verb, "wait") == 0)
                sem_wait(semaphore);
        else if (sem_getvalue(semaphore, &value) == 0)
                printf("%d\n", value);
}

int main(int argc, char **argv)
{
        const char *verb = argc > 2 ? argv[1] : "", *name = argc > 2 ? argv[2] : "";

        if (strcmp(verb, "write") == 0 && argc == 5) {
                strcpy((char *)map(name, strtoul(argv[3], NULL, 10), O_CREAT | O_EXCL), argv[4]);
        } else if (strcmp(verb, "read") == 0 && argc == 4) {
                fwrite(map(name, 0, 0), 1, strtoul(argv[3], NULL, 10), stdout);
        } else if (strcmp(verb, "array") == 0 && argc == 5) {
                make_array(name, (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]));
        } else if (strcmp(verb, "sum") == 0) {
                sum_array(name);
        } else if (strcmp(verb, "semaphore") == 0 && argc == 4) {
                if (sem_open(name, O_CREAT | O_EXCL, 0600, (unsigned)atoi(argv[3])) == SEM_FAILED)
                        fail(name);
        } else if (argc == 3) {
                use_semaphore(verb, name);
        } else {
                fprintf(stderr, "usage: see the source\n");
                return 64;
        }
        return 0;
}
