/* SPDX-License-Identifier: MIT */
#include "cli/diskraid/kinds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "rpc/libvds.h"

/* ---- ids ------------------------------------------------------------------------------------- */

#define DEFINE_ID_OF(noun, face_type, prop_type, ...)                  \
    static HRESULT id_of_##noun(IUnknown *face, GUID *ret_id)          \
    {                                                                  \
        prop_type p;                                                   \
        HRESULT hr = face_type##_GetProperties((face_type *)face, &p); \
                                                                       \
        if (FAILED(hr))                                                \
            return hr;                                                 \
        *ret_id = p.id;                                                \
        __VA_ARGS__                                                    \
        return S_OK;                                                   \
    }
#define FREE_NAMES                     \
    CoTaskMemFree(p.pwszFriendlyName); \
    CoTaskMemFree(p.pwszIdentification);

DEFINE_ID_OF(iadapter, IVdsIscsiInitiatorAdapter, VDS_ISCSI_INITIATOR_ADAPTER_PROP,
             CoTaskMemFree(p.pwszName);)
DEFINE_ID_OF(iportal, IVdsIscsiInitiatorPortal, VDS_ISCSI_INITIATOR_PORTAL_PROP, )
DEFINE_ID_OF(provider, IVdsProvider, VDS_PROVIDER_PROP, CoTaskMemFree(p.pwszName);
             CoTaskMemFree(p.pwszVersion);)
DEFINE_ID_OF(subsystem, IVdsSubSystem, VDS_SUB_SYSTEM_PROP, FREE_NAMES)
DEFINE_ID_OF(controller, IVdsController, VDS_CONTROLLER_PROP, FREE_NAMES)
DEFINE_ID_OF(port, IVdsControllerPort, VDS_PORT_PROP, FREE_NAMES)
DEFINE_ID_OF(drive, IVdsDrive, VDS_DRIVE_PROP, FREE_NAMES)
DEFINE_ID_OF(lun, IVdsLun, VDS_LUN_PROP, FREE_NAMES CoTaskMemFree(p.pwszUnmaskingList);)
DEFINE_ID_OF(plex, IVdsLunPlex, VDS_LUN_PLEX_PROP, )
DEFINE_ID_OF(tportal, IVdsIscsiPortal, VDS_ISCSI_PORTAL_PROP, )
DEFINE_ID_OF(target, IVdsIscsiTarget, VDS_ISCSI_TARGET_PROP, CoTaskMemFree(p.pwszFriendlyName);
             CoTaskMemFree(p.pwszIscsiName);)
DEFINE_ID_OF(tpgroup, IVdsIscsiPortalGroup, VDS_ISCSI_PORTALGROUP_PROP, )

/* ---- finding the objects of a scope ---------------------------------------------------------- */

struct collector {
    struct shell *shell;
    enum kind kind;
    struct objects *objects;
};

/* Room for one more; the array doubles at each power of two. */
static struct object *grow(struct objects *objects)
{
    struct object *bigger = objects->item;

    if ((objects->n & (objects->n - 1)) == 0)
        bigger = realloc(bigger, (objects->n ? 2 * objects->n : 1) * sizeof *bigger);
    if (!bigger)
        return NULL;
    objects->item = bigger;
    return &bigger[objects->n];
}

static HRESULT keep(struct collector *c, const GUID *id, IUnknown *face)
{
    enum kind inside = kind_defs[c->kind].inside;
    const GUID *of = inside == KIND_NONE ? &GUID_NULL : &c->shell->focus[inside].id;
    struct object *object = grow(c->objects);
    unsigned number;
    int r = object ? numbers_of(&c->shell->numbers, (int)c->kind, of, id, &number) : -ENOMEM;

    if (r == -ENOSPC)
        vds_set_error_text("diskraid has run out of numbers; start it anew");
    if (r < 0)
        return r == -ENOSPC ? E_FAIL : E_OUTOFMEMORY;
    if (face)
        IUnknown_AddRef(face);
    *object = (struct object){ number, *id, face };
    c->objects->n++;
    return S_OK;
}

static HRESULT keep_member(void *arg, void *face)
{
    struct collector *c = arg;
    GUID id;
    HRESULT hr = kind_defs[c->kind].id_of(face, &id);

    return FAILED(hr) ? hr : keep(c, &id, face);
}

static HRESULT keep_members(struct collector *c, IEnumVdsObject *members)
{
    return client_each(members, kind_defs[c->kind].iid, keep_member, c);
}

/* Defines collect_<noun>: the members that Query gives, of the object of `kind` in focus. */
#define DEFINE_COLLECT(noun, kind, face_type, query)                      \
    static HRESULT collect_##noun(struct collector *c)                    \
    {                                                                     \
        IEnumVdsObject *members;                                          \
        face_type *face;                                                  \
        HRESULT hr = focus_face(c->shell, kind, &IID_##face_type, &face); \
                                                                          \
        if (FAILED(hr))                                                   \
            return hr;                                                    \
        hr = face_type##_##query(face, &members);                         \
        face_type##_Release(face);                                        \
        return FAILED(hr) ? hr : keep_members(c, members);                \
    }

DEFINE_COLLECT(iportals, KIND_IADAPTER, IVdsIscsiInitiatorAdapter, QueryInitiatorPortals)
DEFINE_COLLECT(controllers, KIND_SUBSYSTEM, IVdsSubSystem, QueryControllers)
DEFINE_COLLECT(drives, KIND_SUBSYSTEM, IVdsSubSystem, QueryDrives)
DEFINE_COLLECT(luns, KIND_SUBSYSTEM, IVdsSubSystem, QueryLuns)
DEFINE_COLLECT(plexes, KIND_LUN, IVdsLun, QueryPlexes)
DEFINE_COLLECT(tportals, KIND_SUBSYSTEM, IVdsSubSystemIscsi, QueryPortals)
DEFINE_COLLECT(targets, KIND_SUBSYSTEM, IVdsSubSystemIscsi, QueryTargets)
DEFINE_COLLECT(tpgroups, KIND_TARGET, IVdsIscsiTarget, QueryPortalGroups)

/* Host bus adapters are Fibre Channel, which this API does not have: there are none. */
static HRESULT collect_hbaports(struct collector *c)
{
    (void)c;
    return S_OK;
}

static HRESULT collect_iadapters(struct collector *c)
{
    IEnumVdsObject *members;
    IVdsServiceIscsi *face;
    HRESULT hr = shell_service_face(c->shell, &IID_IVdsServiceIscsi, &face);

    if (FAILED(hr))
        return hr;
    hr = IVdsServiceIscsi_QueryInitiatorAdapters(face, &members);
    IVdsServiceIscsi_Release(face);
    return FAILED(hr) ? hr : keep_members(c, members);
}

static HRESULT query_providers(struct shell *shell, IEnumVdsObject **ret_members)
{
    return IVdsService_QueryProviders(shell->service, VDS_QUERY_HARDWARE_PROVIDERS, ret_members);
}

static HRESULT collect_providers(struct collector *c)
{
    IEnumVdsObject *members;
    HRESULT hr = query_providers(c->shell, &members);

    return FAILED(hr) ? hr : keep_members(c, members);
}

static HRESULT keep_subsystems_of(void *arg, void *face)
{
    IEnumVdsObject *members;
    HRESULT hr = IVdsHwProvider_QuerySubSystems((IVdsHwProvider *)face, &members);

    return FAILED(hr) ? hr : keep_members(arg, members);
}

static HRESULT collect_subsystems(struct collector *c)
{
    IEnumVdsObject *members;
    HRESULT hr = query_providers(c->shell, &members);

    return FAILED(hr) ? hr : client_each(members, &IID_IVdsHwProvider, keep_subsystems_of, c);
}

/* Controllers of arrays without Fibre Channel describe their ports, but have no objects for them. */
static HRESULT keep_described_ports(struct collector *c)
{
    IVdsController *face = (IVdsController *)c->shell->focus[KIND_CONTROLLER].face;
    VDS_CONTROLLER_PROP p;
    HRESULT hr = IVdsController_GetProperties(face, &p);

    if (FAILED(hr))
        return hr;
    FREE_NAMES
    for (SHORT i = 0; i < p.sNumberOfPorts && SUCCEEDED(hr); i++) {
        VDS_PORT_PROP port;

        hr = IVdsController_GetPortProperties(face, i, &port);
        if (FAILED(hr))
            break;
        CoTaskMemFree(port.pwszFriendlyName);
        CoTaskMemFree(port.pwszIdentification);
        hr = keep(c, &port.id, NULL);
    }
    return hr;
}

static HRESULT collect_ports(struct collector *c)
{
    IVdsControllerControllerPort *face;
    IEnumVdsObject *members;
    HRESULT hr = focus_face(c->shell, KIND_CONTROLLER, &IID_IVdsControllerControllerPort, &face);

    if (hr == VDS_E_NOT_SUPPORTED)
        return keep_described_ports(c);
    if (FAILED(hr))
        return hr;
    hr = IVdsControllerControllerPort_QueryControllerPorts(face, &members);
    IVdsControllerControllerPort_Release(face);
    return FAILED(hr) ? hr : keep_members(c, members);
}

/* ---- the table ------------------------------------------------------------------------------- */

/* clang-format off */
#define B(kind) KIND_BIT(KIND_##kind)
/* Of these, each excludes the others. */
#define IN_SUBSYSTEM (B(CONTROLLER) | B(PORT) | B(DRIVE) | B(LUN) | B(TPORTAL) | B(TARGET) | B(TPGROUP))

const struct kind_def kind_defs[N_KINDS] = {
    [KIND_HBAPORT] = { "HBA port", "HBA ports", "HBAPort", KIND_NONE, B(IADAPTER) | B(IPORTAL),
                       &IID_IUnknown, collect_hbaports, NULL },
    [KIND_IADAPTER] = { "initiator adapter", "initiator adapters", "IAdapter", KIND_NONE,
                        B(HBAPORT) | B(IPORTAL), &IID_IVdsIscsiInitiatorAdapter, collect_iadapters,
                        id_of_iadapter },
    [KIND_IPORTAL] = { "initiator portal", "initiator portals", "IPortal", KIND_IADAPTER, 0,
                       &IID_IVdsIscsiInitiatorPortal, collect_iportals, id_of_iportal },
    [KIND_PROVIDER] = { "provider", "providers", "Provider", KIND_NONE, 0,
                        &IID_IVdsProvider, collect_providers, id_of_provider },
    [KIND_SUBSYSTEM] = { "subsystem", "subsystems", "Subsystem", KIND_NONE, IN_SUBSYSTEM,
                         &IID_IVdsSubSystem, collect_subsystems, id_of_subsystem },
    [KIND_CONTROLLER] = { "controller", "controllers", "Ctlr", KIND_SUBSYSTEM, IN_SUBSYSTEM,
                          &IID_IVdsController, collect_controllers, id_of_controller },
    [KIND_PORT] = { "port", "ports", "Port", KIND_CONTROLLER, 0,
                    &IID_IVdsControllerPort, collect_ports, id_of_port },
    [KIND_DRIVE] = { "drive", "drives", "Drive", KIND_SUBSYSTEM, IN_SUBSYSTEM,
                     &IID_IVdsDrive, collect_drives, id_of_drive },
    [KIND_LUN] = { "LUN", "LUNs", "LUN", KIND_SUBSYSTEM, IN_SUBSYSTEM,
                   &IID_IVdsLun, collect_luns, id_of_lun },
    [KIND_TPORTAL] = { "target portal", "target portals", "TPortal", KIND_SUBSYSTEM, IN_SUBSYSTEM,
                       &IID_IVdsIscsiPortal, collect_tportals, id_of_tportal },
    [KIND_TARGET] = { "target", "targets", "Target", KIND_SUBSYSTEM, IN_SUBSYSTEM,
                      &IID_IVdsIscsiTarget, collect_targets, id_of_target },
    [KIND_TPGROUP] = { "target portal group", "target portal groups", "TPGroup", KIND_TARGET, 0,
                       &IID_IVdsIscsiPortalGroup, collect_tpgroups, id_of_tpgroup },
    [KIND_PLEX] = { "plex", "plexes", "Plex", KIND_LUN, 0, &IID_IVdsLunPlex, collect_plexes, id_of_plex },
};
/* clang-format on */

/* ---- reading --------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    unsigned x = ((const struct object *)a)->number, y = ((const struct object *)b)->number;

    return (x > y) - (x < y);
}

static HRESULT sorted(struct objects *objects, HRESULT hr)
{
    if (objects->n)
        qsort(objects->item, objects->n, sizeof *objects->item, by_number);
    return hr;
}

HRESULT objects_read(struct shell *shell, enum kind kind, struct objects *ret_objects)
{
    struct collector c = { shell, kind, ret_objects };

    *ret_objects = (struct objects){ 0 };
    return sorted(ret_objects, kind_defs[kind].collect(&c));
}

/* What another object names gets its number from the whole scope, so that a list made later counts from 0 in
 * the scope's order. */
HRESULT objects_from(struct shell *shell, enum kind kind, IEnumVdsObject *members,
                     struct objects *ret_objects)
{
    struct collector c = { shell, kind, ret_objects };
    _cleanup_(objects_fini) struct objects all;
    HRESULT hr = objects_read(shell, kind, &all);

    *ret_objects = (struct objects){ 0 };
    if (FAILED(hr)) {
        IEnumVdsObject_Release(members);
        return hr;
    }
    return sorted(ret_objects, keep_members(&c, members));
}

void objects_fini(struct objects *objects)
{
    for (size_t i = 0; i < objects->n; i++)
        RELEASE(objects->item[i].face);
    free(objects->item);
    *objects = (struct objects){ 0 };
}

struct object *objects_find(const struct objects *objects, unsigned number)
{
    for (size_t i = 0; i < objects->n; i++) {
        if (objects->item[i].number == number)
            return &objects->item[i];
    }
    return NULL;
}

/* ---- by number ------------------------------------------------------------------------------- */

int objects_take(struct shell *shell, enum kind kind, unsigned number, struct object *ret_object)
{
    _cleanup_(objects_fini) struct objects objects;
    HRESULT hr = objects_read(shell, kind, &objects);
    struct object *found;

    if (FAILED(hr))
        return say_failed(hr, "The %s cannot be listed", kind_defs[kind].names);
    found = objects_find(&objects, number);
    if (!found)
        return say_selection("There is no %s %u.", kind_defs[kind].name, number);
    *ret_object = *found;
    found->face = NULL; /* handed over */
    return OUTCOME_DONE;
}

int objects_id(struct shell *shell, enum kind kind, unsigned number, GUID *ret_id)
{
    struct object object;
    int r = objects_take(shell, kind, number, &object);

    if (r == OUTCOME_DONE) {
        *ret_id = object.id;
        RELEASE(object.face);
    }
    return r;
}

int objects_ids(struct shell *shell, enum kind kind, const struct item *items, unsigned n, GUID **ret_ids,
                LONG *ret_n)
{
    _cleanup_(freep) GUID *ids = calloc(n ? n : 1, sizeof *ids);
    _cleanup_(objects_fini) struct objects objects = { 0 };
    HRESULT hr = n ? objects_read(shell, kind, &objects) : S_OK;
    LONG n_ids = 0;

    if (FAILED(hr))
        return say_failed(hr, "The %s cannot be listed", kind_defs[kind].names);
    if (!ids)
        return say_no_memory();
    for (unsigned i = 0; i < n; i++) {
        const struct object *found = objects_find(&objects, items[i].first);

        if (!found)
            return say_selection("There is no %s %u.", kind_defs[kind].name, items[i].first);
        if (ids_index(ids, n_ids, &found->id) == n_ids)
            ids[n_ids++] = found->id;
    }
    *ret_ids = TAKE_PTR(ids);
    *ret_n = n_ids;
    return OUTCOME_DONE;
}

LONG ids_index(const GUID *ids, LONG n, const GUID *id)
{
    LONG i = 0;

    while (i < n && memcmp(&ids[i], id, sizeof *id) != 0)
        i++;
    return i;
}

/* ---- sentences ------------------------------------------------------------------------------- */

const char *kind_title(enum kind kind, char text[static KIND_TITLE_SIZE])
{
    snprintf(text, KIND_TITLE_SIZE, "%s", kind_defs[kind].name);
    if (text[0] >= 'a' && text[0] <= 'z')
        text[0] = (char)(text[0] - 'a' + 'A');
    return text;
}
