/* SPDX-License-Identifier: MIT */
/* The host's initiator in process, over the real array and a stand-in for iscsiadm on the PATH: NULL where a
 * pointer is required, and no memory where it is needed. */
#include "house.h"

#include <errno.h>
#include <sched.h>
#include <sys/stat.h>

#include "alloc_faults.h"

/* ---- the scene ----------------------------------------------------------------------------------------- */

struct scene {
    struct house *h;
    IVdsServiceIscsi *iscsi;
    IVdsIscsiInitiatorAdapter *adapter;
    IVdsIscsiInitiatorPortal *portal;
    VDS_OBJECT_ID adapter_id, portal_id, target_id;
    size_t n_objects, n_blocks;
};

static void put_stand_in(const char *dir)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/iscsiadm", dir);
    f = fopen(path, "we");
    assert_non_null(f);
    fputs("#!/bin/sh\ncase \"$*\" in \"-m iface\") echo \"default tcp,<empty>,<empty>,<empty>,<empty>\" ;; "
          "esac\n",
          f);
    fclose(f);
    assert_int_equal(chmod(path, 0700), 0);
    setenv("PATH", dir, 1);
}

static void put_file(const char *dir, const char *name, const char *text)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* What open-iscsi has on a host that knows the target. */
static void put_record(const char *dir, const WCHAR *target)
{
    char *name = NULL, path[512];

    assert_int_equal(com_utf8(target, &name), S_OK);
    snprintf(path, sizeof path, "%s/nodes", dir);
    assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    snprintf(path, sizeof path, "%s/nodes/%s", dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
    put_file(path, "127.0.0.1,3260", "# BEGIN RECORD 2.1.8\n# END RECORD\n");
    put_file(dir, "initiatorname.iscsi", "InitiatorName=iqn.2026-01.org.example:host\n");
    setenv("VDS_OPEN_ISCSI", dir, 1);
    free(name);
}

static IVdsIscsiTarget *make_reachable_target(struct house *h)
{
    WCHAR friendly[] = u"t";
    IVdsIscsiTarget *target = NULL;
    IVdsIscsiPortalGroup *group = NULL;
    VDS_ISCSI_PORTAL_PROP prop;
    IEnumVdsObject *e = NULL;
    IVdsAsync *async = NULL;
    IVdsIscsiPortal *portal;

    assert_int_equal(IVdsSubSystemIscsi_CreateTarget(h->iscsi, NULL, friendly, &async), S_OK);
    assert_int_equal(wait_as(async, &IID_IVdsIscsiTarget, &target), S_OK);
    assert_int_equal(IVdsIscsiTarget_CreatePortalGroup(target, &async), S_OK);
    assert_int_equal(wait_as(async, &IID_IVdsIscsiPortalGroup, &group), S_OK);
    assert_int_equal(IVdsSubSystemIscsi_QueryPortals(h->iscsi, &e), S_OK);
    portal = first(e, &IID_IVdsIscsiPortal);
    assert_int_equal(IVdsIscsiPortal_GetProperties(portal, &prop), S_OK);
    assert_int_equal(IVdsIscsiPortalGroup_AddPortal(group, prop.id, &async), S_OK);
    assert_int_equal(wait_for(async), S_OK);
    drop(portal);
    drop(group);
    return target;
}

static void scene_set(struct scene *s, struct house *h)
{
    VDS_ISCSI_INITIATOR_ADAPTER_PROP adapter_prop;
    VDS_ISCSI_INITIATOR_PORTAL_PROP portal_prop;
    IVdsIscsiTarget *target = make_reachable_target(h);
    VDS_ISCSI_TARGET_PROP target_prop;
    IEnumVdsObject *e = NULL;

    memset(s, 0, sizeof *s);
    s->h = h;
    put_stand_in(h->dir);
    assert_int_equal(IVdsIscsiTarget_GetProperties(target, &target_prop), S_OK);
    put_record(h->dir, target_prop.pwszIscsiName);
    CoTaskMemFree(target_prop.pwszIscsiName);
    CoTaskMemFree(target_prop.pwszFriendlyName);
    drop(target);
    s->target_id = target_prop.id;
    s->iscsi = query(h->service, &IID_IVdsServiceIscsi);
    assert_int_equal(IVdsServiceIscsi_QueryInitiatorAdapters(s->iscsi, &e), S_OK);
    s->adapter = first(e, &IID_IVdsIscsiInitiatorAdapter);
    assert_int_equal(IVdsIscsiInitiatorAdapter_GetProperties(s->adapter, &adapter_prop), S_OK);
    CoTaskMemFree(adapter_prop.pwszName);
    s->adapter_id = adapter_prop.id;
    assert_int_equal(IVdsIscsiInitiatorAdapter_QueryInitiatorPortals(s->adapter, &e), S_OK);
    s->portal = first(e, &IID_IVdsIscsiInitiatorPortal);
    assert_int_equal(IVdsIscsiInitiatorPortal_GetProperties(s->portal, &portal_prop), S_OK);
    s->portal_id = portal_prop.id;
}

static void scene_drop(struct scene *s)
{
    drop(s->portal);
    drop(s->adapter);
    drop(s->iscsi);
}

/* ---- NULL ---------------------------------------------------------------------------------------------- */

static void every_required_pointer_that_is_NULL_is_refused(void **state)
{
    VDS_ISCSI_SHARED_SECRET no_bytes = { NULL, 12 };
    struct scene s;

    scene_set(&s, *state);
    assert_int_equal(IVdsServiceIscsi_GetInitiatorName(s.iscsi, NULL), E_POINTER); /* as its page says */
    assert_int_equal(IVdsServiceIscsi_QueryInitiatorAdapters(s.iscsi, NULL), E_INVALIDARG);
    assert_int_equal(IVdsServiceIscsi_SetInitiatorSharedSecret(s.iscsi, &no_bytes, GUID_NULL), E_INVALIDARG);
    assert_int_equal(IVdsServiceIscsi_RememberTargetSharedSecret(s.iscsi, s.target_id, &no_bytes),
                     E_INVALIDARG);
    assert_int_equal(IVdsServiceIscsi_RememberTargetSharedSecret(s.iscsi, GUID_NULL, NULL), E_INVALIDARG);
    assert_int_equal(IVdsIscsiInitiatorAdapter_GetProperties(s.adapter, NULL), E_INVALIDARG);
    assert_int_equal(IVdsIscsiInitiatorAdapter_QueryInitiatorPortals(s.adapter, NULL), E_INVALIDARG);
    assert_int_equal(IVdsIscsiInitiatorAdapter_LoginToTarget(s.adapter, VDS_ILT_MANUAL, s.target_id,
                                                             GUID_NULL, GUID_NULL, 0, FALSE, FALSE,
                                                             VDS_IAT_NONE, NULL),
                     E_INVALIDARG);
    assert_int_equal(IVdsIscsiInitiatorAdapter_LogoutFromTarget(s.adapter, s.target_id, NULL), E_INVALIDARG);
    assert_int_equal(IVdsIscsiInitiatorPortal_GetProperties(s.portal, NULL), E_INVALIDARG);
    assert_int_equal(IVdsIscsiInitiatorPortal_GetInitiatorAdapter(s.portal, NULL), E_INVALIDARG);
    assert_int_equal(IVdsIscsiInitiatorPortal_GetIpsecSecurity(s.portal, GUID_NULL, NULL), E_INVALIDARG);
    scene_drop(&s);
}

/* ---- no memory ----------------------------------------------------------------------------------------- */

static HRESULT give_back(HRESULT hr, void *object)
{
    if (FAILED(hr))
        assert_null(object);
    drop(object);
    return hr;
}

static HRESULT adapters(struct scene *s)
{
    IEnumVdsObject *e = NULL;
    HRESULT hr = IVdsServiceIscsi_QueryInitiatorAdapters(s->iscsi, &e);

    return give_back(hr, e);
}

static HRESULT adapter_by_id(struct scene *s)
{
    IUnknown *object = NULL;
    HRESULT hr = IVdsService_GetObject(s->h->service, s->adapter_id, VDS_OT_INIT_ADAPTER, &object);

    return give_back(hr, object);
}

static HRESULT portal_by_id(struct scene *s)
{
    IUnknown *object = NULL;
    HRESULT hr = IVdsService_GetObject(s->h->service, s->portal_id, VDS_OT_INIT_PORTAL, &object);

    return give_back(hr, object);
}

static HRESULT adapter_properties(struct scene *s)
{
    VDS_ISCSI_INITIATOR_ADAPTER_PROP prop;
    HRESULT hr = IVdsIscsiInitiatorAdapter_GetProperties(s->adapter, &prop);

    if (FAILED(hr))
        assert_null(prop.pwszName);
    CoTaskMemFree(prop.pwszName);
    return hr;
}

static HRESULT portals(struct scene *s)
{
    IEnumVdsObject *e = NULL;
    HRESULT hr = IVdsIscsiInitiatorAdapter_QueryInitiatorPortals(s->adapter, &e);

    return give_back(hr, e);
}

static HRESULT adapter_of_portal(struct scene *s)
{
    IVdsIscsiInitiatorAdapter *adapter = NULL;
    HRESULT hr = IVdsIscsiInitiatorPortal_GetInitiatorAdapter(s->portal, &adapter);

    return give_back(hr, adapter);
}

static HRESULT finish(HRESULT hr, IVdsAsync *async)
{
    if (FAILED(hr)) {
        assert_null(async);
        return hr;
    }
    alloc_faults_disarm();
    return wait_for(async);
}

static HRESULT login(struct scene *s)
{
    IVdsAsync *async = NULL;
    HRESULT hr = IVdsIscsiInitiatorAdapter_LoginToTarget(s->adapter, VDS_ILT_MANUAL, s->target_id, GUID_NULL,
                                                         s->portal_id, 0, FALSE, FALSE, VDS_IAT_NONE, &async);

    return finish(hr, async);
}

static HRESULT logout(struct scene *s)
{
    IVdsAsync *async = NULL;
    HRESULT hr = IVdsIscsiInitiatorAdapter_LogoutFromTarget(s->adapter, s->target_id, &async);

    return finish(hr, async);
}

static HRESULT remember(struct scene *s)
{
    UCHAR bytes[] = "abcdefghijkl";
    VDS_ISCSI_SHARED_SECRET secret = { bytes, 12 };

    return IVdsServiceIscsi_RememberTargetSharedSecret(s->iscsi, s->target_id, &secret);
}

static HRESULT set_mutual(struct scene *s)
{
    UCHAR bytes[] = "bcdefghijklm";
    VDS_ISCSI_SHARED_SECRET secret = { bytes, 12 };

    return IVdsServiceIscsi_SetInitiatorSharedSecret(s->iscsi, &secret, s->target_id);
}

static const struct {
    const char *name;
    HRESULT (*call)(struct scene *s);
} calls[] = {
    { "QueryInitiatorAdapters", adapters },
    { "GetObject of the adapter", adapter_by_id },
    { "GetObject of a portal", portal_by_id },
    { "adapter GetProperties", adapter_properties },
    { "QueryInitiatorPortals", portals },
    { "GetInitiatorAdapter", adapter_of_portal },
    { "LoginToTarget", login },
    { "LogoutFromTarget", logout },
    { "RememberTargetSharedSecret", remember },
    { "SetInitiatorSharedSecret", set_mutual },
};

/* Everything is given back. A login's thread may let go of what it had a moment after it has ended; what
 * never goes, the runner ends. */
static void await_balance(const struct scene *s)
{
    while (com_live_objects() != s->n_objects || com_live_task_blocks() != s->n_blocks)
        sched_yield();
}

static void exhaust(struct scene *s, size_t i)
{
    unsigned which = 0, n_failures = 0;
    HRESULT hr;

    do {
        s->n_objects = com_live_objects();
        s->n_blocks = com_live_task_blocks();
        alloc_faults_arm(++which);
        hr = calls[i].call(s);
        alloc_faults_disarm();
        if (hr != S_OK && hr != (HRESULT)E_OUTOFMEMORY)
            fail_msg("%s ended 0x%08x when allocation %u failed", calls[i].name, (unsigned)hr, which);
        await_balance(s);
        n_failures += hr != S_OK;
    } while (alloc_faults_hit());
    assert_int_equal(hr, S_OK);
    if (n_failures == 0)
        fail_msg("%s allocates nothing: the wrappers are not in place", calls[i].name);
}

static void every_call_survives_the_failure_of_each_of_its_allocations(void **state)
{
    struct scene s;

    scene_set(&s, *state);
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        exhaust(&s, i);
    scene_drop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(every_required_pointer_that_is_NULL_is_refused),
        house_test(every_call_survives_the_failure_of_each_of_its_allocations),
    };

    return RUN_TESTS(tests);
}
