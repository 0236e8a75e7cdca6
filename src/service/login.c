/* SPDX-License-Identifier: MIT */
/* A login or a logout of the host's initiator, on a thread of its own: the steps of iscsiadm and what their
 * exit codes mean to VDS. */
#include "service/login.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error_text.h"
#include "service/initiator.h"
#include "service/iscsiadm.h"
#include "service/records.h"

struct job {
    atomic_uint refs; /* the async object's and the thread's */
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool done;
    HRESULT hr;
    char text[256];
    struct login what;
    void (*told)(void *arg);
    void *told_arg;
};

static void job_unref(struct job *j)
{
    if (atomic_fetch_sub(&j->refs, 1) != 1)
        return;
    pthread_mutex_destroy(&j->lock);
    pthread_cond_destroy(&j->ended);
    free(j);
}

static HRESULT run_on_node(const struct login *j, const char *const *more, int *ret_exit)
{
    const char *words[ISCSIADM_WORDS_MAX] = { "-m", "node", "-T", j->target };
    size_t n = 4;

    if (j->portal[0]) {
        words[n++] = "-p";
        words[n++] = j->portal;
    }
    if (j->iface[0]) {
        words[n++] = "-I";
        words[n++] = j->iface;
    }
    while (*more)
        words[n++] = *more++;
    return iscsiadm_run(ISCSIADM, words, ret_exit, NULL);
}

static HRESULT node_update(const struct login *j, const char *name, const char *value)
{
    const char *words[] = { "-o", "update", "-n", name, "-v", value, NULL };
    int exit_code = 0;
    HRESULT hr = run_on_node(j, words, &exit_code);

    return FAILED(hr) || exit_code == ISCSIADM_OK ? hr
           : exit_code == ISCSIADM_ACCESS         ? E_ACCESSDENIED
                                                  : VDS_E_ISCSI_LOGIN_FAILED;
}

/* "-o new" begins a record that is there anew, and its secrets with it: only where there is none. */
HRESULT login_make_record(const struct login *j)
{
    static const char *const show[] = { "-o", "show", NULL }, *const new_record[] = { "-o", "new", NULL };
    struct record_auth auth;
    int exit_code = 0;
    HRESULT hr = run_on_node(j, show, &exit_code);

    if (FAILED(hr) || exit_code == ISCSIADM_OK)
        return hr;
    hr = records_read(j->target, &auth); /* those of the target's other portals */
    if (SUCCEEDED(hr))
        hr = run_on_node(j, new_record, &exit_code);
    if (SUCCEEDED(hr) && exit_code != ISCSIADM_OK)
        hr = exit_code == ISCSIADM_ACCESS ? E_ACCESSDENIED : VDS_E_ISCSI_LOGIN_FAILED;
    if (SUCCEEDED(hr) && auth.value[RECORD_SECRET][0])
        hr = records_write(j->target, (1u << N_RECORD_FIELDS) - 1, &auth, false);
    explicit_bzero(&auth, sizeof auth);
    return hr;
}

/* What open-iscsi would find out halfway, and tell in the system's log alone. */
static HRESULT check_secrets(const struct login *j, const struct record_auth *auth)
{
    const char *missing = j->auth == VDS_IAT_NONE          ? NULL
                          : !auth->value[RECORD_SECRET][0] ? "RememberTargetSharedSecret"
                          : j->auth == VDS_IAT_MUTUAL_CHAP && !auth->value[RECORD_SECRET_IN][0]
                              ? "SetInitiatorSharedSecret"
                              : NULL;

    if (!missing)
        return S_OK;
    error_text_set("open-iscsi has no secret for this login: %s sets it", missing);
    return VDS_E_ISCSI_LOGIN_FAILED;
}

/* The secrets that this kind of login has no use for stand aside. */
static HRESULT choose_secrets(const struct login *j, struct record_auth *auth)
{
    HRESULT hr;

    auth->aside = j->auth == VDS_IAT_NONE   ? RECORD_OWN | RECORD_IN
                  : j->auth == VDS_IAT_CHAP ? RECORD_IN
                                            : 0;
    hr = records_write(j->target, RECORD_OWN | RECORD_IN, auth, false);
    /* kept where nobody knows: no secret is, either */
    return hr == (HRESULT)VDS_E_OBJECT_NOT_FOUND ? S_OK : hr;
}

static HRESULT prepare_record(const struct login *j)
{
    const struct {
        const char *name, *value;
    } settings[] = {
        { "node.conn[0].iscsi.HeaderDigest", j->header_digest ? "CRC32C" : "None" },
        { "node.conn[0].iscsi.DataDigest", j->data_digest ? "CRC32C" : "None" },
        { "node.session.auth.authmethod", j->auth == VDS_IAT_NONE ? "None" : "CHAP" },
        { "node.startup", j->persistent ? "automatic" : "manual" },
    };
    struct record_auth auth = { 0 };
    HRESULT hr = login_make_record(j);

    if (SUCCEEDED(hr))
        hr = records_read(j->target, &auth);
    if (SUCCEEDED(hr))
        hr = check_secrets(j, &auth);
    for (size_t i = 0; SUCCEEDED(hr) && i < ARRAY_SIZE(settings); i++)
        hr = node_update(j, settings[i].name, settings[i].value);
    if (SUCCEEDED(hr))
        hr = choose_secrets(j, &auth);
    explicit_bzero(&auth, sizeof auth);
    return hr;
}

static HRESULT do_login(const struct login *j)
{
    static const char *const login[] = { "--login", NULL };
    int exit_code = 0;
    HRESULT hr;

    records_lock();
    hr = prepare_record(j);
    records_unlock();
    if (SUCCEEDED(hr))
        hr = run_on_node(j, login, &exit_code);
    if (FAILED(hr) || exit_code == ISCSIADM_OK || exit_code == ISCSIADM_SESSION_EXISTS)
        return FAILED(hr) ? hr : S_OK;
    return exit_code == ISCSIADM_ACCESS ? E_ACCESSDENIED : VDS_E_ISCSI_LOGIN_FAILED;
}

static HRESULT do_logout(const struct login *j)
{
    static const char *const logout[] = { "--logout", NULL };
    int exit_code = 0;
    HRESULT hr = run_on_node(j, logout, &exit_code);

    if (FAILED(hr) || exit_code == ISCSIADM_OK)
        return hr;
    if (exit_code == ISCSIADM_NO_SESSION || exit_code == ISCSIADM_NO_RECORDS)
        return VDS_E_ISCSI_SESSION_NOT_FOUND;
    return exit_code == ISCSIADM_ACCESS ? E_ACCESSDENIED : VDS_E_ISCSI_LOGOUT_FAILED;
}

static void *job_run(void *arg)
{
    struct job *j = arg;
    HRESULT hr = j->what.logout ? do_logout(&j->what) : do_login(&j->what);
    void (*told)(void *arg);

    pthread_mutex_lock(&j->lock);
    j->hr = hr;
    j->done = true;
    snprintf(j->text, sizeof j->text, "%s", FAILED(hr) ? error_text_get() : "");
    told = j->told;
    pthread_cond_broadcast(&j->ended);
    pthread_mutex_unlock(&j->lock);
    if (told)
        told(j->told_arg);
    job_unref(j);
    return NULL;
}

static HRESULT job_wait(void *arg, HRESULT *ret_hr)
{
    struct job *j = arg;

    pthread_mutex_lock(&j->lock);
    while (!j->done)
        pthread_cond_wait(&j->ended, &j->lock);
    *ret_hr = j->hr;
    if (FAILED(j->hr))
        error_text_set("%s", j->text);
    pthread_mutex_unlock(&j->lock);
    return S_OK;
}

static HRESULT job_status(void *arg, HRESULT *ret_hr, ULONG *ret_percent)
{
    struct job *j = arg;

    pthread_mutex_lock(&j->lock);
    *ret_hr = j->done ? j->hr : VDS_E_OPERATION_PENDING;
    *ret_percent = 0;
    pthread_mutex_unlock(&j->lock);
    return S_OK;
}

/* What iscsiadm has begun it ends. */
static HRESULT job_cancel(void *arg)
{
    (void)arg;
    return service_not_supported("what iscsiadm has begun it ends");
}

static void job_on_end(void *arg, void (*told)(void *arg), void *told_arg)
{
    struct job *j = arg;
    bool done;

    pthread_mutex_lock(&j->lock);
    done = j->done;
    j->told = told;
    j->told_arg = told_arg;
    pthread_mutex_unlock(&j->lock);
    if (done)
        told(told_arg);
}

static void job_release(void *arg)
{
    job_unref(arg);
}

static const struct com_async_ops job_ops = {
    .wait = job_wait, .status = job_status, .cancel = job_cancel, .release = job_release, .on_end = job_on_end
};

HRESULT login_start(const struct login *what, VDS_ASYNC_OUTPUT_TYPE type, IVdsAsync **ret_async)
{
    struct job *j = calloc(1, sizeof *j);
    pthread_t thread;
    HRESULT hr;

    if (!j)
        return E_OUTOFMEMORY;
    j->what = *what;
    atomic_init(&j->refs, 2);
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->ended, NULL);
    hr = com_async_create(&job_ops, j, type, ret_async); /* releases one on failure */
    if (SUCCEEDED(hr) && pthread_create(&thread, NULL, job_run, j) == 0) {
        pthread_detach(thread);
        return S_OK;
    }
    if (SUCCEEDED(hr)) {
        IVdsAsync_Release(*ret_async);
        *ret_async = NULL;
    }
    job_unref(j);
    return E_OUTOFMEMORY;
}
