/* SPDX-License-Identifier: MIT */
/* One input for a parser, and a main() for compilers without libFuzzer.
 *
 * With clang: -fsanitize=fuzzer supplies main(). Otherwise (FUZZ_STANDALONE):
 *     fuzz_x FILE...            replays inputs: seeds, regressions
 *     fuzz_x --runs N [--seed S] makes inputs itself: random bytes, and the target's own samples with bytes
 * changed
 */
#ifndef VDS_FUZZ_FUZZ_H
#define VDS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* For the standalone generator. Fills `out` (room for n_out bytes) with a good input chosen by `random`;
 * returns its size. */
size_t fuzz_sample(uint8_t *out, size_t n_out, uint32_t random);

#ifdef FUZZ_STANDALONE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_INPUT_MAX 16384

static uint32_t fuzz_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static void fuzz_spoil(uint8_t *bytes, size_t size, uint64_t *state)
{
    for (uint32_t n = fuzz_random(state) % 12; n && size; n--) {
        size_t at = fuzz_random(state) % size;

        static const uint8_t edges[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

        switch (fuzz_random(state) % 3) {
        case 0:
            bytes[at] ^= (uint8_t)(1 << fuzz_random(state) % 8);
            break;
        case 1:
            bytes[at] = (uint8_t)fuzz_random(state);
            break;
        default:
            bytes[at] = edges[fuzz_random(state) % sizeof edges];
        }
    }
}

static int fuzz_generate(unsigned long runs, uint64_t state)
{
    static uint8_t bytes[FUZZ_INPUT_MAX];

    for (unsigned long k = 0; k < runs; k++) {
        size_t size = fuzz_random(&state) % 8 ? fuzz_sample(bytes, sizeof bytes, fuzz_random(&state)) : 0;
        uint8_t *exact;

        if (size == 0) {
            size = fuzz_random(&state) % 512;
            for (size_t n = 0; n < size; n++)
                bytes[n] = (uint8_t)fuzz_random(&state);
        }
        fuzz_spoil(bytes, size, &state);
        exact = malloc(size ? size : 1); /* so that a sanitizer sees one byte too far */
        if (!exact)
            return 1;
        memcpy(exact, bytes, size);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
    }
    printf("%lu inputs\n", runs);
    return 0;
}

static int fuzz_replay(const char *path)
{
    static uint8_t bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    size_t size;

    if (!file) {
        perror(path);
        return 1;
    }
    size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, size);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned long runs = 0;
    uint64_t seed = 1;
    int r = 0;

    for (int k = 1; k < argc; k++) {
        if (strcmp(argv[k], "--runs") == 0 && k + 1 < argc)
            runs = strtoul(argv[++k], NULL, 0);
        else if (strcmp(argv[k], "--seed") == 0 && k + 1 < argc)
            seed = strtoull(argv[++k], NULL, 0);
        else
            r |= fuzz_replay(argv[k]);
    }
    return runs ? r | fuzz_generate(runs, seed) : r;
}

#endif
#endif
