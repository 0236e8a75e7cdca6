/* SPDX-License-Identifier: MIT */
/* CHAP secrets: of targets and of discovery, one way and mutual (RFC 7143 §12.1.3). Kept in the state, told
 * to the engine, never handed out and never logged. A session that is there already is not asked again.
 *
 * A change only keeps the target from being deleted, so that it runs beside other operations there (the page
 * of SetSharedSecret knows no "another call"); changes among each other take turns under secrets_lock. */
#include <errno.h>
#include <string.h>

#include "array/array_internal.h"

#define SECRET_MIN 12 /* the page of VDS_ISCSI_SHARED_SECRET; RFC 7143 §9.2.1 wants 96 bits */
#define SECRET_MAX 16

struct secret_change {
    struct state_secret row; /* without bytes: the secret goes */
    struct secrets next;     /* all that there will be */
};

/* ---- the list -------------------------------------------------------------------------------- */

int secrets_add(struct secrets *secrets, const struct state_secret *row)
{
    struct state_secret *more = realloc(secrets->rows, (secrets->n + 1) * sizeof *more);
    void *bytes;

    if (!more)
        return -ENOMEM;
    secrets->rows = more;
    if (!(bytes = malloc(row->secret.len)))
        return -ENOMEM;
    memcpy(bytes, row->secret.bytes, row->secret.len);
    more[secrets->n] = *row;
    more[secrets->n++].secret.bytes = bytes;
    return 0;
}

void secrets_fini(struct secrets *secrets)
{
    for (size_t i = 0; i < secrets->n; i++) {
        explicit_bzero(secrets->rows[i].secret.bytes, secrets->rows[i].secret.len);
        free(secrets->rows[i].secret.bytes);
    }
    free(secrets->rows);
    *secrets = (struct secrets){ 0 };
}

bool secrets_require_chap(const struct secrets *secrets)
{
    for (size_t i = 0; i < secrets->n; i++)
        if (secrets->rows[i].kind == STATE_SECRET_IN)
            return true;
    return false;
}

static bool same_entry(const struct state_secret *a, const struct state_secret *b)
{
    return a->kind == b->kind && strcmp(a->initiator, b->initiator) == 0;
}

static const struct state_secret *find_entry(const struct secrets *secrets, const struct state_secret *row)
{
    for (size_t i = 0; i < secrets->n; i++)
        if (same_entry(&secrets->rows[i], row))
            return &secrets->rows[i];
    return NULL;
}

/* RFC 7143 §9.2.1: never the same secret in both directions. Who may meet whom: the same name, or a
 * default. */
static bool reused(const struct secrets *secrets, const struct state_secret *row)
{
    for (size_t i = 0; i < secrets->n; i++) {
        const struct state_secret *other = &secrets->rows[i];

        if (other->kind != row->kind &&
            (!other->initiator[0] || !row->initiator[0] || strcmp(other->initiator, row->initiator) == 0) &&
            other->secret.len == row->secret.len &&
            memcmp(other->secret.bytes, row->secret.bytes, row->secret.len) == 0)
            return true;
    }
    return false;
}

struct state_discovery_secret secret_discovery_row(const struct state_secret *row)
{
    struct state_discovery_secret copy = { .kind = row->kind, .secret = row->secret };

    memcpy(copy.initiator, row->initiator, sizeof copy.initiator);
    return copy;
}

/* ---- the engine ------------------------------------------------------------------------------ */

/* target NULL: discovery; set false, or no bytes: takes it back. */
static int serve(struct array *array, const struct guid *target, const struct state_secret *row, bool set)
{
    const char *initiator = row->initiator[0] ? row->initiator : NULL;
    struct iscsi_secret secret = { .len = (uint8_t)row->secret.len };
    const struct iscsi_secret *told = set && row->secret.len ? &secret : NULL;
    bool in = row->kind == STATE_SECRET_IN;
    int r;

    if (row->secret.len)
        memcpy(secret.bytes, row->secret.bytes, row->secret.len);
    if (target)
        r = (in ? engine_target_set_secret : engine_target_set_mutual)(array->engine, target, initiator,
                                                                       told);
    else
        r = (in ? engine_discovery_set_secret : engine_discovery_set_mutual)(array->engine, initiator, told);
    explicit_bzero(&secret, sizeof secret);
    return r;
}

int secrets_serve(struct array *array, const struct guid *target, const struct secrets *secrets, bool set)
{
    int result = 0;

    for (size_t i = 0; i < secrets->n; i++) {
        int r = serve(array, target, &secrets->rows[i], set);

        if (r < 0 && result == 0)
            result = r;
    }
    return result;
}

/* ---- a change -------------------------------------------------------------------------------- */

/* Of the target that the operation is about, or of discovery. array->lock held. */
static struct secrets *secrets_of(struct array_op *op)
{
    return op->target ? &op->target->secrets : &op->array->cache.discovery;
}

static void add_to_tx(struct array_op *op, struct state_tx *tx, enum state_verb verb,
                      const struct state_secret *row)
{
    struct state_discovery_secret discovery = secret_discovery_row(row);

    if (op->target)
        state_tx_add(tx, STATE_SECRET, verb, row);
    else
        state_tx_add(tx, STATE_DISCOVERY_SECRET, verb, &discovery);
}

/* array->lock held. *ret_next: the list as it will be. */
static int list_next(const struct secrets *now, const struct state_secret *row, struct secrets *ret_next)
{
    int r = 0;

    for (size_t i = 0; i < now->n && r == 0; i++)
        if (!same_entry(&now->rows[i], row))
            r = secrets_add(ret_next, &now->rows[i]);
    if (r == 0 && row->secret.len)
        r = secrets_add(ret_next, row);
    return r;
}

/* array->lock held. S_FALSE: nothing to do. */
static HRESULT change_prepare(struct array_op *op, struct secret_change *change)
{
    const struct secrets *now = secrets_of(op);
    const struct state_secret *row = &change->row, *before = find_entry(now, row);
    HRESULT hr;

    if (!before && !row->secret.len)
        return S_FALSE;
    if (row->secret.len && reused(now, row)) {
        error_text_set("the same secret must not serve in both directions (RFC 7143 9.2.1)");
        return E_INVALIDARG;
    }
    hr = op_transactions(op);
    if (SUCCEEDED(hr) && (list_next(now, row, &change->next) < 0 || events_reserve(&op->events, 1) < 0))
        hr = E_OUTOFMEMORY;
    if (FAILED(hr))
        return hr;
    add_to_tx(op, op->tx, !row->secret.len ? STATE_DELETE : before ? STATE_UPDATE : STATE_INSERT, row);
    add_to_tx(op, op->undo, !before ? STATE_DELETE : row->secret.len ? STATE_UPDATE : STATE_INSERT,
              before ? before : row);
    return S_OK;
}

static void change_publish(struct array_op *op, struct secret_change *change)
{
    struct array *array = op->array;
    struct secrets *now, old;

    pthread_mutex_lock(&array->lock);
    now = secrets_of(op);
    old = *now;
    *now = change->next;
    change->next = old; /* wiped by the caller */
    if (op->target && secrets_require_chap(now) != secrets_require_chap(&old)) {
        events_add(&op->events, VDS_NF_TARGET_MODIFY, VDS_NTT_TARGET, &op->target->object.id);
        notifier_post(&array->notifier, &op->events);
    }
    pthread_mutex_unlock(&array->lock);
}

static HRESULT change_in_turn(struct array_op *op, struct secret_change *change)
{
    struct array *array = op->array;
    HRESULT hr;
    int r;

    pthread_mutex_lock(&array->lock);
    hr = change_prepare(op, change);
    pthread_mutex_unlock(&array->lock);
    if (hr != S_OK)
        return hr == S_FALSE ? S_OK : hr;
    hr = op_commit(op);
    if (SUCCEEDED(hr)) {
        r = serve(array, op->target ? &op->target->object.id : NULL, &change->row, /* set= */ true);
        if (r < 0 && (change->row.secret.len || r != -ENOENT))
            hr = op_uncommit(op, r);
    }
    if (SUCCEEDED(hr))
        change_publish(op, change);
    return hr;
}

static HRESULT secret_run(struct array_op *op)
{
    HRESULT hr;

    pthread_mutex_lock(&op->array->secrets_lock);
    hr = change_in_turn(op, op->secret);
    pthread_mutex_unlock(&op->array->secrets_lock);
    return hr;
}

/* array->lock held. */
static HRESULT secret_admit(struct array_op *op, const struct guid *target)
{
    HRESULT hr = lock_take(&op->locks, &op->array->subsystem, LOCK_PIN);
    struct object *object;

    if (FAILED(hr) || !target)
        return hr;
    object = cache_find(&op->array->cache, OBJECT_TARGET, target);
    if (!object || !object->visible) {
        error_text_set("the target is gone");
        return VDS_E_OBJECT_DELETED;
    }
    op->target = container_of(object, struct target, object);
    op->secret->row.target = *target;
    return lock_take(&op->locks, object, LOCK_PIN);
}

static HRESULT secret_change_start(struct array *array, const struct guid *target,
                                   struct secret_change *change)
{
    struct array_op *op;
    HRESULT hr = admit(array);

    if (FAILED(hr))
        return hr;
    if (!(op = op_new(array, secret_run)))
        return E_OUTOFMEMORY;
    op->secret = change;
    pthread_mutex_lock(&array->lock);
    hr = secret_admit(op, target);
    pthread_mutex_unlock(&array->lock);
    return FAILED(hr) ? op_refuse(op, hr) : op_call(op);
}

static HRESULT change_make(bool mutual, const char *initiator, const void *secret, size_t n,
                           struct secret_change *ret_change)
{
    struct state_secret row = { .kind = mutual ? STATE_SECRET_MUTUAL : STATE_SECRET_IN };

    if (n && (!secret || n < SECRET_MIN || n > SECRET_MAX)) {
        error_text_set("a CHAP secret has %d to %d bytes", SECRET_MIN, SECRET_MAX);
        return E_INVALIDARG;
    }
    if (initiator && iscsi_name_normalise(initiator, row.initiator) < 0) {
        error_text_set("\"%.200s\" is not an iSCSI name", initiator);
        return E_INVALIDARG;
    }
    row.secret = (struct state_blob){ (void *)(uintptr_t)secret, n };
    *ret_change = (struct secret_change){ .row = row };
    return S_OK;
}

HRESULT array_secret_set(struct array *array, const struct guid *target, bool mutual, const char *initiator,
                         const void *secret, size_t n)
{
    struct secret_change change;
    HRESULT hr = change_make(mutual, initiator, secret, n, &change);

    if (FAILED(hr))
        return hr;
    hr = secret_change_start(array, target, &change);
    secrets_fini(&change.next);
    return hr;
}

HRESULT array_discovery_chap(struct array *array, bool *ret_chap)
{
    HRESULT hr = ret_chap ? admit_read(array) : E_INVALIDARG;

    if (FAILED(hr))
        return hr;
    pthread_mutex_lock(&array->lock);
    *ret_chap = secrets_require_chap(&array->cache.discovery);
    pthread_mutex_unlock(&array->lock);
    return S_OK;
}
