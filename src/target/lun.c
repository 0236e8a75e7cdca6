/* SPDX-License-Identifier: MIT */
/* Units, where they are mapped, who may see them - and making each session's view agree with that.
 *
 * The table (directory.h) is the wanted state, under its lock. A change is made there first; then every
 * reactor brings the views of its sessions into line (target_session_sync_luns, idempotent). So the I/O path
 * looks at its own view only and takes no lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/error_text.h"
#include "base/log.h"
#include "scsi/scsi.h"
#include "target/conn.h"

/* WANTED -> MAPPED -> UNWANTED -> LEAVING -> freed when the unit's last task of this session is gone. */
enum slot_state { SLOT_WANTED, SLOT_MAPPED, SLOT_UNWANTED, SLOT_LEAVING };

struct session_lun {
    struct list_node link;
    struct target_session *session;
    struct dir_lun *lun;
    enum slot_state state;
};

/* ---- one session ----------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

static bool may_see(const struct dir_lu *lu, const char *initiator)
{
    return lu->everyone || (lu->n_initiators > 0 && bsearch(&initiator, lu->initiators, lu->n_initiators,
                                                            sizeof *lu->initiators, by_name));
}

static void lun_unref(struct dir_lun *lun)
{
    if (atomic_fetch_sub(&lun->n_refs, 1) == 1)
        free(lun);
}

static struct session_lun *slot_at(const struct target_session *session, uint16_t number)
{
    list_for_each(node, &session->luns) {
        struct session_lun *slot = container_of(node, struct session_lun, link);

        if (slot->lun->number == number)
            return slot;
    }
    return NULL;
}

static int slot_add(struct target_session *session, struct dir_lun *lun)
{
    struct session_lun *slot = calloc(1, sizeof *slot);

    if (!slot)
        return -ENOMEM;
    *slot = (struct session_lun){ .session = session, .lun = lun, .state = SLOT_WANTED };
    atomic_fetch_add(&lun->n_refs, 1);
    list_append(&session->luns, &slot->link);
    return 0;
}

static void slot_free(struct session_lun *slot)
{
    list_remove(&slot->link);
    lun_unref(slot->lun);
    free(slot);
}

/* Under the lock: which slots must go. They count as leaving before the lock is given up, so that a change
 * that waits sees them. */
static void mark_unwanted(struct target_session *session)
{
    list_for_each(node, &session->luns) {
        struct session_lun *slot = container_of(node, struct session_lun, link);

        if (slot->state != SLOT_MAPPED)
            continue;
        if (!session->ending && !slot->lun->leaving && may_see(slot->lun->lu, session->initiator))
            continue;
        slot->state = SLOT_UNWANTED;
        atomic_fetch_add(&slot->lun->n_leaving, 1);
    }
}

/* Under the lock: which slots are missing. A number that the view is still leaving comes when it has left. */
static int add_wanted(struct target_session *session)
{
    int r = 0;

    if (session->ending)
        return 0;
    list_for_each(node, &session->path->target->luns) {
        struct dir_lun *lun = container_of(node, struct dir_lun, link);

        if (lun->leaving || !may_see(lun->lu, session->initiator) || slot_at(session, lun->number))
            continue;
        if (slot_add(session, lun) < 0)
            r = -ENOMEM;
    }
    return r;
}

static void slot_gone(void *arg)
{
    struct session_lun *slot = arg;
    struct target_session *session = slot->session;

    atomic_fetch_sub(&slot->lun->n_leaving, 1);
    target_idle_signal(&session->engine->dir.idle);
    slot_free(slot);
    if (session->syncing)
        session->sync_again = true;
    else if (target_session_sync_luns(session, /* quiet= */ false) < 0)
        log_error("session of %s lacks a LUN: out of memory", session->initiator);
}

static int apply(struct target_session *session, bool quiet)
{
    int result = 0;

    list_for_each_safe(node, &session->luns) {
        struct session_lun *slot = container_of(node, struct session_lun, link);
        int r;

        if (slot->state == SLOT_UNWANTED) {
            slot->state = SLOT_LEAVING;
            if (scsi_view_unmap(session->view, slot->lun->number, slot_gone, slot) < 0)
                slot_gone(slot);
        } else if (slot->state == SLOT_WANTED) {
            slot->state = SLOT_MAPPED;
            r = scsi_view_map(session->view, slot->lun->number, slot->lun->lu->lu, quiet);
            if (r < 0) {
                slot_free(slot);
                result = r;
            }
        }
    }
    return result;
}

int target_session_sync_luns(struct target_session *session, bool quiet)
{
    struct target_directory *dir = &session->engine->dir;
    int result = 0, r;

    session->syncing = true;
    do {
        session->sync_again = false;
        target_dir_read(dir);
        mark_unwanted(session);
        r = add_wanted(session);
        target_dir_unlock(dir);
        if (r < 0)
            result = r;
        r = apply(session, quiet);
        if (r < 0)
            result = r;
    } while (session->sync_again && !(session->ending && list_empty(&session->luns)));
    session->syncing = false;
    if (session->ending && list_empty(&session->luns))
        target_session_free(session);
    return result;
}

/* ---- all sessions ---------------------------------------------------------------------------------- */

struct lun_change {
    const struct guid *target; /* NULL: of every target */
    int r;
};

static void sync_reactor(struct target_reactor *reactor, void *arg)
{
    struct lun_change *change = arg;

    list_for_each_safe(node, &reactor->conns) {
        struct target_session *session = container_of(node, struct target_conn, link)->session;
        int r;

        if (!session || (change->target && !guid_equal(&session->path->target->id, change->target)))
            continue;
        r = target_session_sync_luns(session, /* quiet= */ false);
        if (r < 0)
            change->r = r;
    }
}

static int sync_all(struct engine *engine, const struct guid *target)
{
    struct lun_change change = { .target = target };

    target_each_reactor(engine, sync_reactor, &change);
    return change.r;
}

static bool none_leaving(const void *arg)
{
    const struct dir_lun *lun = arg;

    return atomic_load(&lun->n_leaving) == 0;
}

/* ---- engine.h -------------------------------------------------------------------------------------- */

static struct dir_lu *find_unit(const struct target_directory *dir, const struct guid *id)
{
    for (struct hash_node *n = target_hash_first(&dir->units, guid_hash(id)); n; n = target_hash_next(n)) {
        struct dir_lu *lu = container_of(n, struct dir_lu, by_id);

        if (guid_equal(&lu->id, id))
            return lu;
    }
    return NULL;
}

static struct dir_lun *find_lun(const struct dir_target *target, const struct dir_lu *lu, uint32_t number)
{
    list_for_each(node, &target->luns) {
        struct dir_lun *lun = container_of(node, struct dir_lun, link);

        if (lun->lu == lu || lun->number == number)
            return lun;
    }
    return NULL;
}

static void mask_free(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

static void unit_free(struct dir_lu *lu)
{
    scsi_lu_unref(lu->lu);
    mask_free(lu->initiators, lu->n_initiators);
    free(lu);
}

int engine_lu_add(struct engine *engine, const struct guid *id, struct scsi_lu *scsi_lu)
{
    struct dir_lu *lu = calloc(1, sizeof *lu);
    bool taken;

    if (!lu)
        return -ENOMEM;
    lu->id = *id;
    lu->lu = scsi_lu_ref(scsi_lu);
    target_dir_write(&engine->dir);
    taken = find_unit(&engine->dir, id) != NULL;
    if (!taken)
        target_hash_add(&engine->dir.units, &lu->by_id, guid_hash(id));
    target_dir_unlock(&engine->dir);
    if (taken)
        unit_free(lu);
    return taken ? -EEXIST : 0;
}

int engine_lu_remove(struct engine *engine, const struct guid *id)
{
    struct dir_lu *lu;
    int r;

    target_dir_write(&engine->dir);
    lu = find_unit(&engine->dir, id);
    r = !lu ? -ENOENT : lu->n_maps > 0 ? -EBUSY : 0;
    if (r == 0)
        target_hash_remove(&engine->dir.units, &lu->by_id);
    target_dir_unlock(&engine->dir);
    if (r == 0)
        unit_free(lu);
    return r;
}

static int mask_copy(const char *const *names, size_t n, char ***ret_names)
{
    char **copy = calloc(n ? n : 1, sizeof *copy);

    if (!copy)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        if (!(copy[i] = strdup(names[i]))) {
            mask_free(copy, i);
            return -ENOMEM;
        }
    }
    qsort(copy, n, sizeof *copy, by_name);
    *ret_names = copy;
    return 0;
}

/* Waits until no session that lost the unit has a task on it; each mapping in turn, by reference because it
 * may be unmapped meanwhile. */
static void wait_left(struct engine *engine, struct dir_lun **luns, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        target_idle_wait(&engine->dir.idle, none_leaving, luns[i]);
        lun_unref(luns[i]);
    }
}

/* Under the lock: all mappings of a unit, referenced. */
static size_t collect_mappings(const struct target_directory *dir, const struct dir_lu *lu,
                               struct dir_lun **luns, size_t n_max)
{
    size_t n = 0;

    list_for_each(node, &dir->targets) {
        struct dir_lun *lun = find_lun(container_of(node, struct dir_target, link), lu, UINT32_MAX);

        if (!lun || n == n_max)
            continue;
        atomic_fetch_add(&lun->n_refs, 1);
        luns[n++] = lun;
    }
    return n;
}

int engine_lu_set_mask(struct engine *engine, const struct guid *id, bool all, const char *const *initiators,
                       size_t n)
{
    _cleanup_(freep) struct dir_lun **luns = NULL;
    char **names, **old;
    size_t n_old, n_luns = 0;
    struct dir_lu *lu;
    int r = mask_copy(initiators, n, &names);

    if (r < 0)
        return r;
    target_dir_write(&engine->dir);
    lu = find_unit(&engine->dir, id);
    if (lu)
        luns = calloc(lu->n_maps + 1, sizeof *luns);
    if (!lu || !luns) {
        target_dir_unlock(&engine->dir);
        mask_free(names, n);
        return lu ? -ENOMEM : -ENOENT;
    }
    old = lu->initiators;
    n_old = lu->n_initiators;
    lu->initiators = names;
    lu->n_initiators = n;
    lu->everyone = all;
    if (lu->n_maps > 0)
        n_luns = collect_mappings(&engine->dir, lu, luns, lu->n_maps);
    target_dir_unlock(&engine->dir);
    mask_free(old, n_old);
    if (n_luns == 0)
        return 0;
    r = sync_all(engine, NULL);
    wait_left(engine, luns, n_luns);
    return r;
}

struct settling {
    const struct scsi_lu *lu;
    uint64_t end;
    struct scsi_watch watch;
};

static void one_less(void *arg)
{
    struct engine *engine = arg;

    target_idle_signal(&engine->dir.idle);
}

static void watch_reactor(struct target_reactor *reactor, void *arg)
{
    struct settling *settling = arg;

    list_for_each(node, &reactor->conns) {
        struct target_session *session = container_of(node, struct target_conn, link)->session;

        if (session && session->view)
            scsi_view_watch(session->view, settling->lu, settling->end, &settling->watch);
    }
}

static bool settled(const void *arg)
{
    const struct settling *settling = arg;

    return atomic_load(&settling->watch.n) == 0 && !scsi_lu_has_leaving(settling->lu);
}

int engine_lu_settle(struct engine *engine, const struct guid *id, uint64_t end)
{
    struct settling settling = { .end = end, .watch = { .less = one_less, .arg = engine } };
    struct scsi_lu *unit = NULL;
    struct dir_lu *lu;

    target_dir_read(&engine->dir);
    lu = find_unit(&engine->dir, id);
    if (lu)
        unit = scsi_lu_ref(lu->lu);
    target_dir_unlock(&engine->dir);
    if (!unit)
        return -ENOENT;
    settling.lu = unit;
    pthread_mutex_lock(&engine->settle_lock);
    target_each_reactor(engine, watch_reactor, &settling);
    target_idle_wait(&engine->dir.idle, settled, &settling);
    pthread_mutex_unlock(&engine->settle_lock);
    scsi_lu_unref(unit);
    return 0;
}

/* Under the lock: references to all units, so that they can be asked without it. */
static size_t collect_units(const struct target_directory *dir, struct engine_lu_counters *units,
                            struct scsi_lu **lus)
{
    size_t n = 0;

    for (size_t i = 0; i < dir->units.n_buckets; i++) {
        for (struct hash_node *node = dir->units.buckets[i]; node; node = node->next) {
            const struct dir_lu *lu = container_of(node, struct dir_lu, by_id);

            units[n].id = lu->id;
            lus[n++] = scsi_lu_ref(lu->lu);
        }
    }
    return n;
}

int engine_lu_counters(struct engine *engine, struct engine_lu_counters **ret_units, size_t *ret_n)
{
    struct engine_lu_counters *units;
    _cleanup_(freep) struct scsi_lu **lus = NULL;
    size_t n = 0;

    target_dir_read(&engine->dir);
    units = calloc(engine->dir.units.n + 1, sizeof *units);
    lus = calloc(engine->dir.units.n + 1, sizeof *lus);
    if (units && lus)
        n = collect_units(&engine->dir, units, lus);
    target_dir_unlock(&engine->dir);
    for (size_t i = 0; i < n; i++) {
        scsi_lu_counters(lus[i], &units[i].counters);
        scsi_lu_unref(lus[i]);
    }
    if (!units || !lus) {
        free(units);
        return -ENOMEM;
    }
    *ret_units = units;
    *ret_n = n;
    return 0;
}

/* Under the lock for writing. */
static int lun_add(struct target_directory *dir, const struct guid *target_id, uint16_t number,
                   const struct guid *lu_id)
{
    struct dir_target *target = target_dir_target(dir, target_id);
    struct dir_lu *lu = find_unit(dir, lu_id);
    struct dir_lun *lun;

    if (!target || !lu)
        return -ENOENT;
    if (find_lun(target, lu, number))
        return -EEXIST;
    lun = calloc(1, sizeof *lun);
    if (!lun)
        return -ENOMEM;
    *lun = (struct dir_lun){ .lu = lu, .number = number, .n_refs = 1 };
    list_append(&target->luns, &lun->link);
    lu->n_maps++;
    return 0;
}

int engine_lun_map(struct engine *engine, const struct guid *target, uint16_t number, const struct guid *lu)
{
    int r;

    if (number > SCSI_LUN_MAX)
        return -EINVAL;
    target_dir_write(&engine->dir);
    r = lun_add(&engine->dir, target, number, lu);
    target_dir_unlock(&engine->dir);
    if (r < 0)
        return r;
    r = sync_all(engine, target);
    if (r < 0)
        engine_lun_unmap(engine, target, lu);
    return r;
}

/* Under the lock for writing: the mapping leaves the table. */
static void lun_remove(struct dir_lun *lun)
{
    list_remove(&lun->link);
    lun->lu->n_maps--;
    lun_unref(lun);
}

int engine_lun_unmap(struct engine *engine, const struct guid *target_id, const struct guid *lu_id)
{
    struct target_directory *dir = &engine->dir;
    struct dir_target *target;
    struct dir_lu *lu;
    struct dir_lun *lun;
    int r;

    target_dir_write(dir);
    target = target_dir_target(dir, target_id);
    lu = find_unit(dir, lu_id);
    lun = target && lu ? find_lun(target, lu, UINT32_MAX) : NULL;
    r = !lun ? -ENOENT : lun->leaving ? -EBUSY : 0;
    if (r == 0) {
        lun->leaving = true;
        atomic_fetch_add(&lun->n_refs, 1);
    }
    target_dir_unlock(dir);
    if (r < 0)
        return r;
    sync_all(engine, target_id);
    target_idle_wait(&dir->idle, none_leaving, lun);
    target_dir_write(dir);
    if (list_linked(&lun->link)) /* else the target was destroyed meanwhile */
        lun_remove(lun);
    target_dir_unlock(dir);
    lun_unref(lun);
    return 0;
}

/* For the end of a target that has no sessions any more; under the lock for writing. */
void target_luns_free(struct dir_target *target)
{
    list_for_each_safe(node, &target->luns)
        lun_remove(container_of(node, struct dir_lun, link));
}

void target_units_free(struct target_directory *dir)
{
    for (size_t i = 0; i < dir->units.n_buckets; i++) {
        while (dir->units.buckets[i]) {
            struct dir_lu *lu = container_of(dir->units.buckets[i], struct dir_lu, by_id);

            target_hash_remove(&dir->units, &lu->by_id);
            unit_free(lu);
        }
    }
}
