/* SPDX-License-Identifier: MIT */
/* The last notifications, numbered, for clients that come late: a ring that the notifier fills, and
 * IVdsServiceNotifications reads.
 *
 * Numbers begin with the time at which the service started, in microseconds, so that those of an earlier run
 * are smaller than all of this one, as long as the clock goes forward and fewer than a million notifications
 * a second came. */
#include "service/service_internal.h"

#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 1000 /* in one answer */

struct replay {
    VDS_NOTIFICATION_RECORD *ring; /* number n is at n % size */
    uint64_t size, first, last;    /* kept are those from first to last; none: first = last + 1 */
};

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

struct replay *replay_new(uint32_t size)
{
    struct replay *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->ring = calloc(size, sizeof *r->ring); /* taken from the system as it fills */
    r->size = size;
    r->last = now_us();
    r->first = r->last + 1;
    if (r->ring)
        return r;
    free(r);
    return NULL;
}

void replay_free(struct replay *r)
{
    if (r)
        free(r->ring);
    free(r);
}

void replay_put(struct replay *r, const VDS_NOTIFICATION *items, LONG n)
{
    uint64_t time = now_us();

    for (LONG i = 0; i < n; i++) {
        r->last++;
        r->ring[r->last % r->size] = (VDS_NOTIFICATION_RECORD){ r->last, time, items[i] };
        if (r->last - r->first >= r->size)
            r->first++;
    }
}

uint64_t replay_last(const struct replay *r)
{
    return r->last;
}

HRESULT replay_query(const struct replay *r, uint64_t since, uint32_t max,
                     VDS_NOTIFICATION_RECORD **ret_records, ULONG *ret_n)
{
    bool gone = since != 0 && (since + 1 < r->first || since > r->last);
    uint64_t from = since < r->first || since > r->last ? r->first : since + 1, n = r->last + 1 - from;
    VDS_NOTIFICATION_RECORD *records;

    if (max == 0 || max > RECORDS_MAX)
        max = RECORDS_MAX;
    if (n > max)
        n = max;
    if (n > 0) {
        records = com_task_calloc(n, sizeof *records);
        if (!records)
            return E_OUTOFMEMORY;
        for (uint64_t i = 0; i < n; i++)
            records[i] = r->ring[(from + i) % r->size];
        *ret_records = records;
        *ret_n = (ULONG)n;
    }
    return gone ? S_FALSE : S_OK;
}
