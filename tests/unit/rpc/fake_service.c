/* SPDX-License-Identifier: MIT */
#include "fake_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vds/vdsex.h>

#include "base/error_text.h"

/* One class serves every kind; an object is a kind and a number, as thin as the real handles. */
struct fake_object {
    struct com_object obj;
    IVdsProvider provider;
    IVdsHwProvider hw;
    IVdsSubSystem subsystem;
    IVdsSubSystemIscsi iscsi;
    IVdsSubSystemEx ex;
    IVdsSubSystemTreeEx tree;
    IVdsIscsiTarget target;
    IVdsIscsiPortalGroup group;
    IVdsIscsiPortal portal;
    IVdsLun lun;
    IVdsLunIscsi lun_iscsi;
    IVdsDrive drive;
    struct fake *fake;
    enum fake_kind kind;
    unsigned number;
};

struct fake_service {
    struct com_object obj;
    IVdsService service;
    struct fake *fake;
};

GUID fake_id(enum fake_kind kind, unsigned number)
{
    return (GUID){ 0xfa4e0000u + number, 0x1000, (uint16_t)kind, { 0x80, 1, 2, 3, 4, 5, 6, 7 } };
}

static LPWSTR wide(const char *text)
{
    LPWSTR w = NULL;

    return com_wide(text, &w) == S_OK ? w : NULL;
}

static void narrow(char *to, size_t size, LPCWSTR from)
{
    char *text = NULL;

    if (from && com_utf8(from, &text) == S_OK)
        snprintf(to, size, "%s", text);
    else
        *to = '\0';
    free(text);
}

/* Slots that nobody filled in. The arguments do not matter. */
static HRESULT not_there(void)
{
    error_text_set("the fake has no such method");
    return E_NOTIMPL;
}

static void fill_slots(void *vtbl, size_t size)
{
    void *(*slots) = vtbl;
    HRESULT (*filler)(void) = not_there;

    for (size_t i = 0; i < size / sizeof *slots; i++) {
        if (!slots[i])
            memcpy(&slots[i], &filler, sizeof filler);
    }
}

/* ---- operations -------------------------------------------------------------------------------------- */

struct fake_op {
    struct fake *fake;
    struct fake_op *next;
    unsigned refs;
    HRESULT result;
    bool ended;
    enum fake_kind kind; /* of the output */
    unsigned number;
    void (*done[4])(void *arg);
    void *arg[4];
    unsigned n_done;
};

static HRESULT object_new(struct fake *f, enum fake_kind kind, unsigned number, IUnknown **ret);

static HRESULT op_wait(void *p, HRESULT *ret_hr)
{
    struct fake_op *op = p;

    pthread_mutex_lock(&op->fake->lock);
    while (!op->ended)
        pthread_cond_wait(&op->fake->changed, &op->fake->lock);
    *ret_hr = op->result;
    pthread_mutex_unlock(&op->fake->lock);
    if (FAILED(*ret_hr))
        error_text_set("the fake operation failed, as it was told to");
    return S_OK;
}

static HRESULT op_status(void *p, HRESULT *ret_hr, ULONG *ret_percent)
{
    struct fake_op *op = p;

    pthread_mutex_lock(&op->fake->lock);
    *ret_hr = op->ended ? op->result : (HRESULT)VDS_E_OPERATION_PENDING;
    *ret_percent = op->ended ? 100 : 42;
    pthread_mutex_unlock(&op->fake->lock);
    return S_OK;
}

/* Off the list of the running ones; the callbacks are returned for the caller to make, outside the lock. */
static void op_end(struct fake_op *op, HRESULT result)
{
    struct fake *f = op->fake;
    struct fake_op **at = &f->ops;

    while (*at && *at != op)
        at = &(*at)->next;
    if (*at)
        *at = op->next;
    op->ended = true;
    op->result = result;
    f->n_finished++;
    pthread_cond_broadcast(&f->changed);
}

static void op_free(struct fake_op *op)
{
    struct fake *f = op->fake;

    pthread_mutex_lock(&f->lock);
    if (--op->refs == 0) {
        f->n_ops--;
        pthread_cond_broadcast(&f->changed);
        free(op);
    }
    pthread_mutex_unlock(&f->lock);
}

static void op_tell(struct fake_op *op)
{
    for (unsigned i = 0; i < op->n_done; i++)
        op->done[i](op->arg[i]);
}

static HRESULT op_cancel(void *p)
{
    struct fake_op *op = p;
    struct fake *f = op->fake;
    bool late;

    pthread_mutex_lock(&f->lock);
    late = op->ended;
    if (!late) {
        op_end(op, VDS_E_OPERATION_CANCELED);
        f->n_cancelled++;
        op->refs++;
    }
    pthread_mutex_unlock(&f->lock);
    if (late) {
        error_text_set("too late: it has ended");
        return VDS_E_CANCEL_TOO_LATE;
    }
    op_tell(op);
    op_free(op);
    op_free(op); /* the running list's */
    return S_OK;
}

static HRESULT op_output(void *p, IUnknown **ret)
{
    struct fake_op *op = p;

    return object_new(op->fake, op->kind, op->number, ret);
}

static void op_release(void *p)
{
    op_free(p);
}

static void op_on_end(void *p, void (*done)(void *arg), void *arg)
{
    struct fake_op *op = p;
    bool ended;

    pthread_mutex_lock(&op->fake->lock);
    ended = op->ended;
    if (!ended) {
        op->done[op->n_done] = done;
        op->arg[op->n_done++] = arg;
    }
    pthread_mutex_unlock(&op->fake->lock);
    if (ended)
        done(arg);
}

static const struct com_async_ops op_ops = {
    op_wait, op_status, op_cancel, op_output, op_release, op_on_end
};
static const struct com_async_ops foreign_ops = {
    op_wait, op_status, op_cancel, op_output, op_release, NULL
};

static HRESULT start_op(struct fake *f, VDS_ASYNC_OUTPUT_TYPE type, enum fake_kind kind, unsigned number,
                        IVdsAsync **ret)
{
    struct fake_op *op = calloc(1, sizeof *op);
    bool foreign;

    *op = (struct fake_op){ .fake = f, .refs = 1, .kind = kind, .number = number };
    pthread_mutex_lock(&f->lock);
    f->n_ops++;
    foreign = f->foreign_ops;
    if (f->hold_ops) {
        op->refs++; /* the running list's */
        op->next = f->ops;
        f->ops = op;
    } else {
        op_end(op, f->op_result);
    }
    pthread_mutex_unlock(&f->lock);
    return com_async_create(foreign ? &foreign_ops : &op_ops, op, type, ret);
}

unsigned fake_end_ops(struct fake *f, HRESULT result)
{
    unsigned n = 0;

    for (;;) {
        struct fake_op *op;

        pthread_mutex_lock(&f->lock);
        op = f->ops;
        if (op)
            op_end(op, result);
        pthread_mutex_unlock(&f->lock);
        if (!op)
            return n;
        op_tell(op);
        op_free(op);
        n++;
    }
}

unsigned fake_running_ops(struct fake *f)
{
    unsigned n = 0;

    pthread_mutex_lock(&f->lock);
    for (struct fake_op *op = f->ops; op; op = op->next)
        n++;
    pthread_mutex_unlock(&f->lock);
    return n;
}

/* ---- the gate ---------------------------------------------------------------------------------------- */

void fake_set_gate(struct fake *f, bool closed)
{
    pthread_mutex_lock(&f->lock);
    f->gate_closed = closed;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

void fake_wait_at_gate(struct fake *f, unsigned n)
{
    pthread_mutex_lock(&f->lock);
    while (f->n_at_gate < n)
        pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

static void pass_gate(struct fake *f)
{
    pthread_mutex_lock(&f->lock);
    f->n_at_gate++;
    pthread_cond_broadcast(&f->changed);
    while (f->gate_closed)
        pthread_cond_wait(&f->changed, &f->lock);
    f->n_at_gate--;
    pthread_mutex_unlock(&f->lock);
}

/* ---- objects ----------------------------------------------------------------------------------------- */

/* By kind: which faces an object of it answers. */
static HRESULT object_query(struct fake_object *o, REFIID iid, void **ret);

#define FAKE_UNKNOWN(IFace, member)                                \
    static struct fake_object *from_##IFace(IFace *face)           \
    {                                                              \
        return container_of(face, struct fake_object, member);     \
    }                                                              \
    static HRESULT IFace##_qi(IFace *face, REFIID iid, void **ret) \
    {                                                              \
        return object_query(from_##IFace(face), iid, ret);         \
    }                                                              \
    static ULONG IFace##_ref(IFace *face)                          \
    {                                                              \
        return com_object_ref(&from_##IFace(face)->obj);           \
    }                                                              \
    static ULONG IFace##_unref(IFace *face)                        \
    {                                                              \
        return com_object_unref(&from_##IFace(face)->obj);         \
    }
#define FAKE_SLOTS(IFace) .QueryInterface = IFace##_qi, .AddRef = IFace##_ref, .Release = IFace##_unref

FAKE_UNKNOWN(IVdsProvider, provider)
FAKE_UNKNOWN(IVdsHwProvider, hw)
FAKE_UNKNOWN(IVdsSubSystem, subsystem)
FAKE_UNKNOWN(IVdsSubSystemIscsi, iscsi)
FAKE_UNKNOWN(IVdsSubSystemEx, ex)
FAKE_UNKNOWN(IVdsSubSystemTreeEx, tree)
FAKE_UNKNOWN(IVdsIscsiTarget, target)
FAKE_UNKNOWN(IVdsIscsiPortalGroup, group)
FAKE_UNKNOWN(IVdsIscsiPortal, portal)
FAKE_UNKNOWN(IVdsLun, lun)
FAKE_UNKNOWN(IVdsLunIscsi, lun_iscsi)
FAKE_UNKNOWN(IVdsDrive, drive)

static HRESULT check(struct fake_object *o)
{
    HRESULT hr = S_OK;

    pthread_mutex_lock(&o->fake->lock);
    if (o->fake->deleted[o->kind][o->number])
        hr = VDS_E_OBJECT_DELETED;
    pthread_mutex_unlock(&o->fake->lock);
    if (FAILED(hr))
        error_text_set("fake %u/%u is deleted", o->kind, o->number);
    return hr;
}

static HRESULT enumerate(struct fake *f, enum fake_kind kind, IEnumVdsObject **ret)
{
    IUnknown **objects = calloc(FAKE_MAX, sizeof *objects);
    unsigned n = 0;
    HRESULT hr;

    for (unsigned i = 1; i <= f->count[kind]; i++) {
        bool gone;

        pthread_mutex_lock(&f->lock);
        gone = f->deleted[kind][i];
        pthread_mutex_unlock(&f->lock);
        if (!gone && SUCCEEDED(object_new(f, kind, i, &objects[n])))
            n++;
    }
    hr = com_enum_create(objects, n, ret);
    for (unsigned i = 0; i < n; i++)
        IUnknown_Release(objects[i]);
    free(objects);
    return hr;
}

static HRESULT provider_properties(IVdsProvider *p, VDS_PROVIDER_PROP *out)
{
    struct fake_object *o = from_IVdsProvider(p);

    *out = (VDS_PROVIDER_PROP){ .id = fake_id(FAKE_PROVIDER, o->number),
                                .pwszName = wide("fake provider"),
                                .type = VDS_PT_HARDWARE,
                                .ulFlags = 5,
                                .sRebuildPriority = -3 }; /* the version stays NULL */
    return VDS_S_PROPERTIES_INCOMPLETE;
}

static HRESULT query_subsystems(IVdsHwProvider *p, IEnumVdsObject **ret)
{
    return enumerate(from_IVdsHwProvider(p)->fake, FAKE_SUBSYSTEM, ret);
}

static HRESULT subsystem_properties(IVdsSubSystem *p, VDS_SUB_SYSTEM_PROP *out)
{
    struct fake_object *o = from_IVdsSubSystem(p);

    *out = (VDS_SUB_SYSTEM_PROP){ .id = fake_id(FAKE_SUBSYSTEM, o->number),
                                  .pwszFriendlyName = wide("gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x92\xbe"),
                                  .pwszIdentification = wide(""),
                                  .ulFlags = 0xdeadbeef,
                                  .status = VDS_SSS_ONLINE,
                                  .health = VDS_H_HEALTHY,
                                  .sNumberOfInternalBuses = -1,
                                  .sMaxNumberOfSlotsEachBus = 32767 };
    return S_OK;
}

static HRESULT subsystem_provider(IVdsSubSystem *p, IVdsProvider **ret)
{
    IUnknown *unknown = NULL;
    HRESULT hr = object_new(from_IVdsSubSystem(p)->fake, FAKE_PROVIDER, 1, &unknown);

    *ret = (IVdsProvider *)unknown;
    return hr;
}

static HRESULT subsystem_luns(IVdsSubSystem *p, IEnumVdsObject **ret)
{
    return enumerate(from_IVdsSubSystem(p)->fake, FAKE_LUN, ret);
}

static HRESULT subsystem_drive(IVdsSubSystem *p, SHORT bus, SHORT slot, IVdsDrive **ret)
{
    struct fake *f = from_IVdsSubSystem(p)->fake;
    IUnknown *unknown = NULL;
    HRESULT hr;

    f->last.bus = bus;
    f->last.slot = slot;
    if (slot == 99) { /* a success without an object */
        *ret = NULL;
        return S_OK;
    }
    hr = object_new(f, FAKE_DRIVE, 1, &unknown);
    *ret = (IVdsDrive *)unknown;
    return hr;
}

static HRESULT subsystem_create_lun(IVdsSubSystem *p, VDS_LUN_TYPE type, ULONGLONG size,
                                    VDS_OBJECT_ID *drives, LONG n, LPWSTR mask, VDS_HINTS *hints,
                                    IVdsAsync **ret)
{
    struct fake *f = from_IVdsSubSystem(p)->fake;

    f->last.lun_type = type;
    f->last.size = size;
    f->last.n_drives = n;
    f->last.drives_null = !drives;
    for (LONG i = 0; i < n && i < 4; i++)
        f->last.drives[i] = drives[i];
    narrow(f->last.mask, sizeof f->last.mask, mask);
    f->last.hints_null = !hints;
    if (hints)
        f->last.hints = *hints;
    if (size == 0) {
        error_text_set("a LUN of no bytes is not one: ask for more \xe2\x80\x93 at least 1 MiB");
        return VDS_E_NOT_ENOUGH_SPACE;
    }
    return start_op(f, VDS_ASYNCOUT_CREATELUN, FAKE_LUN, 1, ret);
}

static HRESULT subsystem_max_size(IVdsSubSystem *p, VDS_LUN_TYPE type, VDS_OBJECT_ID *drives, LONG n,
                                  VDS_HINTS *hints, ULONGLONG *ret)
{
    (void)p;
    (void)drives;
    (void)hints;
    *ret = 0x123456789abcdef0u + (unsigned)type + (unsigned)n;
    return S_OK;
}

static HRESULT subsystem_controllers(IVdsSubSystem *p, VDS_OBJECT_ID *online, LONG n_online,
                                     VDS_OBJECT_ID *offline, LONG n_offline)
{
    struct fake *f = from_IVdsSubSystem(p)->fake;

    (void)online;
    (void)offline;
    f->last.n_drives = n_online * 100 + n_offline;
    return (HRESULT)0x80070062; /* a code without a name */
}

static HRESULT iscsi_targets(IVdsSubSystemIscsi *p, IEnumVdsObject **ret)
{
    return enumerate(from_IVdsSubSystemIscsi(p)->fake, FAKE_TARGET, ret);
}

static HRESULT iscsi_portals(IVdsSubSystemIscsi *p, IEnumVdsObject **ret)
{
    return enumerate(from_IVdsSubSystemIscsi(p)->fake, FAKE_PORTAL, ret);
}

static HRESULT iscsi_create_target(IVdsSubSystemIscsi *p, LPWSTR name, LPWSTR friendly, IVdsAsync **ret)
{
    struct fake *f = from_IVdsSubSystemIscsi(p)->fake;

    f->last.name_null = !name;
    narrow(f->last.name, sizeof f->last.name, friendly);
    return start_op(f, VDS_ASYNCOUT_CREATETARGET, FAKE_TARGET, 2, ret);
}

static HRESULT ex_sessions(IVdsSubSystemEx *p, VDS_SESSION_PROP **ret, ULONG *ret_n)
{
    (void)p;
    *ret = com_task_calloc(2, sizeof **ret);
    *ret_n = 2;
    (*ret)[0] = (VDS_SESSION_PROP){
        .ullId = 7, .tag = 65535, .pwszInitiatorName = wide("iqn.a"), .ullBytesRead = UINT64_MAX
    };
    (*ret)[1] = (VDS_SESSION_PROP){ .ullId = 8, .bDiscovery = 1 };
    return S_OK;
}

/* One LUN at 70000 targets: more rows than a client may send. */
static HRESULT tree_query(IVdsSubSystemTreeEx *p, ULONG parts, VDS_TREE *out)
{
    (void)p;
    *out = (VDS_TREE){ .ulLuns = 1, .ulTies = 70000 };
    out->pLuns = com_task_calloc(1, sizeof *out->pLuns);
    out->pLuns[0].lunProp.pwszFriendlyName = wide("disk");
    out->pLuns[0].ulFeatures = parts;
    out->pTies = com_task_calloc(out->ulTies, sizeof *out->pTies);
    for (ULONG i = 0; i < out->ulTies; i++)
        out->pTies[i].ulLunNumber = i;
    return S_OK;
}

static HRESULT target_properties(IVdsIscsiTarget *p, VDS_ISCSI_TARGET_PROP *out)
{
    struct fake_object *o = from_IVdsIscsiTarget(p);
    char name[64];
    HRESULT hr = check(o);

    if (FAILED(hr))
        return hr;
    snprintf(name, sizeof name, "iqn.2026-01.example:t%u", o->number);
    *out = (VDS_ISCSI_TARGET_PROP){ .id = fake_id(FAKE_TARGET, o->number),
                                    .pwszIscsiName = wide(name),
                                    .bChapEnabled = 77 };
    return S_OK;
}

static HRESULT target_subsystem(IVdsIscsiTarget *p, IVdsSubSystem **ret)
{
    IUnknown *unknown = NULL;
    HRESULT hr = object_new(from_IVdsIscsiTarget(p)->fake, FAKE_SUBSYSTEM, 1, &unknown);

    *ret = (IVdsSubSystem *)unknown;
    return hr;
}

static HRESULT target_create_group(IVdsIscsiTarget *p, IVdsAsync **ret)
{
    struct fake_object *o = from_IVdsIscsiTarget(p);
    HRESULT hr = check(o);

    if (SUCCEEDED(hr))
        hr = start_op(o->fake, VDS_ASYNCOUT_CREATEPORTALGROUP, FAKE_GROUP, 1, ret);
    return hr == S_OK ? VDS_S_ALREADY_EXISTS : hr;
}

static HRESULT target_secret(IVdsIscsiTarget *p, VDS_ISCSI_SHARED_SECRET *secret, LPWSTR initiator)
{
    struct fake_record *last = &from_IVdsIscsiTarget(p)->fake->last;

    last->secret_null = !secret;
    last->initiator_null = !initiator;
    narrow(last->initiator, sizeof last->initiator, initiator);
    last->secret_size = secret ? secret->ulSharedSecretSize : 0;
    if (secret && secret->pSharedSecret && secret->ulSharedSecretSize < sizeof last->secret)
        memcpy(last->secret, secret->pSharedSecret, secret->ulSharedSecretSize);
    return S_OK;
}

static HRESULT target_initiators(IVdsIscsiTarget *p, LPWSTR **ret, LONG *ret_n)
{
    struct fake_object *o = from_IVdsIscsiTarget(p);

    *ret = NULL;
    *ret_n = 0;
    if (o->number == 2) /* nobody */
        return S_OK;
    *ret = com_task_calloc(3, sizeof **ret);
    (*ret)[0] = wide("iqn.one");
    (*ret)[1] = wide("");
    (*ret)[2] = wide("iqn.three");
    *ret_n = 3;
    return S_OK;
}

static HRESULT group_properties(IVdsIscsiPortalGroup *p, VDS_ISCSI_PORTALGROUP_PROP *out)
{
    struct fake_object *o = from_IVdsIscsiPortalGroup(p);
    HRESULT hr = check(o);

    if (SUCCEEDED(hr))
        *out = (VDS_ISCSI_PORTALGROUP_PROP){ .id = fake_id(FAKE_GROUP, o->number),
                                             .tag = (USHORT)(65534 + o->number) };
    return hr;
}

static HRESULT group_target(IVdsIscsiPortalGroup *p, IVdsIscsiTarget **ret)
{
    IUnknown *unknown = NULL;
    HRESULT hr = object_new(from_IVdsIscsiPortalGroup(p)->fake, FAKE_TARGET, 1, &unknown);

    *ret = (IVdsIscsiTarget *)unknown;
    return hr;
}

static HRESULT group_add_portal(IVdsIscsiPortalGroup *p, VDS_OBJECT_ID portal, IVdsAsync **ret)
{
    struct fake_object *o = from_IVdsIscsiPortalGroup(p);
    HRESULT hr = check(o);

    if (FAILED(hr))
        return hr;
    pthread_mutex_lock(&o->fake->lock);
    o->fake->last.portal = portal;
    pthread_mutex_unlock(&o->fake->lock);
    return start_op(o->fake, VDS_ASYNCOUT_ADDPORTAL, FAKE_PORTAL, 1, ret);
}

static HRESULT portal_properties(IVdsIscsiPortal *p, VDS_ISCSI_PORTAL_PROP *out)
{
    struct fake_object *o = from_IVdsIscsiPortal(p);

    *out = (VDS_ISCSI_PORTAL_PROP){ .id = fake_id(FAKE_PORTAL, o->number), .status = VDS_IPS_ONLINE };
    out->address = (VDS_IPADDRESS){ .type = VDS_IPT_IPV6,
                                    .ipv6Address = { 0xfe, 0x80, [15] = 1 },
                                    .ulPort = 3260,
                                    .ipv4Address = 0x7f000001 };
    for (int i = 0; i < 256; i++) /* as long as it may be */
        out->address.wszTextAddress[i] = (WCHAR)('a' + i % 26);
    return S_OK;
}

static HRESULT portal_set_status(IVdsIscsiPortal *p, VDS_ISCSI_PORTAL_STATUS status)
{
    from_IVdsIscsiPortal(p)->fake->last.status = status;
    return S_FALSE;
}

static HRESULT portal_tunnel(IVdsIscsiPortal *p, VDS_IPADDRESS *tunnel, VDS_IPADDRESS *destination)
{
    struct fake_record *last = &from_IVdsIscsiPortal(p)->fake->last;

    last->tunnel = *tunnel;
    last->destination = *destination;
    return VDS_E_NOT_SUPPORTED;
}

static HRESULT lun_properties(IVdsLun *p, VDS_LUN_PROP *out)
{
    struct fake_object *o = from_IVdsLun(p);
    HRESULT hr = check(o);

    if (SUCCEEDED(hr))
        *out = (VDS_LUN_PROP){ .id = fake_id(FAKE_LUN, o->number),
                               .ullSize = 1ull << 40,
                               .pwszFriendlyName = wide("lun"),
                               .pwszIdentification = wide("serial"),
                               .pwszUnmaskingList = wide("*"),
                               .type = VDS_LT_SIMPLE };
    return hr;
}

static BYTE *bytes(const void *from, size_t n)
{
    return memcpy(CoTaskMemAlloc(n), from, n);
}

static HRESULT lun_identification(IVdsLun *p, VDS_LUN_INFORMATION *out)
{
    VDS_STORAGE_IDENTIFIER *ids = com_task_calloc(2, sizeof *ids);
    VDS_INTERCONNECT *ics = com_task_calloc(1, sizeof *ics);

    (void)p;
    ids[0] = (VDS_STORAGE_IDENTIFIER){
        .m_CodeSet = 1, .m_Type = 3, .m_cbIdentifier = 16, .m_rgbIdentifier = bytes("0123456789abcdef", 16)
    };
    ids[1] = (VDS_STORAGE_IDENTIFIER){ .m_CodeSet = 2, .m_Type = 8 };
    ics[0] = (VDS_INTERCONNECT){ .m_addressType = 1,
                                 .m_cbPort = 3,
                                 .m_pbPort = bytes("abc", 3),
                                 .m_cbAddress = 1,
                                 .m_pbAddress = bytes("", 1) };
    *out = (VDS_LUN_INFORMATION){ .m_version = VER_VDS_LUN_INFORMATION,
                                  .m_DeviceType = 255,
                                  .m_bCommandQueueing = 1 };
    out->m_szVendorId = (char *)bytes("VEN\xe4", 5);
    out->m_szProductId = (char *)bytes("", 1);
    out->m_szSerialNumber = (char *)bytes("42", 3);
    out->m_diskSignature = fake_id(FAKE_LUN, 77);
    out->m_deviceIdDescriptor =
        (VDS_STORAGE_DEVICE_ID_DESCRIPTOR){ .m_version = 1, .m_cIdentifiers = 2, .m_rgIdentifiers = ids };
    out->m_cInterconnects = 1;
    out->m_rgInterconnects = ics;
    return S_OK;
}

static HRESULT lun_query_hints(IVdsLun *p, VDS_HINTS *out)
{
    *out = from_IVdsLun(p)->fake->last.hints;
    return S_OK;
}

static HRESULT lun_apply_hints(IVdsLun *p, VDS_HINTS *in)
{
    from_IVdsLun(p)->fake->last.hints = *in;
    return S_OK;
}

static HRESULT lun_mask(IVdsLun *p, LPWSTR mask)
{
    struct fake_object *o = from_IVdsLun(p);
    HRESULT hr = check(o);

    if (FAILED(hr))
        return hr;
    pthread_mutex_lock(&o->fake->lock);
    narrow(o->fake->last.mask, sizeof o->fake->last.mask, mask);
    pthread_mutex_unlock(&o->fake->lock);
    return S_OK;
}

static HRESULT lun_delete(IVdsLun *p)
{
    pass_gate(from_IVdsLun(p)->fake);
    return S_OK;
}

static HRESULT lun_targets(IVdsLunIscsi *p, VDS_OBJECT_ID *targets, LONG n)
{
    struct fake_record *last = &from_IVdsLunIscsi(p)->fake->last;

    last->drives_null = !targets;
    last->n_drives = n;
    return S_OK;
}

static HRESULT drive_properties(IVdsDrive *p, VDS_DRIVE_PROP *out)
{
    *out = (VDS_DRIVE_PROP){ .id = fake_id(FAKE_DRIVE, from_IVdsDrive(p)->number), .ullSize = 12 };
    return S_OK;
}

static IVdsProviderVtbl provider_vtbl = { FAKE_SLOTS(IVdsProvider), .GetProperties = provider_properties };
static IVdsHwProviderVtbl hw_vtbl = { FAKE_SLOTS(IVdsHwProvider), .QuerySubSystems = query_subsystems };
static IVdsSubSystemVtbl subsystem_vtbl = {
    FAKE_SLOTS(IVdsSubSystem),
    .GetProperties = subsystem_properties,
    .GetProvider = subsystem_provider,
    .QueryLuns = subsystem_luns,
    .GetDrive = subsystem_drive,
    .CreateLun = subsystem_create_lun,
    .QueryMaxLunCreateSize = subsystem_max_size,
    .SetControllerStatus = subsystem_controllers,
};
static IVdsSubSystemIscsiVtbl iscsi_vtbl = { FAKE_SLOTS(IVdsSubSystemIscsi), .QueryTargets = iscsi_targets,
                                             .QueryPortals = iscsi_portals,
                                             .CreateTarget = iscsi_create_target };
static IVdsSubSystemExVtbl ex_vtbl = { FAKE_SLOTS(IVdsSubSystemEx), .QuerySessions = ex_sessions };
static IVdsSubSystemTreeExVtbl tree_vtbl = { FAKE_SLOTS(IVdsSubSystemTreeEx), .QueryTree = tree_query };
static IVdsIscsiTargetVtbl target_vtbl = {
    FAKE_SLOTS(IVdsIscsiTarget),      .GetProperties = target_properties,
    .GetSubSystem = target_subsystem, .CreatePortalGroup = target_create_group,
    .SetSharedSecret = target_secret, .GetConnectedInitiators = target_initiators,
};
static IVdsIscsiPortalGroupVtbl group_vtbl = { FAKE_SLOTS(IVdsIscsiPortalGroup),
                                               .GetProperties = group_properties, .GetTarget = group_target,
                                               .AddPortal = group_add_portal };
static IVdsIscsiPortalVtbl portal_vtbl = { FAKE_SLOTS(IVdsIscsiPortal), .GetProperties = portal_properties,
                                           .SetStatus = portal_set_status,
                                           .SetIpsecTunnelAddress = portal_tunnel };
static IVdsLunVtbl lun_vtbl = { FAKE_SLOTS(IVdsLun),
                                .GetProperties = lun_properties,
                                .GetIdentificationData = lun_identification,
                                .QueryHints = lun_query_hints,
                                .ApplyHints = lun_apply_hints,
                                .SetMask = lun_mask,
                                .Delete = lun_delete };
static IVdsLunIscsiVtbl lun_iscsi_vtbl = { FAKE_SLOTS(IVdsLunIscsi), .AssociateTargets = lun_targets };
static IVdsDriveVtbl drive_vtbl = { FAKE_SLOTS(IVdsDrive), .GetProperties = drive_properties };

#define FAKE_FACE(IFace, member, table)                                                           \
    {                                                                                             \
        &IID_##IFace, offsetof(struct fake_object, member), &table, sizeof table / sizeof(void *) \
    }

/* Rows in the order of enum fake_kind; the first of a kind is its identity. */
static const struct {
    enum fake_kind kind;
    struct com_face face;
} kind_faces[] = {
    { FAKE_PROVIDER, FAKE_FACE(IVdsProvider, provider, provider_vtbl) },
    { FAKE_PROVIDER, FAKE_FACE(IVdsHwProvider, hw, hw_vtbl) },
    { FAKE_SUBSYSTEM, FAKE_FACE(IVdsSubSystem, subsystem, subsystem_vtbl) },
    { FAKE_SUBSYSTEM, FAKE_FACE(IVdsSubSystemIscsi, iscsi, iscsi_vtbl) },
    { FAKE_SUBSYSTEM, FAKE_FACE(IVdsSubSystemEx, ex, ex_vtbl) },
    { FAKE_SUBSYSTEM, FAKE_FACE(IVdsSubSystemTreeEx, tree, tree_vtbl) },
    { FAKE_TARGET, FAKE_FACE(IVdsIscsiTarget, target, target_vtbl) },
    { FAKE_GROUP, FAKE_FACE(IVdsIscsiPortalGroup, group, group_vtbl) },
    { FAKE_PORTAL, FAKE_FACE(IVdsIscsiPortal, portal, portal_vtbl) },
    { FAKE_LUN, FAKE_FACE(IVdsLun, lun, lun_vtbl) },
    { FAKE_LUN, FAKE_FACE(IVdsLunIscsi, lun_iscsi, lun_iscsi_vtbl) },
    { FAKE_DRIVE, FAKE_FACE(IVdsDrive, drive, drive_vtbl) },
};

static HRESULT object_query(struct fake_object *o, REFIID iid, void **ret)
{
    *ret = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(kind_faces); i++) {
        if (kind_faces[i].kind == o->kind &&
            (IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, kind_faces[i].face.iid))) {
            com_object_ref(&o->obj);
            *ret = (char *)o + kind_faces[i].face.offset;
            return S_OK;
        }
    }
    return E_NOINTERFACE;
}

static struct com_face fake_object_faces[1];
COM_CLASS(fake_object, NULL)

static HRESULT object_new(struct fake *f, enum fake_kind kind, unsigned number, IUnknown **ret)
{
    struct fake_object *o;
    void *face;

    o = com_object_new(&fake_object_class);
    if (!o)
        return E_OUTOFMEMORY;
    o->fake = f;
    o->kind = kind;
    o->number = number;
    for (size_t i = 0; i < ARRAY_SIZE(kind_faces); i++)
        memcpy((char *)o + kind_faces[i].face.offset, &kind_faces[i].face.vtbl, sizeof(void *));
    object_query(o, &IID_IUnknown, &face);
    com_object_unref(&o->obj);
    *ret = face;
    return S_OK;
}

/* ---- the service ------------------------------------------------------------------------------------- */

COM_UNKNOWN(fake_service, IVdsService, service)

static HRESULT service_ready(IVdsService *p)
{
    (void)p;
    return S_FALSE;
}

static HRESULT service_properties(IVdsService *p, VDS_SERVICE_PROP *out)
{
    (void)p;
    *out = (VDS_SERVICE_PROP){ .pwszVersion = wide("1.1"), .ulFlags = VDS_SVF_SUPPORT_GPT };
    return S_OK;
}

static HRESULT service_providers(IVdsService *p, DWORD masks, IEnumVdsObject **ret)
{
    struct fake *f = fake_service_from_IVdsService(p)->fake;

    if (masks > 7) {
        error_text_set("mask 0x%x has bits that mean nothing", masks);
        return VDS_E_INVALID_QUERY_PROVIDER_FLAG;
    }
    return enumerate(f, FAKE_PROVIDER, ret);
}

static HRESULT service_get_object(IVdsService *p, VDS_OBJECT_ID id, VDS_OBJECT_TYPE type, IUnknown **ret)
{
    static const VDS_OBJECT_TYPE types[] = { VDS_OT_UNKNOWN,      VDS_OT_SUB_SYSTEM, VDS_OT_TARGET,
                                             VDS_OT_PORTAL_GROUP, VDS_OT_PORTAL,     VDS_OT_LUN,
                                             VDS_OT_DRIVE };
    struct fake *f = fake_service_from_IVdsService(p)->fake;

    *ret = NULL;
    for (unsigned kind = 1; kind < FAKE_N_KINDS; kind++) {
        for (unsigned i = 1; types[kind] == type && i <= f->count[kind]; i++) {
            GUID known = fake_id(kind, i);
            bool gone;

            if (!IsEqualGUID(&known, &id))
                continue;
            pthread_mutex_lock(&f->lock);
            gone = f->deleted[kind][i];
            pthread_mutex_unlock(&f->lock);
            if (!gone)
                return object_new(f, kind, i, ret);
        }
    }
    error_text_set("no object of type %u has that id", type);
    return VDS_E_OBJECT_NOT_FOUND;
}

static HRESULT service_letters(IVdsService *p, WCHAR first, DWORD count, VDS_DRIVE_LETTER_PROP *out)
{
    (void)p;
    for (DWORD i = 0; i < count; i++)
        out[i] = (VDS_DRIVE_LETTER_PROP){ .wcLetter = (WCHAR)(first + i), .ulFlags = i, .bUsed = i & 1 };
    return S_OK;
}

static HRESULT service_file_systems(IVdsService *p, VDS_FILE_SYSTEM_TYPE_PROP **ret, LONG *ret_n)
{
    (void)p;
    *ret = com_task_calloc(1, sizeof **ret);
    (*ret)[0] = (VDS_FILE_SYSTEM_TYPE_PROP){ .type = VDS_FST_NTFS,
                                             .wszName = { 'N', 'T', 'F', 'S' },
                                             .pwszIllegalLabelCharSet = wide("?*") };
    *ret_n = 1;
    return S_OK;
}

static HRESULT service_advise(IVdsService *p, IVdsAdviseSink *sink, DWORD *ret)
{
    struct fake *f = fake_service_from_IVdsService(p)->fake;

    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < ARRAY_SIZE(f->sinks); i++) {
        if (f->sinks[i].sink)
            continue;
        IVdsAdviseSink_AddRef(sink);
        f->sinks[i].sink = sink;
        f->sinks[i].cookie = *ret = ++f->last_cookie;
        break;
    }
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    return S_OK;
}

static HRESULT service_unadvise(IVdsService *p, DWORD cookie)
{
    struct fake *f = fake_service_from_IVdsService(p)->fake;
    IVdsAdviseSink *sink = NULL;

    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < ARRAY_SIZE(f->sinks); i++) {
        if (f->sinks[i].sink && f->sinks[i].cookie == cookie) {
            sink = f->sinks[i].sink;
            f->sinks[i].sink = NULL;
        }
    }
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    if (!sink)
        return VDS_E_BAD_COOKIE;
    IVdsAdviseSink_Release(sink);
    return S_OK;
}

static HRESULT service_set_flags(IVdsService *p, ULONG flags)
{
    fake_service_from_IVdsService(p)->fake->last.flags = flags;
    return S_OK;
}

static IVdsServiceVtbl service_vtbl = {
    COM_UNKNOWN_SLOTS(fake_service, IVdsService),
    .IsServiceReady = service_ready,
    .GetProperties = service_properties,
    .QueryProviders = service_providers,
    .GetObject = service_get_object,
    .QueryDriveLetters = service_letters,
    .QueryFileSystemTypes = service_file_systems,
    .Advise = service_advise,
    .Unadvise = service_unadvise,
    .SetFlags = service_set_flags,
};
static const struct com_face fake_service_faces[] = {
    { &IID_IUnknown, offsetof(struct fake_service, service), &service_vtbl, 20 },
    { &IID_IVdsService, offsetof(struct fake_service, service), &service_vtbl, 20 },
};
COM_CLASS(fake_service, NULL)

unsigned fake_n_sinks(struct fake *f)
{
    unsigned n = 0;

    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < ARRAY_SIZE(f->sinks); i++)
        n += f->sinks[i].sink != NULL;
    pthread_mutex_unlock(&f->lock);
    return n;
}

unsigned fake_notify(struct fake *f, ULONG event, unsigned n_events)
{
    IVdsAdviseSink *sinks[ARRAY_SIZE(f->sinks)];
    unsigned n = 0;

    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < ARRAY_SIZE(f->sinks); i++) {
        if (f->sinks[i].sink) {
            IVdsAdviseSink_AddRef(f->sinks[i].sink);
            sinks[n++] = f->sinks[i].sink;
        }
    }
    pthread_mutex_unlock(&f->lock);
    for (unsigned i = 0; i < n; i++) {
        VDS_NOTIFICATION *array = com_task_calloc(n_events, sizeof *array);

        for (unsigned k = 0; k < n_events; k++) {
            array[k].objectType = VDS_NTT_PORTAL_GROUP;
            array[k].PortalGroup =
                (VDS_PORTAL_GROUP_NOTIFICATION){ .ulEvent = event,
                                                 .portalGroupId = fake_id(FAKE_GROUP, k + 1) };
        }
        IVdsAdviseSink_OnNotify(sinks[i], (LONG)n_events, array);
        IVdsAdviseSink_Release(sinks[i]);
    }
    return n;
}

static void fill_all_slots(void)
{
    static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;

    pthread_mutex_lock(&once);
    fill_slots(&provider_vtbl, sizeof provider_vtbl);
    fill_slots(&hw_vtbl, sizeof hw_vtbl);
    fill_slots(&subsystem_vtbl, sizeof subsystem_vtbl);
    fill_slots(&iscsi_vtbl, sizeof iscsi_vtbl);
    fill_slots(&ex_vtbl, sizeof ex_vtbl);
    fill_slots(&target_vtbl, sizeof target_vtbl);
    fill_slots(&group_vtbl, sizeof group_vtbl);
    fill_slots(&portal_vtbl, sizeof portal_vtbl);
    fill_slots(&lun_vtbl, sizeof lun_vtbl);
    fill_slots(&lun_iscsi_vtbl, sizeof lun_iscsi_vtbl);
    fill_slots(&drive_vtbl, sizeof drive_vtbl);
    fill_slots(&service_vtbl, sizeof service_vtbl);
    fake_object_class.n_faces = 0;
    pthread_mutex_unlock(&once);
}

void fake_init(struct fake *f)
{
    struct fake_service *s;

    fill_all_slots();
    memset(f, 0, sizeof *f);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    for (unsigned kind = 0; kind < FAKE_N_KINDS; kind++)
        f->count[kind] = kind == FAKE_PORTAL                                             ? 3
                         : kind == FAKE_TARGET || kind == FAKE_GROUP || kind == FAKE_LUN ? 2
                                                                                         : 1;
    s = com_object_new(&fake_service_class);
    s->fake = f;
    f->service = &s->service;
}

void fake_fini(struct fake *f)
{
    IVdsService_Release(f->service);
    pthread_mutex_lock(&f->lock); /* async objects let go on their own threads */
    while (f->n_ops > 0)
        pthread_cond_wait(&f->changed, &f->lock);
    pthread_mutex_unlock(&f->lock);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
}
