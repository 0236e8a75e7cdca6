/* SPDX-License-Identifier: MIT */
/* Writes through many connections as fast as they go, remembers what was acknowledged, and reads all of it back at the end.
 *
 * usage: writers ADDRESS TARGET CONNECTIONS [STUBBORN]
 * Connection i has its own SLOTS x 32 KiB of LUN 0. All but the last STUBBORN of them log out when they are asked to and
 * come back to the address they know, going where they are sent from there; a stubborn one goes on until it is cut off, and then does the
 * same. Says "writing" when every connection has written; a line on standard input (or its end) ends the writing. Then prints one line of
 * JSON: what was written and read back, how often connections followed a request or were cut off, where they are now. Exits with 1 when a
 * block that was acknowledged holds something else.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "initiator.h"

#define MAX_CONNECTIONS 64
#define SLOTS           64
#define SLOT_BLOCKS     64
#define SLOT_BYTES      (SLOT_BLOCKS * 512u)
#define WARM            50 /* writes of each connection before "writing" is said */

struct writer {
    pthread_t thread;
    unsigned index;
    bool stubborn;
    struct initiator in;
    char at[96];                         /* the address of the connection */
    uint64_t acknowledged[SLOTS], tried[SLOTS]; /* the last values written there */
    uint64_t n_written;
    unsigned n_followed, n_cut_off;
    atomic_bool warm;
    int error;
};

static const char *home, *target;
static struct writer writers[MAX_CONNECTIONS];
static atomic_bool stop;

static void fill(uint64_t *data, const struct writer *w, uint64_t value)
{
    for (size_t i = 0; i < SLOT_BYTES / sizeof *data; i++)
        data[i] = value << 16 | w->index << 8 | (i & 0xff);
}

/* Where the address that we know sends us, at most so many hops. */
static int come_back(struct writer *w)
{
    int r;

    snprintf(w->at, sizeof w->at, "%s", home);
    for (unsigned hop = 0; hop < 4; hop++) {
        initiator_close(&w->in);
        initiator_init(&w->in, w->index + 1);
        r = initiator_connect_text(&w->in, w->at);
        if (r == 0)
            r = initiator_login(&w->in, target);
        if (r != -EACCES || w->in.status_class != 1)
            return r;
        snprintf(w->at, sizeof w->at, "%s", w->in.moved_to);
    }
    return -ELOOP;
}

static int start_over(struct writer *w)
{
    int r = come_back(w);

    return r < 0 ? r : initiator_clear_attentions(&w->in, 0, NULL) < 0 ? -EIO : 0;
}

static uint32_t lba_of(const struct writer *w, unsigned slot)
{
    return (w->index * SLOTS + slot) * SLOT_BLOCKS;
}

static int write_one(struct writer *w, uint64_t *data)
{
    unsigned slot = (unsigned)(w->n_written % SLOTS);
    int r;

    w->tried[slot] = w->n_written + 1;
    fill(data, w, w->tried[slot]);
    r = initiator_write(&w->in, 0, lba_of(w, slot), SLOT_BLOCKS, data);
    if (r == 0) {
        w->acknowledged[slot] = w->tried[slot];
        if (++w->n_written == WARM)
            w->warm = true;
    }
    return r;
}

static int one_round(struct writer *w, uint64_t *data)
{
    int r = write_one(w, data);

    if (r == -EIO)
        return r;
    if (r < 0) { /* the connection is gone */
        w->n_cut_off++;
        return start_over(w);
    }
    if (!w->in.logout_requested || w->stubborn)
        return 0;
    r = initiator_logout(&w->in);
    w->n_followed++;
    return r < 0 ? r : start_over(w);
}

static void *writer_main(void *arg)
{
    struct writer *w = arg;
    uint64_t *data = malloc(SLOT_BYTES);

    w->error = data ? start_over(w) : -ENOMEM;
    while (w->error == 0 && !stop)
        w->error = one_round(w, data);
    w->warm = true;
    free(data);
    return NULL;
}

/* Every slot that was ever acknowledged. */
static uint64_t verify(struct writer *w)
{
    static uint64_t data[SLOT_BYTES / 8], wanted[SLOT_BYTES / 8], tried[SLOT_BYTES / 8];
    uint64_t n_lost = 0;

    for (unsigned slot = 0; slot < SLOTS && w->error == 0; slot++) {
        if (!w->acknowledged[slot])
            continue;
        w->error = initiator_read(&w->in, 0, lba_of(w, slot), SLOT_BLOCKS, data);
        fill(wanted, w, w->acknowledged[slot]);
        fill(tried, w, w->tried[slot]);
        n_lost += w->error == 0 && memcmp(data, wanted, sizeof data) != 0 && memcmp(data, tried, sizeof data) != 0;
    }
    return n_lost;
}

static bool all_warm(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!writers[i].warm)
            return false;
    }
    return true;
}

static int report(unsigned n)
{
    uint64_t n_written = 0, n_lost = 0;
    unsigned n_followed = 0, n_cut_off = 0, n_failed = 0;

    for (unsigned i = 0; i < n; i++) {
        struct writer *w = &writers[i];

        n_lost += verify(w);
        n_written += w->n_written;
        n_followed += w->n_followed;
        n_cut_off += w->n_cut_off;
        n_failed += w->error != 0;
        if (w->error)
            fprintf(stderr, "connection %u at %s: %s\n", i, w->at, strerror(-w->error));
    }
    printf("{\"written\": %llu, \"lost\": %llu, \"followed\": %u, \"cut_off\": %u, \"failed\": %u, \"at\": [", (unsigned long long)n_written,
           (unsigned long long)n_lost, n_followed, n_cut_off, n_failed);
    for (unsigned i = 0; i < n; i++)
        printf("%s\"%s\"", i ? ", " : "", writers[i].at);
    printf("]}\n");
    return n_lost || n_failed;
}

int main(int argc, char **argv)
{
    unsigned n = argc > 3 ? (unsigned)atoi(argv[3]) : 0, n_stubborn = argc > 4 ? (unsigned)atoi(argv[4]) : 0;
    int status;

    if (n == 0 || n > MAX_CONNECTIONS || n_stubborn > n) {
        fprintf(stderr, "usage: writers ADDRESS TARGET CONNECTIONS [STUBBORN]\n");
        return 2;
    }
    home = argv[1];
    target = argv[2];
    for (unsigned i = 0; i < n; i++) {
        writers[i].index = i;
        writers[i].stubborn = i >= n - n_stubborn;
        writers[i].in.fd = -1;
        if (pthread_create(&writers[i].thread, NULL, writer_main, &writers[i]) != 0)
            return 1;
    }
    while (!all_warm(n))
        usleep(1000);
    puts("writing");
    fflush(stdout);
    (void)getchar();
    stop = true;
    for (unsigned i = 0; i < n; i++)
        pthread_join(writers[i].thread, NULL);
    status = report(n);
    for (unsigned i = 0; i < n; i++)
        initiator_close(&writers[i].in);
    return status;
}
