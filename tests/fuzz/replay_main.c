/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/prng.h"

/* A stand-in for libFuzzer where the compiler has none: runs the files of a corpus and mutations of
 * them, always the same ones. `fuzz_x FILE` replays one file and nothing else.
 *
 * On a crash the input is kept as crash-input in the current folder. */

enum {
    SEEDS_MAX = 256,
    INPUT_BYTES_MAX = 128 * 1024,
    MUTATIONS = 50000, /* in all, shared by the seeds */
    SECONDS_MAX = 5,   /* for targets that are slow by nature */
    EDITS_MAX = 6,     /* of one mutation */
};

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Known to programs that are built with AddressSanitizer. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

struct seed {
    char path[512];
    uint8_t *bytes;
    size_t size;
};

static struct seed seeds[SEEDS_MAX];
static unsigned seeds_count;
static uint8_t input[INPUT_BYTES_MAX];
static size_t input_size;

static void keep_input(void)
{
    int file = open("crash-input", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file >= 0) {
        ssize_t written = write(file, input, input_size);
        static const char text[] = "\nreplay: run this program with the file crash-input\n";
        written = write(STDERR_FILENO, text, sizeof(text) - 1);
        (void)written;
        close(file);
    }
}

static void on_crash(int number)
{
    keep_input();
    signal(number, SIG_DFL);
    raise(number);
}

static void run_input(void)
{
    /* In a block of just that size, so that AddressSanitizer sees the end. */
    uint8_t *exact = malloc(input_size > 0 ? input_size : 1);
    if (exact == NULL) {
        abort();
    }
    memcpy(exact, input, input_size);
    LLVMFuzzerTestOneInput(exact, input_size);
    free(exact);
}

static void set_input(const struct seed *seed)
{
    memcpy(input, seed->bytes, seed->size);
    input_size = seed->size;
}

static void load_seed(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || seeds_count == SEEDS_MAX) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    struct seed *seed = &seeds[seeds_count++];
    snprintf(seed->path, sizeof(seed->path), "%s", path);
    seed->size = fread(input, 1, sizeof(input), file);
    seed->bytes = malloc(seed->size + 1);
    if (seed->bytes == NULL) {
        abort();
    }
    memcpy(seed->bytes, input, seed->size);
    fclose(file);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Sorted by name: the order of mutations must not depend on the file system. */
static void load_folder(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_visible, alphasort);
    for (int i = 0; i < count; i++) {
        char file[1024];
        snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        load_seed(file);
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
}

static void insert_at(size_t at, const uint8_t *bytes, size_t size)
{
    if (size > sizeof(input) - input_size) {
        return;
    }
    memmove(input + at + size, input + at, input_size - at);
    memcpy(input + at, bytes, size);
    input_size += size;
}

static void remove_at(size_t at, size_t size)
{
    size = size < input_size - at ? size : input_size - at;
    memmove(input + at, input + at + size, input_size - at - size);
    input_size -= size;
}

static void edit(struct rt_prng *prng)
{
    static const uint8_t odd[] = {0x00, 0x01, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF};
    size_t at = (size_t)rt_prng_below(prng, input_size + 1);
    uint8_t byte = odd[rt_prng_below(prng, sizeof(odd))];
    uint8_t chunk[32];
    size_t size = (size_t)rt_prng_below(prng, sizeof(chunk)) + 1;
    const struct seed *other = &seeds[rt_prng_below(prng, seeds_count)];

    switch (rt_prng_below(prng, 16)) {
    case 0: /* one bit */
        input[at < input_size ? at : 0] ^= (uint8_t)(1u << rt_prng_below(prng, 8));
        break;
    case 1: /* one byte, a telling value */
        input[at < input_size ? at : 0] = byte;
        break;
    case 2:
        input[at < input_size ? at : 0] = (uint8_t)rt_prng_next(prng);
        break;
    case 3:
        insert_at(at, &byte, 1);
        break;
    case 4: /* repeat some bytes */
        size = size < input_size - at ? size : input_size - at;
        memcpy(chunk, input + at, size);
        insert_at(at, chunk, size);
        break;
    case 5:
        remove_at(at, size);
        break;
    case 6: /* the end of another seed instead */
        remove_at(at, input_size);
        at = (size_t)rt_prng_below(prng, other->size + 1);
        insert_at(input_size, other->bytes + at, other->size - at);
        break;
    case 7: /* cut */
        remove_at(at, input_size);
        break;
    default: /* small numbers: counts and lengths that nearly fit */
        input[at < input_size ? at : 0] = (uint8_t)(input[at < input_size ? at : 0] + size % 5 - 2);
        break;
    }
}

static int64_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static unsigned run_mutations(void)
{
    const int64_t end = now_s() + SECONDS_MAX;
    unsigned count = 0;

    for (; count < MUTATIONS && now_s() < end; count++) {
        struct rt_prng prng;
        rt_prng_init(&prng, count);
        set_input(&seeds[count % seeds_count]);
        for (uint64_t edits = rt_prng_below(&prng, EDITS_MAX) + 1; edits > 0; edits--) {
            edit(&prng);
        }
        run_input();
    }
    return count;
}

int main(int argc, char **argv)
{
    bool is_replay = argc > 1;
    for (int i = 1; i < argc; i++) {
        struct stat about;
        if (stat(argv[i], &about) == 0 && S_ISDIR(about.st_mode)) {
            load_folder(argv[i]);
            is_replay = false;
        } else {
            load_seed(argv[i]);
        }
    }
    if (seeds_count == 0) {
        fprintf(stderr, "no seeds: fuzz_x FOLDER or fuzz_x FILE\n");
        return 2;
    }
    signal(SIGABRT, on_crash);
    signal(SIGSEGV, on_crash);
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(keep_input);
    }

    for (unsigned i = 0; i < seeds_count; i++) {
        set_input(&seeds[i]);
        run_input();
    }
    unsigned mutations = is_replay ? 0 : run_mutations();
    fprintf(stderr, "%u seeds, %u mutations: no failure\n", seeds_count, mutations);
    for (unsigned i = 0; i < seeds_count; i++) {
        free(seeds[i].bytes);
    }
    return 0;
}
