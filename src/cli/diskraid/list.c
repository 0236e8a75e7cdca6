/* SPDX-License-Identifier: MIT */
/* LIST: one row of properties per object, and the same rows inside DETAIL. The layout of drives is that of
 * Microsoft's sample, the others follow it. */
#include "cli/diskraid/list.h"

#include <string.h>

#include "base/cleanup.h"
#include "cli/diskraid/columns.h"
#include "cli/diskraid/handlers.h"
#include "cli/diskraid/words.h"

struct list {
    struct shell *shell;
    enum kind kind;
    struct columns *columns;
};

static bool in_focus(const struct list *list, const struct object *o)
{
    return focus_has(list->shell, list->kind) && list->shell->focus[list->kind].number == o->number;
}

/* ---- rows: an object that is gone by now has none -------------------------------------------- */

static HRESULT row_iadapter(struct list *list, const struct object *o)
{
    VDS_ISCSI_INITIATOR_ADAPTER_PROP p;
    HRESULT hr = IVdsIscsiInitiatorAdapter_GetProperties((IVdsIscsiInitiatorAdapter *)o->face, &p);
    _cleanup_(freep) char *name = NULL;

    if (FAILED(hr))
        return hr;
    name = client_take_string(p.pwszName);
    columns_row(list->columns, in_focus(list, o), "IAdapter %u\t%s", o->number, name);
    return S_OK;
}

static HRESULT row_iportal(struct list *list, const struct object *o)
{
    VDS_ISCSI_INITIATOR_PORTAL_PROP p;
    HRESULT hr = IVdsIscsiInitiatorPortal_GetProperties((IVdsIscsiInitiatorPortal *)o->face, &p);
    _cleanup_(freep) char *address = NULL;

    if (FAILED(hr))
        return hr;
    address = client_address_text(&p.address);
    columns_row(list->columns, in_focus(list, o), "IPortal %u\t%u\t%s", o->number, p.ulPortIndex, address);
    return S_OK;
}

static HRESULT row_provider(struct list *list, const struct object *o)
{
    VDS_PROVIDER_PROP p;
    HRESULT hr = IVdsProvider_GetProperties((IVdsProvider *)o->face, &p);
    _cleanup_(freep) char *name = NULL, *version = NULL;

    if (FAILED(hr))
        return hr;
    name = client_take_string(p.pwszName);
    version = client_take_string(p.pwszVersion);
    columns_row(list->columns, in_focus(list, o), "Provider %u\t%s\t%s\t%s", o->number,
                word_provider_type((int)p.type), version, name);
    return S_OK;
}

static HRESULT row_subsystem(struct list *list, const struct object *o)
{
    VDS_SUB_SYSTEM_PROP p;
    HRESULT hr = IVdsSubSystem_GetProperties((IVdsSubSystem *)o->face, &p);
    _cleanup_(freep) char *name = NULL;

    if (FAILED(hr))
        return hr;
    CoTaskMemFree(p.pwszIdentification);
    name = client_take_string(p.pwszFriendlyName);
    columns_row(list->columns, in_focus(list, o), "Subsystem %u\t%s\t%s\t%s", o->number,
                word_status((int)p.status), word_health((int)p.health), name);
    return S_OK;
}

static HRESULT row_controller(struct list *list, const struct object *o)
{
    VDS_CONTROLLER_PROP p;
    HRESULT hr = IVdsController_GetProperties((IVdsController *)o->face, &p);
    _cleanup_(freep) char *name = NULL;

    if (FAILED(hr))
        return hr;
    CoTaskMemFree(p.pwszIdentification);
    name = client_take_string(p.pwszFriendlyName);
    columns_row(list->columns, in_focus(list, o), "Ctlr %u\t%s\t%s\t%d\t%s", o->number,
                word_status((int)p.status), word_health((int)p.health), p.sNumberOfPorts, name);
    return S_OK;
}

static HRESULT row_port(struct list *list, const struct object *o)
{
    VDS_PORT_PROP p;
    HRESULT hr = port_properties(list->shell, o, &p);
    _cleanup_(freep) char *name = NULL;

    if (FAILED(hr))
        return hr;
    CoTaskMemFree(p.pwszIdentification);
    name = client_take_string(p.pwszFriendlyName);
    columns_row(list->columns, in_focus(list, o), "Port %u\t%s\t%s", o->number, word_status((int)p.status),
                name);
    return S_OK;
}

static void drive_letters(ULONG flags, char text[static 8])
{
    static const struct {
        ULONG bit;
        char letter;
    } letters[] = { { VDS_DRF_ASSIGNED, 'A' },
                    { VDS_DRF_HOTSPARE, 'H' },
                    { VDS_DRF_HOTSPARE_IN_USE, 'I' },
                    { VDS_DRF_HOTSPARE_STANDBY, 'S' } };

    for (size_t i = 0; i < ARRAY_SIZE(letters); i++) {
        if (flags & letters[i].bit)
            *text++ = letters[i].letter;
    }
    *text = '\0';
}

static HRESULT row_drive(struct list *list, const struct object *o)
{
    VDS_DRIVE_PROP p;
    HRESULT hr = IVdsDrive_GetProperties((IVdsDrive *)o->face, &p);
    char size[WORD_SIZE], free_size[WORD_SIZE] = "", flags[8];
    uint64_t free_bytes;

    if (FAILED(hr))
        return hr;
    CoTaskMemFree(p.pwszFriendlyName);
    CoTaskMemFree(p.pwszIdentification);
    if (SUCCEEDED(drive_free(o, &free_bytes)))
        word_size(free_bytes, free_size);
    drive_letters(p.ulFlags, flags);
    columns_row(list->columns, in_focus(list, o), "Drive %u\t%s\t%s\t%s\t%s\t%d\t%d\t%s", o->number,
                word_status((int)p.status), word_health((int)p.health), word_size(p.ullSize, size), free_size,
                p.sInternalBusNumber, p.sSlotNumber, flags);
    return S_OK;
}

static HRESULT row_lun(struct list *list, const struct object *o)
{
    VDS_LUN_PROP p;
    HRESULT hr = IVdsLun_GetProperties((IVdsLun *)o->face, &p);
    _cleanup_(freep) char *name = NULL;
    char size[WORD_SIZE];

    if (FAILED(hr))
        return hr;
    CoTaskMemFree(p.pwszIdentification);
    CoTaskMemFree(p.pwszUnmaskingList);
    name = client_take_string(p.pwszFriendlyName);
    columns_row(list->columns, in_focus(list, o), "LUN %u\t%s\t%s\t%s\t%s\t%s", o->number,
                word_status((int)p.status), word_health((int)p.health), word_layout((int)p.type),
                word_size(p.ullSize, size), name);
    return S_OK;
}

static HRESULT row_tportal(struct list *list, const struct object *o)
{
    VDS_ISCSI_PORTAL_PROP p;
    HRESULT hr = IVdsIscsiPortal_GetProperties((IVdsIscsiPortal *)o->face, &p);
    _cleanup_(freep) char *address = NULL;

    if (FAILED(hr))
        return hr;
    address = client_address_text(&p.address);
    columns_row(list->columns, in_focus(list, o), "TPortal %u\t%s\t%s", o->number, word_status((int)p.status),
                address);
    return S_OK;
}

static HRESULT row_target(struct list *list, const struct object *o)
{
    VDS_ISCSI_TARGET_PROP p;
    HRESULT hr = IVdsIscsiTarget_GetProperties((IVdsIscsiTarget *)o->face, &p);
    _cleanup_(freep) char *name = NULL, *iscsi_name = NULL;

    if (FAILED(hr))
        return hr;
    name = client_take_string(p.pwszFriendlyName);
    iscsi_name = client_take_string(p.pwszIscsiName);
    columns_row(list->columns, in_focus(list, o), "Target %u\t%s\t%s\t%s", o->number,
                p.bChapEnabled ? "Yes" : "No", name, iscsi_name);
    return S_OK;
}

static HRESULT row_tpgroup(struct list *list, const struct object *o)
{
    _cleanup_(objects_fini) struct objects portals = { 0 };
    VDS_ISCSI_PORTALGROUP_PROP p;
    IEnumVdsObject *members;
    HRESULT hr = IVdsIscsiPortalGroup_GetProperties((IVdsIscsiPortalGroup *)o->face, &p);
    _cleanup_(freep) char *numbers = NULL;

    if (SUCCEEDED(hr))
        hr = IVdsIscsiPortalGroup_QueryAssociatedPortals((IVdsIscsiPortalGroup *)o->face, &members);
    if (SUCCEEDED(hr))
        hr = objects_from(list->shell, KIND_TPORTAL, members, &portals);
    if (FAILED(hr))
        return hr;
    numbers = list_numbers(&portals, "");
    columns_row(list->columns, in_focus(list, o), "TPGroup %u\t%u\t%s", o->number, p.tag,
                numbers ? numbers : "?");
    return S_OK;
}

static HRESULT row_plex(struct list *list, const struct object *o)
{
    VDS_LUN_PLEX_PROP p;
    HRESULT hr = IVdsLunPlex_GetProperties((IVdsLunPlex *)o->face, &p);
    char size[WORD_SIZE];

    if (FAILED(hr))
        return hr;
    columns_row(list->columns, false, "Plex %u\t%s\t%s\t%s\t%s", o->number, word_status((int)p.status),
                word_health((int)p.health), word_layout((int)p.type), word_size(p.ullSize, size));
    return S_OK;
}

/* ---- columns --------------------------------------------------------------------------------- */

/* clang-format off */
#define STATUS { "Status", 10, false }
#define HEALTH { "Health", 12, false }
#define NAME { "Name", 20, false }
#define COLUMNS(...) (const struct column[]){ __VA_ARGS__ }, \
    sizeof((struct column[]){ __VA_ARGS__ }) / sizeof(struct column)

static const struct {
    const struct column *columns;
    size_t n;
    HRESULT (*row)(struct list *list, const struct object *object);
} layouts[N_KINDS] = {
    [KIND_HBAPORT] = { COLUMNS({ "HBAPort ###", 11, false }, STATUS), NULL },
    [KIND_IADAPTER] = { COLUMNS({ "IAdapter ###", 12, false }, NAME), row_iadapter },
    [KIND_IPORTAL] = { COLUMNS({ "IPortal ###", 11, false }, { "Index", 5, true }, { "Address", 20, false }),
                       row_iportal },
    [KIND_PROVIDER] = { COLUMNS({ "Provider ###", 12, false }, { "Type", 10, false },
                                { "Version", 10, false }, NAME), row_provider },
    [KIND_SUBSYSTEM] = { COLUMNS({ "Subsystem ###", 13, false }, STATUS, HEALTH, NAME), row_subsystem },
    [KIND_CONTROLLER] = { COLUMNS({ "Ctlr ###", 8, false }, STATUS, HEALTH, { "Ports", 5, true }, NAME),
                          row_controller },
    [KIND_PORT] = { COLUMNS({ "Port ###", 8, false }, STATUS, NAME), row_port },
    [KIND_DRIVE] = { COLUMNS({ "Drive ###", 9, false }, STATUS, HEALTH, { "Size", 8, true },
                             { "Free", 8, true }, { "Bus", 3, true }, { "Slot", 4, true },
                             { "Flags", 5, false }), row_drive },
    [KIND_LUN] = { COLUMNS({ "LUN ###", 7, false }, STATUS, HEALTH, { "Type", 7, false }, { "Size", 8, true },
                           NAME), row_lun },
    [KIND_TPORTAL] = { COLUMNS({ "TPortal ###", 11, false }, STATUS, { "Address", 20, false }), row_tportal },
    [KIND_TARGET] = { COLUMNS({ "Target ###", 10, false }, { "CHAP", 4, false }, NAME,
                              { "iSCSI Name", 30, false }), row_target },
    [KIND_TPGROUP] = { COLUMNS({ "TPGroup ###", 11, false }, { "Tag", 5, true }, { "TPortals", 20, false }),
                       row_tpgroup },
    [KIND_PLEX] = { COLUMNS({ "Plex ###", 8, false }, STATUS, HEALTH, { "Type", 7, false },
                             { "Size", 8, true }), row_plex },
};
/* clang-format on */

HRESULT list_objects(struct shell *shell, enum kind kind, const struct objects *objects)
{
    struct list list = { shell, kind, columns_create(layouts[kind].columns, layouts[kind].n) };
    char nothing[64];
    HRESULT hr = S_OK;

    for (size_t i = 0; i < objects->n && SUCCEEDED(hr); i++) {
        hr = layouts[kind].row(&list, &objects->item[i]);
        if (hr == VDS_E_OBJECT_DELETED)
            hr = S_OK;
    }
    snprintf(nothing, sizeof nothing, "There are no %s.", kind_defs[kind].names);
    columns_print(list.columns, nothing);
    return hr;
}

HRESULT list_members(struct shell *shell, enum kind kind, IEnumVdsObject *members)
{
    _cleanup_(objects_fini) struct objects objects;
    HRESULT hr = objects_from(shell, kind, members, &objects);

    return FAILED(hr) ? hr : list_objects(shell, kind, &objects);
}

int list_run(struct shell *shell, const struct request *request)
{
    enum kind kind = request->form->object, inside = kind_defs[kind].inside;
    _cleanup_(objects_fini) struct objects objects = { 0 };
    int r = inside == KIND_NONE ? OUTCOME_DONE : focus_need(shell, KIND_BIT(inside));
    HRESULT hr;

    if (r != OUTCOME_DONE)
        return r;
    hr = objects_read(shell, kind, &objects);
    if (SUCCEEDED(hr))
        hr = list_objects(shell, kind, &objects);
    return FAILED(hr) ? say_failed(hr, "The %s cannot be listed", kind_defs[kind].names) : OUTCOME_DONE;
}

char *list_numbers(const struct objects *objects, const char *word)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    for (size_t i = 0; f && i < objects->n; i++)
        fprintf(f, "%s%s%u", i ? ", " : "", word, objects->item[i].number);
    if (f)
        fclose(f);
    return text;
}

/* ---- what lists and details share ------------------------------------------------------------ */

HRESULT port_properties(struct shell *shell, const struct object *port, VDS_PORT_PROP *ret_prop)
{
    if (port->face)
        return IVdsControllerPort_GetProperties((IVdsControllerPort *)port->face, ret_prop);
    return IVdsController_GetPortProperties((IVdsController *)shell->focus[KIND_CONTROLLER].face,
                                            (SHORT)port->number, ret_prop);
}

HRESULT drive_free(const struct object *drive, uint64_t *ret_bytes)
{
    VDS_DRIVE_EXTENT *extents;
    LONG n;
    uint64_t bytes = 0;
    HRESULT hr = IVdsDrive_QueryExtents((IVdsDrive *)drive->face, &extents, &n);

    if (FAILED(hr))
        return hr;
    for (LONG i = 0; i < n; i++)
        bytes += extents[i].bUsed ? 0 : extents[i].ullSize;
    CoTaskMemFree(extents);
    *ret_bytes = bytes;
    return S_OK;
}
