/* SPDX-License-Identifier: MIT */
#include "array_fixture.h"

#include <ftw.h>
#include <sched.h>
#include <sqlite3.h>
#include <unistd.h>

#include "../state/fault_vfs.h"
#include "array/array_internal.h"
#include "base/log.h"

static size_t n_looked_at;

/* ---- life ------------------------------------------------------------------------------------ */

static void take_events(void *arg, const struct array_notification *events, size_t n)
{
    struct fixture *f = arg;

    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < n && f->n_seen < 4096; i++)
        f->seen[f->n_seen++] = (struct seen){ events[i], f->n_calls };
    f->n_calls++;
    pthread_cond_broadcast(&f->arrived);
    pthread_mutex_unlock(&f->lock);
}

static struct guid portal_by_text(struct fixture *f, const char *text)
{
    struct guid *ids = NULL, found = { 0 };
    size_t n = 0;

    assert_hr(array_query(f->array, ARRAY_PORTALS, NULL, &ids, &n), S_OK);
    for (size_t i = 0; i < n; i++) {
        struct array_portal_info info;

        assert_hr(array_portal_get(f->array, &ids[i], &info), S_OK);
        if (strcmp(info.text, text) == 0)
            found = ids[i];
    }
    free(ids);
    return found;
}

static const char *const portal_texts[N_PORTALS] = { "127.0.0.1:5001", "127.0.0.1:5002", "[::1]:5003",
                                                     "10.9.8.7:5004" };

void fixture_start(struct fixture *f)
{
    assert_hr(array_open(&f->options, &f->array), S_OK);
    for (unsigned i = 0; i < N_PORTALS; i++)
        f->portal[i] = portal_by_text(f, portal_texts[i]);
}

void fixture_stop(struct fixture *f)
{
    array_close(f->array);
    f->array = NULL;
}

void fixture_restart(struct fixture *f)
{
    fixture_stop(f);
    fixture_start(f);
}

struct fixture *fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof *f);

    n_looked_at = 0;
    log_set_level(LOG_LEVEL_ERROR);
    fault_vfs_install();
    fault_vfs_reset();
    fake_reset();
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->arrived, NULL);
    /* in memory, if it can be: thousands of commits need not wait for a disk */
    snprintf(f->dir, sizeof f->dir, "%s/vds-array-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    f->options = (struct array_options){ .state_dir = f->dir,
                                         .portals = portal_texts,
                                         .n_portals = N_PORTALS,
                                         .notify = take_events,
                                         .notify_arg = f };
    return f;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void fixture_free(struct fixture *f)
{
    fixture_stop(f);
    fault_vfs_reset();
    assert_int_equal(fake_units(), 0); /* nothing keeps a LUN alive */
    nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
}

int fixture_setup(void **state)
{
    struct fixture *f = fixture_new();

    fixture_start(f);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

struct engine *fixture_engine(struct fixture *f)
{
    return array_engine(f->array);
}

/* ---- dumps ----------------------------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b)
{
    return guid_compare(a, b);
}

/* Sorted: operations of several groups commit in another order than they began, and a restart gives that of
 * the commits. */
static void dump_ids(struct fixture *f, FILE *out, const char *what, enum array_relation relation,
                     const struct guid *of)
{
    struct guid *ids = NULL;
    char text[GUID_TEXT_SIZE];
    size_t n = 0;
    HRESULT hr = array_query(f->array, relation, of, &ids, &n);

    if (n > 0)
        qsort(ids, n, sizeof *ids, by_bytes);
    fprintf(out, "  %s %08x:", what, (unsigned)hr);
    for (size_t i = 0; i < n; i++) {
        guid_format(&ids[i], text);
        fprintf(out, " %s", text);
    }
    fputc('\n', out);
    free(ids);
}

static void dump_portal(struct fixture *f, FILE *out, const struct guid *id)
{
    struct array_portal_info info;

    if (array_portal_get(f->array, id, &info) == S_OK)
        fprintf(out, "portal %s status %u offline %d\n", info.text, info.status, info.admin_offline);
    dump_ids(f, out, "groups", ARRAY_GROUPS_OF_PORTAL, id);
}

static void dump_target(struct fixture *f, FILE *out, const struct guid *id)
{
    struct array_target_info info;
    struct guid *groups = NULL;
    size_t n = 0;

    if (array_target_get(f->array, id, &info) == S_OK)
        fprintf(out, "target %s \"%s\" chap %d\n", info.iscsi_name, info.friendly_name, info.chap);
    dump_ids(f, out, "luns", ARRAY_LUNS_OF_TARGET, id);
    array_query(f->array, ARRAY_GROUPS_OF_TARGET, id, &groups, &n);
    for (size_t i = 0; i < n; i++) {
        struct array_group_info group;

        if (array_group_get(f->array, &groups[i], &group) == S_OK)
            fprintf(out, "  group %u\n", group.tag);
        dump_ids(f, out, "  portals", ARRAY_PORTALS_OF_GROUP, &groups[i]);
    }
    free(groups);
}

static void dump_lun(struct fixture *f, FILE *out, const struct guid *id)
{
    struct array_lun_info info = { 0 };

    if (array_lun_get(f->array, id, &info) == S_OK)
        fprintf(out, "lun %s \"%s\" size %llu thick %d mask %s status %u\n", info.identification,
                info.friendly_name, (unsigned long long)info.size, info.thick, info.mask, info.status);
    array_lun_info_fini(&info);
    dump_ids(f, out, "targets", ARRAY_TARGETS_OF_LUN, id);
}

static void dump_kind(struct fixture *f, FILE *out, enum array_relation relation,
                      void (*one)(struct fixture *, FILE *, const struct guid *))
{
    struct guid *ids = NULL;
    size_t n = 0;

    array_query(f->array, relation, NULL, &ids, &n);
    for (size_t i = 0; i < n; i++)
        one(f, out, &ids[i]);
    free(ids);
}

char *fixture_dump_all(struct fixture *f)
{
    char *text = NULL, *engine = fake_dump(fixture_engine(f));
    size_t n;
    FILE *out = open_memstream(&text, &n);

    dump_kind(f, out, ARRAY_PORTALS, dump_portal);
    dump_kind(f, out, ARRAY_TARGETS, dump_target);
    dump_kind(f, out, ARRAY_LUNS, dump_lun);
    fixture_dump_state(f->dir, out);
    fputs(engine, out);
    fclose(out);
    free(engine);
    return text;
}

void fixture_restart_changes_nothing(struct fixture *f)
{
    char *before = fixture_dump_all(f), *after;

    fixture_restart(f);
    after = fixture_dump_all(f);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

void fixture_state_path(const struct fixture *f, char path[static 128])
{
    snprintf(path, 128, "%s/array.db", f->dir);
}

/* ---- operations ------------------------------------------------------------------------------ */

HRESULT finish_op(HRESULT hr, struct array_op *op, struct guid *ret_output)
{
    struct array_op_result result;

    if (FAILED(hr)) {
        assert_null(op);
        return hr;
    }
    assert_non_null(op);
    assert_true(array_op_wait(op, -1));
    array_op_result(op, &result);
    assert_int_equal(result.percent, 100);
    if (ret_output)
        *ret_output = result.output;
    if (FAILED(result.hr))
        error_text_set("%s", result.text);
    array_op_unref(op);
    return result.hr;
}

HRESULT target_create(struct fixture *f, const char *name, struct guid *ret_target)
{
    struct array_op *op = NULL;
    HRESULT hr = array_target_create(f->array, name, "a friendly name", &op);

    return finish_op(hr, op, ret_target);
}

struct guid a_target(struct fixture *f)
{
    struct guid target;

    assert_hr(target_create(f, NULL, &target), S_OK);
    return target;
}

struct guid a_group(struct fixture *f, const struct guid *target)
{
    struct array_op *op = NULL;
    struct guid group;
    HRESULT hr = array_group_create(f->array, target, &op);

    assert_hr(finish_op(hr, op, &group), S_OK);
    return group;
}

HRESULT add_portal(struct fixture *f, const struct guid *group, const struct guid *portal)
{
    struct array_op *op = NULL;
    HRESULT hr = array_group_add_portal(f->array, group, portal, &op);

    return finish_op(hr, op, NULL);
}

HRESULT remove_portal(struct fixture *f, const struct guid *group, const struct guid *portal)
{
    struct array_op *op = NULL;
    HRESULT hr = array_group_remove_portal(f->array, group, portal, ARRAY_DRAIN_DEFAULT, &op);

    return finish_op(hr, op, NULL);
}

HRESULT set_portals(struct fixture *f, const struct guid *group, const struct guid *portals, size_t n)
{
    struct array_op *op = NULL;
    HRESULT hr = array_group_set_portals(f->array, group, portals, n, ARRAY_DRAIN_DEFAULT, &op);

    return finish_op(hr, op, NULL);
}

HRESULT move_portal(struct fixture *f, const struct guid *group, const struct guid *portal,
                    const struct guid *to)
{
    struct array_op *op = NULL;
    HRESULT hr = array_group_move_portal(f->array, group, portal, to, ARRAY_DRAIN_DEFAULT, &op);

    return finish_op(hr, op, NULL);
}

HRESULT group_delete(struct fixture *f, const struct guid *group)
{
    struct array_op *op = NULL;
    HRESULT hr = array_group_delete(f->array, group, &op);

    return finish_op(hr, op, NULL);
}

HRESULT target_delete(struct fixture *f, const struct guid *target)
{
    struct array_op *op = NULL;
    HRESULT hr = array_target_delete(f->array, target, &op);

    return finish_op(hr, op, NULL);
}

struct guid a_lun(struct fixture *f)
{
    struct array_lun_spec spec = { .size = 1 << 20, .mask = "" };
    struct array_op *op = NULL;
    struct guid lun;
    HRESULT hr = array_lun_create(f->array, &spec, &op);

    assert_hr(finish_op(hr, op, &lun), S_OK);
    return lun;
}

uint16_t group_tag(struct fixture *f, const struct guid *group)
{
    struct array_group_info info;

    assert_hr(array_group_get(f->array, group, &info), S_OK);
    return info.tag;
}

size_t count(struct fixture *f, enum array_relation relation, const struct guid *of)
{
    struct guid *ids;
    size_t n;

    assert_hr(array_query(f->array, relation, of, &ids, &n), S_OK);
    free(ids);
    return n;
}

struct guid only(struct fixture *f, enum array_relation relation, const struct guid *of)
{
    struct guid *ids, id;
    size_t n;

    assert_hr(array_query(f->array, relation, of, &ids, &n), S_OK);
    assert_int_equal(n, 1);
    id = ids[0];
    free(ids);
    return id;
}

uint32_t portal_status_of(struct fixture *f, unsigned i)
{
    struct array_portal_info info;

    assert_hr(array_portal_get(f->array, &f->portal[i], &info), S_OK);
    return info.status;
}

uint32_t subsystem_status(struct fixture *f)
{
    struct array_subsystem_info info;

    assert_hr(array_subsystem_get(f->array, &info), S_OK);
    return info.status;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Until all that was queued has been delivered. */
static void events_flush(struct fixture *f)
{
    struct notifier *notifier = &f->array->notifier;
    size_t n_queued;

    do {
        sched_yield();
        pthread_mutex_lock(&notifier->lock);
        n_queued = notifier->n_queued;
        pthread_mutex_unlock(&notifier->lock);
    } while (n_queued > 0);
}

void events_clear(struct fixture *f)
{
    events_flush(f);
    pthread_mutex_lock(&f->lock);
    f->n_seen = n_looked_at = 0;
    pthread_mutex_unlock(&f->lock);
}

void expect_event(struct fixture *f, uint32_t event, const struct guid *id)
{
    pthread_mutex_lock(&f->lock);
    while (f->n_seen <= n_looked_at)
        pthread_cond_wait(&f->arrived, &f->lock);
    struct seen seen = f->seen[n_looked_at++];
    pthread_mutex_unlock(&f->lock);
    assert_int_equal(seen.event.event, event);
    assert_true(guid_equal(&seen.event.id, id));
}

void await_event(struct fixture *f, uint32_t event, const struct guid *id)
{
    bool found = false;

    pthread_mutex_lock(&f->lock);
    while (!found) {
        while (f->n_seen <= n_looked_at)
            pthread_cond_wait(&f->arrived, &f->lock);
        struct seen seen = f->seen[n_looked_at++];
        found = seen.event.event == event && guid_equal(&seen.event.id, id);
    }
    pthread_mutex_unlock(&f->lock);
}

void expect_no_more_events(struct fixture *f)
{
    events_flush(f);
    pthread_mutex_lock(&f->lock);
    size_t n_left = f->n_seen - n_looked_at;
    pthread_mutex_unlock(&f->lock);
    assert_int_equal(n_left, 0);
}
