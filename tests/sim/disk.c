/* SPDX-License-Identifier: MIT */
#include "disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "loop/loop.h"
#include "sim.h"
#include "store/store_backend.h"

struct disk {
    struct store store;
    uint8_t bytes[];
};

/* Lives in the request while it is late. */
struct late {
    struct loop_timer timer;
    struct disk *disk;
};
_Static_assert(sizeof(struct late) <= sizeof((struct store_request){ 0 }.private), "fits the request");

static void transfer(struct disk *d, const struct store_request *req)
{
    uint64_t at = req->offset;

    for (int i = 0; i < req->n_iov; i++) {
        if (req->op == STORE_READ)
            memcpy(req->iov[i].iov_base, d->bytes + at, req->iov[i].iov_len);
        else if (req->op == STORE_WRITE)
            memcpy(d->bytes + at, req->iov[i].iov_base, req->iov[i].iov_len);
        at += req->iov[i].iov_len;
    }
    if (req->op == STORE_DISCARD || req->op == STORE_WRITE_ZEROES)
        memset(d->bytes + req->offset, 0, req->len);
}

static void fired(struct loop_timer *timer)
{
    struct late *late = container_of(timer, struct late, timer);
    struct store_request *req = container_of((void *)late, struct store_request, private);

    transfer(late->disk, req);
    req->done(req, 0);
}

static int disk_submit(struct store *store, struct store_request *req)
{
    struct disk *d = container_of(store, struct disk, store);
    struct late *late = (struct late *)req->private;

    if (!loop_current() || sim_chance(50)) {
        transfer(d, req);
        return 0;
    }
    *late = (struct late){ .disk = d, .timer.fired = fired };
    loop_timer_start(loop_current(), &late->timer,
                     sim_now() + sim_below(sim_chance(90) ? 2 * SIM_MS : 200 * SIM_MS));
    return -EINPROGRESS;
}

static const uint8_t *disk_borrow(struct store *store, uint64_t offset, uint64_t len)
{
    (void)len;
    return sim_chance(50) ? container_of(store, struct disk, store)->bytes + offset : NULL;
}

static void disk_close(struct store *store)
{
    free(container_of(store, struct disk, store));
}

static const struct store_kind disk_kind = {
    .name = "simulation", .submit = disk_submit, .borrow = disk_borrow, .close = disk_close
};

int disk_open(uint64_t size, struct store **ret_store)
{
    struct disk *d = calloc(1, sizeof *d + size);

    if (!d)
        return -ENOMEM;
    store_init(&d->store, &disk_kind, size);
    *ret_store = &d->store;
    return 0;
}

const uint8_t *disk_bytes(const struct store *store)
{
    return container_of(store, const struct disk, store)->bytes;
}
