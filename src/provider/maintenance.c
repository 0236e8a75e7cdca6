/* SPDX-License-Identifier: MIT */
/* IVdsMaintenance: lamps, alarms and motors that an array of directories does not have. What is running is
 * kept, so that Start, Stop and Pulse answer as they are documented; each goes into the log, which is where
 * somebody looks for the drive that blinks, and is told as a change of the object. Nothing of it outlives the
 * provider. */
#include "provider/provider_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

struct running {
    struct guid id;
    VDS_OBJECT_TYPE type;
    uint32_t operations; /* bit by bit */
};

struct maintenance {
    pthread_mutex_t lock;
    struct running *running; /* no more than there are objects: those that are gone are dropped */
    size_t n, room;
};

#define BIT(operation) (1u << (operation))
#define SPINS          (BIT(SpinDown) | BIT(SpinUp))

static const struct {
    VDS_OBJECT_TYPE type;
    const char *noun;
    uint32_t operations;
} kinds[] = {
    { VDS_OT_SUB_SYSTEM, "the array", BIT(BlinkLight) | BIT(BeepAlarm) | BIT(Ping) },
    { VDS_OT_CONTROLLER, "controller", BIT(BlinkLight) | BIT(BeepAlarm) | BIT(Ping) },
    { VDS_OT_DRIVE, "drive", BIT(BlinkLight) | SPINS | BIT(Ping) },
    { VDS_OT_LUN, "LUN", BIT(BlinkLight) | BIT(Ping) },
};
static const char *const verbs[] = { [BlinkLight] = "blink", [BeepAlarm] = "beep", [SpinDown] = "spin down",
                                     [SpinUp] = "spin up",   [Ping] = "ping" };

HRESULT maintenance_create(struct maintenance **ret_maintenance)
{
    struct maintenance *m = calloc(1, sizeof *m);

    if (!m)
        return E_OUTOFMEMORY;
    pthread_mutex_init(&m->lock, NULL);
    *ret_maintenance = m;
    return S_OK;
}

void maintenance_destroy(struct maintenance *m)
{
    if (!m)
        return;
    pthread_mutex_destroy(&m->lock);
    free(m->running);
    free(m);
}

/* ---- what is running; m->lock held --------------------------------------------------------------------- */

static struct running *find(struct maintenance *m, const struct guid *id)
{
    for (size_t i = 0; i < m->n; i++) {
        if (guid_equal(&m->running[i].id, id))
            return &m->running[i];
    }
    return NULL;
}

static void drop_gone(struct maintenance *m, struct array *array)
{
    for (size_t i = m->n; i-- > 0;) {
        if (m->running[i].operations == 0 || !array_exists(array, m->running[i].type, &m->running[i].id))
            m->running[i] = m->running[--m->n];
    }
}

static struct running *find_or_add(struct maintenance *m, struct array *array, const struct guid *id,
                                   VDS_OBJECT_TYPE type)
{
    struct running *found = find(m, id), *more;

    if (found)
        return found;
    drop_gone(m, array);
    if (m->n == m->room) {
        more = realloc(m->running, (m->room + 16) * sizeof *more);
        if (!more)
            return NULL;
        m->running = more;
        m->room += 16;
    }
    m->running[m->n] = (struct running){ .id = *id, .type = type };
    return &m->running[m->n++];
}

/* ---- the three methods --------------------------------------------------------------------------------- */

static HRESULT admit(struct provider *inside, VDS_OBJECT_TYPE type, const struct guid *id,
                     VDS_MAINTENANCE_OPERATION operation, const char **ret_noun)
{
    if (operation < BlinkLight || operation > Ping)
        return E_INVALIDARG;
    if (!array_exists(inside->config.array, type, id))
        return VDS_E_OBJECT_DELETED;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        *ret_noun = kinds[i].noun;
        if (kinds[i].type == type && (kinds[i].operations & BIT(operation)))
            return S_OK;
        if (kinds[i].type == type)
            break;
    }
    error_text_set("%s cannot %s", *ret_noun, verbs[operation]);
    return VDS_E_NOT_SUPPORTED;
}

static HRESULT tell(struct provider *inside, struct handle *h, VDS_OBJECT_TYPE type, const char *noun,
                    VDS_MAINTENANCE_OPERATION operation, const char *what)
{
    char id[GUID_TEXT_SIZE];

    guid_format(&h->id, id);
    log_info("maintenance: %s %s: %s %s", noun, id, verbs[operation], what);
    return array_note(inside->config.array, type, &h->id);
}

HRESULT maintenance_start(struct handle *h, VDS_OBJECT_TYPE type, VDS_MAINTENANCE_OPERATION operation)
{
    struct maintenance *m = h->provider->maintenance;
    _cleanup_(provider_leave) struct provider *inside = NULL;
    struct running *running;
    const char *noun;
    HRESULT hr = provider_enter(h->provider, &inside);

    if (SUCCEEDED(hr))
        hr = admit(inside, type, &h->id, operation, &noun);
    if (FAILED(hr))
        return hr;
    pthread_mutex_lock(&m->lock);
    running = find_or_add(m, inside->config.array, &h->id, type);
    if (running && (BIT(operation) & SPINS)) /* a motor does one or the other */
        running->operations &= ~SPINS;
    if (running)
        running->operations |= BIT(operation);
    pthread_mutex_unlock(&m->lock);
    return running ? tell(inside, h, type, noun, operation, "begins") : E_OUTOFMEMORY;
}

/* Was it running? It is not after this. */
static bool end(struct maintenance *m, const struct guid *id, VDS_MAINTENANCE_OPERATION operation)
{
    struct running *running;
    bool was;

    pthread_mutex_lock(&m->lock);
    running = find(m, id);
    was = running && (running->operations & BIT(operation));
    if (was)
        running->operations &= ~BIT(operation);
    pthread_mutex_unlock(&m->lock);
    return was;
}

HRESULT maintenance_stop(struct handle *h, VDS_OBJECT_TYPE type, VDS_MAINTENANCE_OPERATION operation)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    const char *noun;
    HRESULT hr = provider_enter(h->provider, &inside);

    if (SUCCEEDED(hr))
        hr = admit(inside, type, &h->id, operation, &noun);
    if (FAILED(hr))
        return hr;
    return end(h->provider->maintenance, &h->id, operation)
               ? tell(inside, h, type, noun, operation, "stops")
               : S_FALSE;
}

/* The interval between pulses is the provider's choice: none, so the operation has stopped when this returns.
 * Motors do not pulse. */
HRESULT maintenance_pulse(struct handle *h, VDS_OBJECT_TYPE type, VDS_MAINTENANCE_OPERATION operation,
                          ULONG count)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    char what[64];
    const char *noun;
    HRESULT hr = provider_enter(h->provider, &inside);

    if (SUCCEEDED(hr))
        hr = admit(inside, type, &h->id, operation, &noun);
    if (SUCCEEDED(hr) && (BIT(operation) & SPINS))
        hr = not_supported("motors do not pulse: stop it");
    if (FAILED(hr))
        return hr;
    if (!end(h->provider->maintenance, &h->id, operation))
        return S_FALSE;
    snprintf(what, sizeof what, "pulses %u times and stops", (unsigned)count);
    return tell(inside, h, type, noun, operation, what);
}
