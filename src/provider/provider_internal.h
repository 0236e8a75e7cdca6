/* SPDX-License-Identifier: MIT */
/* What the files of the provider share: the gate before the array, handles, the makers of each class. */
#ifndef VDS_PROVIDER_INTERNAL_H
#define VDS_PROVIDER_INTERNAL_H

#include "provider/provider.h"

#include <pthread.h>
#include <string.h>

#include <vds/vdsex.h>

#include "base/error_text.h"

#define PROVIDER_CLSID                                     \
    {                                                      \
        0x5bc3dc96, 0x7888, 0x4214,                        \
        {                                                  \
            0xb8, 0x23, 0x01, 0xbe, 0x14, 0x4a, 0x72, 0x42 \
        }                                                  \
    }
#define PROVIDER_VERSION_ID                                \
    {                                                      \
        0x848867f9, 0xf836, 0x4ca7,                        \
        {                                                  \
            0x93, 0xb9, 0x4c, 0x76, 0x58, 0xf4, 0x54, 0xd3 \
        }                                                  \
    }

/* ---- the provider object ------------------------------------------------------------------------------- */

struct provider {
    struct com_object obj;
    IVdsProvider provider;
    IVdsHwProvider hw;
    IVdsProviderSupport support;
    IVdsHwProviderType type;
    IVdsHwProviderType2 type2;
    IVdsProviderPrivate private_face;
    IVdsHwProviderPrivate hw_private;
    IVdsHwProviderStoragePools pools;
    struct maintenance *maintenance; /* what is running where */
    struct provider_config config; /* options: not ours after provider_create(), see limits */
    struct provider_limits {
        uint32_t max_groups, drain_seconds, max_connections;
        uint16_t default_port;
    } limits;
    uint64_t created_ns;
    /* The gate: held for reading by every call that is inside the array, for writing by OnUnload. Guards
     * `loaded`. */
    pthread_rwlock_t gate;
    bool loaded;
    struct guid id, subsystem_id; /* as OnLoad found them; they never change */
};

HRESULT provider_create(const struct provider_config *config, struct provider **ret_provider);
void provider_ref(struct provider *p);
void provider_unref(struct provider *p);
uint64_t provider_now_ns(void);

/* Passes the gate; provider_leave() goes back through it. VDS_E_INITIALIZE_NOT_CALLED before OnLoad and after
 * OnUnload. Not recursive.
 *
 *     _cleanup_(provider_leave) struct provider *p = NULL;
 *     HRESULT hr = provider_enter(handle->provider, &p);
 *     if (FAILED(hr)) return hr;                                 from here on p->config.array may be used
 */
HRESULT provider_enter(struct provider *p, struct provider **ret_inside);
void provider_leave(struct provider **inside);

/* The sink for the feed; NULL takes it away and waits until nobody is in it. */
void provider_feed_set_sink(struct provider_feed *feed, IVdsAdviseSink *sink);

/* ---- handles: an object of the array, named by its id -------------------------------------------------- */

struct handle {
    struct provider *provider; /* a reference */
    struct guid id;
};

/* What every handle class begins with. */
struct handle_object {
    struct com_object obj;
    struct handle h;
};

/* A new object of a class that begins as above. */
HRESULT handle_new(struct com_class *class, struct provider *p, const struct guid *id, IUnknown **ret_object);
void handle_destroy(struct com_object *obj);
const GUID *handle_id(const struct com_object *obj);

#define HANDLE_CLASS(cls)                                                        \
    _Static_assert(offsetof(struct cls, h) == offsetof(struct handle_object, h), \
                   "a handle class begins as struct handle_object");             \
    COM_CLASS_WITH_ID(cls, handle_destroy, handle_id)

typedef HRESULT handle_maker(struct provider *p, const struct guid *id, IUnknown **ret_object);
handle_maker provider_subsystem_new, provider_controller_new, provider_drive_new, provider_lun_new,
    provider_plex_new, provider_portal_new, provider_target_new, provider_group_new, provider_pool_new;

/* The identity of an object, as the interface that an out parameter wants; takes the reference over. */
HRESULT handle_as(HRESULT hr, IUnknown *object, const IID *iid, void **ret_face);
/* Makes the handle and gives that face of it. */
HRESULT handle_make(handle_maker *make, struct provider *p, const struct guid *id, const IID *iid,
                    void **ret_face);

/* The snapshot behind every Query method: clears *ret_enum, checks it, passes the gate, asks the array, makes
 * the handles. */
HRESULT handle_query(struct provider *p, enum array_relation relation, const struct guid *of,
                     IEnumVdsObject **ret_enum);
/* An enumeration of these. */
HRESULT handle_enumerate(struct provider *p, handle_maker *make, const struct guid *ids, size_t n,
                         IEnumVdsObject **ret_enum);
/* An enumeration of one. */
HRESULT handle_query_one(struct provider *p, handle_maker *make, const struct guid *id,
                         IEnumVdsObject **ret_enum);

/* For VDS_OT_... of the array: S_OK and the object, VDS_E_OBJECT_NOT_FOUND. Inside the gate. */
HRESULT handle_lookup(struct provider *inside, VDS_OBJECT_TYPE type, const struct guid *id,
                      IUnknown **ret_object);

/* The GetSubSystem() of an object whose existence the caller has just proved. Inside the gate. */
HRESULT handle_subsystem(struct provider *inside, IVdsSubSystem **ret_subsystem);

/* ---- operations ---------------------------------------------------------------------------------------- */

/* Beginning an operation takes all that can fail before the array is asked: a method that fails has changed
 * nothing.
 *
 *     _cleanup_(provider_leave) struct provider *inside = NULL;
 *     _cleanup_(operation_start_fini) struct operation_start start = { 0 };
 *     HRESULT hr = operation_begin(provider, VDS_ASYNCOUT_..., made, ret_async, &inside, &start);
 *     if (SUCCEEDED(hr)) hr = array_...(inside->config.array, ..., start.op);
 *     return operation_admitted(hr, &start, ret_async);
 */
struct operation_start {
    IVdsAsync *async;
    struct array_op **op; /* where the array puts the operation */
};

/* Checks and clears *ret_async, passes the gate, makes the async object. made(): what the operation's output
 * is a handle for. */
HRESULT operation_begin(struct provider *p, VDS_ASYNC_OUTPUT_TYPE type, handle_maker *made,
                        IVdsAsync **ret_async, struct provider **ret_inside,
                        struct operation_start *ret_start);
/* hr as the array's call gave it. */
HRESULT operation_admitted(HRESULT hr, struct operation_start *start, IVdsAsync **ret_async);
void operation_start_fini(struct operation_start *start);

/* ---- maintenance.c: IVdsMaintenance of whoever has it ---------------------------------------------- */

struct maintenance;
HRESULT maintenance_create(struct maintenance **ret_maintenance);
void maintenance_destroy(struct maintenance *m); /* NULL is fine */

HRESULT maintenance_start(struct handle *h, VDS_OBJECT_TYPE type, VDS_MAINTENANCE_OPERATION operation);
HRESULT maintenance_stop(struct handle *h, VDS_OBJECT_TYPE type, VDS_MAINTENANCE_OPERATION operation);
HRESULT maintenance_pulse(struct handle *h, VDS_OBJECT_TYPE type, VDS_MAINTENANCE_OPERATION operation,
                          ULONG count);

/* The face `maintenance` of a handle class for objects of that type: defines <cls>_maintenance_vtbl. */
#define MAINTENANCE_FACE(cls, type)                                                                          \
    COM_UNKNOWN(cls, IVdsMaintenance, maintenance)                                                           \
    static HRESULT cls##_StartMaintenance(IVdsMaintenance *face, VDS_MAINTENANCE_OPERATION operation)        \
    {                                                                                                        \
        return maintenance_start(&cls##_from_IVdsMaintenance(face)->h, type, operation);                     \
    }                                                                                                        \
    static HRESULT cls##_StopMaintenance(IVdsMaintenance *face, VDS_MAINTENANCE_OPERATION operation)         \
    {                                                                                                        \
        return maintenance_stop(&cls##_from_IVdsMaintenance(face)->h, type, operation);                      \
    }                                                                                                        \
    static HRESULT cls##_PulseMaintenance(IVdsMaintenance *face, VDS_MAINTENANCE_OPERATION operation,        \
                                          ULONG count)                                                       \
    {                                                                                                        \
        return maintenance_pulse(&cls##_from_IVdsMaintenance(face)->h, type, operation, count);              \
    }                                                                                                        \
    static const IVdsMaintenanceVtbl cls##_maintenance_vtbl = {                                              \
        COM_UNKNOWN_SLOTS(cls, IVdsMaintenance),                                                             \
        .StartMaintenance = cls##_StartMaintenance,                                                          \
        .StopMaintenance = cls##_StopMaintenance,                                                            \
        .PulseMaintenance = cls##_PulseMaintenance,                                                          \
    };

/* ---- pool.c: IVdsHwProviderStoragePools, the provider's face ------------------------------------------- */

HRESULT pools_query(struct provider *p, ULONG flags, ULONGLONG free_space,
                    const VDS_POOL_ATTRIBUTES *attributes, IEnumVdsObject **ret_enum);
/* The drives of a concrete pool that take LUNs now; malloc'ed. VDS_E_OBJECT_NOT_FOUND, VDS_E_NOT_ENOUGH_SPACE
 * (primordial). Inside the gate. */
HRESULT pool_drives(struct provider *inside, const struct guid *pool, struct guid **ret_drives,
                    size_t *ret_n);
bool pool_exists(struct provider *inside, const struct guid *pool);

/* ---- making LUNs ----------------------------------------------------------------------------------- */

struct lun_request {
    ULONGLONG size;
    bool thick;
    const VDS_OBJECT_ID *drives;
    LONG n_drives;
    LPWSTR mask, name; /* name may be NULL */
    uint32_t features, block_size, physical_block_size; /* as array_lun_spec has them */
    bool write_through;
};
HRESULT provider_lun_create(struct provider *p, const struct lun_request *request, IVdsAsync **ret_async);
/* Which types of LUN this array makes: one copy on one drive. Automagic types take no list of drives,
 * concrete ones no hints. */
HRESULT lun_type_check(VDS_LUN_TYPE type, LONG n_drives, bool hints);
/* The largest LUN that one of the drives takes: a LUN does not cross drives. Inside the gate. */
HRESULT lun_max_size(struct provider *inside, const struct guid *drives, size_t n, ULONGLONG *ret_max);

/* ---- shared rules -------------------------------------------------------------------------------------- */

/* SetStatus(): ONLINE and OFFLINE go to the array, E_INVALIDARG for UNKNOWN and values outside the enum (the
 * legal ones are `legal`, bit by bit), VDS_E_NOT_SUPPORTED for those that are only reported. Inside the gate;
 * the object is there. */
HRESULT status_request(struct provider *inside, enum array_status_of kind, const struct guid *id,
                       uint32_t wanted, uint32_t legal);
#define STATUS_BIT(status) (1u << (status))

/* Do the two lists name every controller exactly once? E_INVALIDARG if not, VDS_E_OBJECT_NOT_FOUND for an id
 * that names none, VDS_E_NOT_SUPPORTED when one is in `inactive`: there is one controller, and it is this
 * process. Inside the gate. */
HRESULT controllers_all_active(struct provider *inside, const VDS_OBJECT_ID *active, LONG n_active,
                               const VDS_OBJECT_ID *inactive, LONG n_inactive);

/* Not when it lives in memory. */
bool lun_takes_space(const struct array_lun_info *info);
/* The extents of a drive (lun NULL: all, and the free space) or of one LUN. Inside the gate. */
HRESULT extents_query(struct provider *inside, const struct guid *drive, const struct guid *lun,
                      VDS_DRIVE_EXTENT **ret_extents, LONG *ret_n);

/* The one plex of a LUN has an id of its own, made from the LUN's; the function is its own inverse. */
struct guid plex_id(const struct guid *lun);

/* hints.c. Those of a LUN as it is, into a structure that is all zeros; the wish for a new LUN (NULL is
 * none); and the wish for one that is there: VDS_E_NOT_SUPPORTED for all but those about its cache. Inside
 * the gate. */
void hints_fill(const struct array_lun_info *info, VDS_HINTS *ret_hints);
void hints2_fill(const struct array_lun_info *info, VDS_HINTS2 *ret_hints);
bool hints_write_through(const VDS_HINTS *hints);
bool hints2_write_through(const VDS_HINTS2 *hints);
HRESULT hints_apply(struct provider *inside, const struct guid *lun, const VDS_HINTS *hints);
HRESULT hints2_apply(struct provider *inside, const struct guid *lun, const VDS_HINTS2 *hints);
/* The code, with the sentence that says why. */
HRESULT refused(HRESULT hr, const char *why);
HRESULT not_supported(const char *why);
#define NO_IPSEC "there is no IPsec here: use the host's"

/* The portal's address in the API's form: false when it has none that the API can express. */
bool address_to_api(const struct sockaddr_storage *addr, VDS_IPADDRESS *ret_address);

/* Properties, into a structure that is all zeros; on failure nothing is left to free (portal.c, target.c,
 * lun.c). */
HRESULT portal_fill(const struct array_portal_info *info, VDS_ISCSI_PORTAL_PROP *prop);
HRESULT target_fill(const struct array_target_info *info, VDS_ISCSI_TARGET_PROP *prop);
HRESULT lun_fill(const struct array_lun_info *info, VDS_LUN_PROP *prop);

/* VDS_LUN_FEATURE flags (subsystem_ex.c). */
ULONG lun_features_to_api(const struct array_lun_info *info);

/* A list of drives as an argument: NULL goes with 0 only. */
HRESULT drives_argument(const VDS_OBJECT_ID *drives, LONG n);

/* Turns a friendly name argument into UTF-8. */
HRESULT name_argument(LPWSTR wide, char **ret_name);

/* Strings of a property struct, all or none: fills n task strings; on failure frees what it made. */
struct wide_field {
    LPWSTR *field;
    const char *text;
};
HRESULT wide_fields(const struct wide_field *fields, size_t n);

#endif
