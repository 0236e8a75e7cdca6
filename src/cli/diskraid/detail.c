/* SPDX-License-Identifier: MIT */
/* DETAIL: all properties of the object in focus, then lists of what is tied to it. What a provider does not
 * answer is left out. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/plain.h"
#include "cli/diskraid/columns.h"
#include "cli/diskraid/handlers.h"
#include "cli/diskraid/list.h"
#include "cli/diskraid/uninstall.h"
#include "cli/diskraid/words.h"

static void field_id(const GUID *id)
{
    char text[GUID_TEXT_SIZE];

    client_guid_text(id, text);
    field("Id", "%s", text);
}

static void field_bytes(const char *label, uint64_t bytes)
{
    char text[WORD_SIZE];

    field(label, "%s (%llu bytes)", word_size(bytes, text), (unsigned long long)bytes);
}

static void field_flags(uint32_t flags, const struct word_flag *table, size_t n)
{
    char text[512];

    word_flags(flags, table, n, text, sizeof text);
    field("Flags", "%s", text);
}

/* A list under a heading of its own; a failure to get it, such as "not supported", leaves it out. */
static HRESULT sub_list(struct shell *shell, const char *heading, enum kind kind, HRESULT hr,
                        IEnumVdsObject *members)
{
    if (hr == VDS_E_NOT_SUPPORTED || hr == E_NOTIMPL)
        return S_OK;
    if (FAILED(hr))
        return hr;
    printf("\n%s\n", heading);
    return list_members(shell, kind, members);
}

/* ---- host ------------------------------------------------------------------------------------ */

static HRESULT detail_iadapter(struct shell *shell, const struct request *request)
{
    IVdsIscsiInitiatorAdapter *face = (IVdsIscsiInitiatorAdapter *)shell->focus[KIND_IADAPTER].face;
    VDS_ISCSI_INITIATOR_ADAPTER_PROP p;
    _cleanup_(objects_fini) struct objects portals = { 0 };
    HRESULT hr = IVdsIscsiInitiatorAdapter_GetProperties(face, &p);

    (void)request;
    if (FAILED(hr))
        return hr;
    field_take("Name", p.pwszName);
    field_id(&p.id);
    hr = objects_read(shell, KIND_IPORTAL, &portals);
    if (FAILED(hr))
        return hr;
    printf("\nInitiator portals\n");
    return list_objects(shell, KIND_IPORTAL, &portals);
}

static HRESULT detail_iportal(struct shell *shell, const struct request *request)
{
    VDS_ISCSI_INITIATOR_PORTAL_PROP p;
    HRESULT hr = IVdsIscsiInitiatorPortal_GetProperties(
        (IVdsIscsiInitiatorPortal *)shell->focus[KIND_IPORTAL].face, &p);
    _cleanup_(freep) char *address = NULL;

    (void)request;
    if (FAILED(hr))
        return hr;
    address = client_address_text(&p.address);
    field("Address", "%s", address);
    field("Port index", "%u", p.ulPortIndex);
    field_id(&p.id);
    return S_OK;
}

/* ---- provider and subsystem ------------------------------------------------------------------ */

/* The later interface knows more types; providers may have either or none. */
static void field_hwprovider_type(const struct shell *shell)
{
    IVdsHwProviderType2 *type2;
    IVdsHwProviderType *type1;
    VDS_HWPROVIDER_TYPE type = VDS_HWT_UNKNOWN;

    if (SUCCEEDED(focus_face(shell, KIND_PROVIDER, &IID_IVdsHwProviderType2, &type2))) {
        IVdsHwProviderType2_GetProviderType2(type2, &type);
        IVdsHwProviderType2_Release(type2);
    } else if (SUCCEEDED(focus_face(shell, KIND_PROVIDER, &IID_IVdsHwProviderType, &type1))) {
        IVdsHwProviderType_GetProviderType(type1, &type);
        IVdsHwProviderType_Release(type1);
    }
    field("Interconnect", "%s", word_hwprovider_type((int)type));
}

static const struct word_flag provider_flags[] = {
    { VDS_PF_DYNAMIC, "dynamic" },
    { VDS_PF_INTERNAL_HARDWARE_PROVIDER, "internal" },
};

static HRESULT detail_provider(struct shell *shell, const struct request *request)
{
    VDS_PROVIDER_PROP p;
    HRESULT hr = IVdsProvider_GetProperties((IVdsProvider *)shell->focus[KIND_PROVIDER].face, &p);

    (void)request;
    if (FAILED(hr))
        return hr;
    field_take("Name", p.pwszName);
    field_id(&p.id);
    field_take("Version", p.pwszVersion);
    field("Type", "%s", word_provider_type((int)p.type));
    field_hwprovider_type(shell);
    field_flags(p.ulFlags, provider_flags, ARRAY_SIZE(provider_flags));
    field("Rebuild priority", "%d", p.sRebuildPriority);
    return S_OK;
}

static const struct word_flag subsystem_flags[] = {
    { VDS_SF_LUN_MASKING_CAPABLE, "LUN masking" },
    { VDS_SF_LUN_PLEXING_CAPABLE, "LUN plexing" },
    { VDS_SF_LUN_REMAPPING_CAPABLE, "LUN remapping" },
    { VDS_SF_DRIVE_EXTENT_CAPABLE, "drive extents" },
    { VDS_SF_HARDWARE_CHECKSUM_CAPABLE, "hardware checksum" },
    { VDS_SF_RADIUS_CAPABLE, "RADIUS" },
    { VDS_SF_READ_BACK_VERIFY_CAPABLE, "read back verify" },
    { VDS_SF_WRITE_THROUGH_CACHING_CAPABLE, "write-through caching" },
    { VDS_SF_SUPPORTS_FAULT_TOLERANT_LUNS, "fault tolerant LUNs" },
    { VDS_SF_SUPPORTS_NON_FAULT_TOLERANT_LUNS, "non fault tolerant LUNs" },
    { VDS_SF_SUPPORTS_SIMPLE_LUNS, "simple LUNs" },
    { VDS_SF_SUPPORTS_SPAN_LUNS, "span LUNs" },
    { VDS_SF_SUPPORTS_STRIPE_LUNS, "stripe LUNs" },
    { VDS_SF_SUPPORTS_MIRROR_LUNS, "mirror LUNs" },
    { VDS_SF_SUPPORTS_PARITY_LUNS, "parity LUNs" },
    { VDS_SF_SUPPORTS_AUTH_CHAP, "CHAP" },
    { VDS_SF_SUPPORTS_AUTH_MUTUAL_CHAP, "mutual CHAP" },
    { VDS_SF_SUPPORTS_SIMPLE_TARGET_CONFIG, "simple target configuration" },
    { VDS_SF_SUPPORTS_LUN_NUMBER, "LUN numbers" },
    { VDS_SF_SUPPORTS_MIRRORED_CACHE, "mirrored cache" },
    { VDS_SF_READ_CACHING_CAPABLE, "read caching" },
    { VDS_SF_WRITE_CACHING_CAPABLE, "write caching" },
    { VDS_SF_MEDIA_SCAN_CAPABLE, "media scan" },
    { VDS_SF_CONSISTENCY_CHECK_CAPABLE, "consistency check" },
};

static HRESULT detail_subsystem(struct shell *shell, const struct request *request)
{
    VDS_SUB_SYSTEM_PROP p;
    HRESULT hr = IVdsSubSystem_GetProperties((IVdsSubSystem *)shell->focus[KIND_SUBSYSTEM].face, &p);

    (void)request;
    if (FAILED(hr))
        return hr;
    field_take("Name", p.pwszFriendlyName);
    field_take("Identification", p.pwszIdentification);
    field_id(&p.id);
    field("Status", "%s", word_status((int)p.status));
    field("Health", "%s", word_health((int)p.health));
    field("Internal buses", "%d", p.sNumberOfInternalBuses);
    field("Slots on each bus", "%d", p.sMaxNumberOfSlotsEachBus);
    field("Controllers, at most", "%d", p.sMaxNumberOfControllers);
    field("Rebuild priority", "%d", p.sRebuildPriority);
    field_flags(p.ulFlags, subsystem_flags, ARRAY_SIZE(subsystem_flags));
    return S_OK;
}

/* ---- controller, port, drive ----------------------------------------------------------------- */

static HRESULT detail_controller(struct shell *shell, const struct request *request)
{
    IVdsController *face = (IVdsController *)shell->focus[KIND_CONTROLLER].face;
    IEnumVdsObject *members = NULL;
    VDS_CONTROLLER_PROP p;
    HRESULT hr = IVdsController_GetProperties(face, &p);

    (void)request;
    if (FAILED(hr))
        return hr;
    field_take("Name", p.pwszFriendlyName);
    field_take("Identification", p.pwszIdentification);
    field_id(&p.id);
    field("Status", "%s", word_status((int)p.status));
    field("Health", "%s", word_health((int)p.health));
    field("Ports", "%d", p.sNumberOfPorts);
    hr = IVdsController_QueryAssociatedLuns(face, &members);
    return sub_list(shell, "Associated LUNs", KIND_LUN, hr, members);
}

static HRESULT detail_port(struct shell *shell, const struct request *request)
{
    const struct object *port = &shell->focus[KIND_PORT];
    IEnumVdsObject *members = NULL;
    VDS_PORT_PROP p;
    HRESULT hr = port_properties(shell, port, &p);

    (void)request;
    if (FAILED(hr))
        return hr;
    field_take("Name", p.pwszFriendlyName);
    field_take("Identification", p.pwszIdentification);
    field_id(&p.id);
    field("Status", "%s", word_status((int)p.status));
    hr = port->face ? IVdsControllerPort_QueryAssociatedLuns((IVdsControllerPort *)port->face, &members)
                    : VDS_E_NOT_SUPPORTED;
    return sub_list(shell, "Associated LUNs", KIND_LUN, hr, members);
}

static const struct word_flag drive_flags[] = {
    { VDS_DRF_HOTSPARE, "hot spare" },
    { VDS_DRF_ASSIGNED, "assigned" },
    { VDS_DRF_UNASSIGNED, "unassigned" },
    { VDS_DRF_HOTSPARE_IN_USE, "hot spare in use" },
    { VDS_DRF_HOTSPARE_STANDBY, "hot spare on standby" },
};

/* The number of the LUN with an id, or -1. */
static int lun_number(const struct objects *luns, const GUID *id)
{
    for (size_t i = 0; i < luns->n; i++) {
        if (memcmp(&luns->item[i].id, id, sizeof *id) == 0)
            return (int)luns->item[i].number;
    }
    return -1;
}

static HRESULT list_extents(struct shell *shell, VDS_DRIVE_EXTENT *extents, LONG n)
{
    static const struct column defs[] = { { "LUN", 7, false }, { "Size", 8, true } };
    _cleanup_(objects_fini) struct objects luns;
    HRESULT hr = objects_read(shell, KIND_LUN, &luns);
    struct columns *columns;

    if (FAILED(hr))
        return hr;
    columns = columns_create(defs, ARRAY_SIZE(defs));
    for (LONG i = 0; i < n; i++) {
        char size[WORD_SIZE];
        int number = extents[i].bUsed ? lun_number(&luns, &extents[i].LunId) : -1;

        word_size(extents[i].ullSize, size);
        if (number >= 0)
            columns_row(columns, focus_has(shell, KIND_LUN) && (int)shell->focus[KIND_LUN].number == number,
                        "LUN %d\t%s", number, size);
        else
            columns_row(columns, false, "%s\t%s", extents[i].bUsed ? "Used" : "Free", size);
    }
    printf("\nExtents\n");
    columns_print(columns, "There are no extents.");
    return S_OK;
}

static HRESULT detail_drive(struct shell *shell, const struct request *request)
{
    IVdsDrive *face = (IVdsDrive *)shell->focus[KIND_DRIVE].face;
    VDS_DRIVE_EXTENT *extents = NULL;
    VDS_DRIVE_PROP p;
    uint64_t free_bytes;
    LONG n = 0;
    HRESULT hr = IVdsDrive_GetProperties(face, &p);

    (void)request;
    if (FAILED(hr))
        return hr;
    field_take("Name", p.pwszFriendlyName);
    field_take("Identification", p.pwszIdentification);
    field_id(&p.id);
    field("Status", "%s", word_status((int)p.status));
    field("Health", "%s", word_health((int)p.health));
    field_bytes("Size", p.ullSize);
    if (SUCCEEDED(drive_free(&shell->focus[KIND_DRIVE], &free_bytes)))
        field_bytes("Free", free_bytes);
    field("Bus", "%d", p.sInternalBusNumber);
    field("Slot", "%d", p.sSlotNumber);
    field_flags(p.ulFlags, drive_flags, ARRAY_SIZE(drive_flags));
    hr = IVdsDrive_QueryExtents(face, &extents, &n);
    if (hr == VDS_E_NOT_SUPPORTED || hr == E_NOTIMPL)
        return S_OK;
    if (SUCCEEDED(hr))
        hr = list_extents(shell, extents, n);
    CoTaskMemFree(extents);
    return hr;
}

/* ---- LUN ------------------------------------------------------------------------------------- */

static const struct word_flag lun_flags[] = {
    { VDS_LF_LBN_REMAP_ENABLED, "remap" },
    { VDS_LF_READ_BACK_VERIFY_ENABLED, "read back verify" },
    { VDS_LF_WRITE_THROUGH_CACHING_ENABLED, "write-through caching" },
    { VDS_LF_HARDWARE_CHECKSUM_ENABLED, "hardware checksum" },
    { VDS_LF_READ_CACHE_ENABLED, "read cache" },
    { VDS_LF_WRITE_CACHE_ENABLED, "write cache" },
    { VDS_LF_MEDIA_SCAN_ENABLED, "media scan" },
    { VDS_LF_CONSISTENCY_CHECK_ENABLED, "consistency check" },
    { VDS_LF_SNAPSHOT, "snapshot" },
};

static void field_lun_number(const struct shell *shell)
{
    IVdsLunNumber *face;
    ULONG number;

    if (FAILED(focus_face(shell, KIND_LUN, &IID_IVdsLunNumber, &face)))
        return;
    if (SUCCEEDED(IVdsLunNumber_GetLunNumber(face, &number)))
        field("LUN number", "%u", number);
    IVdsLunNumber_Release(face);
}

/* One name a line; a single asterisk: all hosts. */
static void field_mask(LPWSTR mask)
{
    _cleanup_(freep) char *text = client_take_string(mask);
    const char *label = "Unmasked hosts";

    if (!*text)
        field(label, "none");
    for (char *p = text; *p; label = "") {
        size_t len = strcspn(p, ";");

        field(label, "%.*s", (int)len, p);
        p += len + (p[len] == ';');
    }
}

static HRESULT list_lun_targets(struct shell *shell)
{
    IEnumVdsObject *members = NULL;
    IVdsLunIscsi *face;
    HRESULT hr = focus_face(shell, KIND_LUN, &IID_IVdsLunIscsi, &face);

    if (SUCCEEDED(hr)) {
        hr = IVdsLunIscsi_QueryAssociatedTargets(face, &members);
        IVdsLunIscsi_Release(face);
    }
    return sub_list(shell, "Associated targets", KIND_TARGET, hr, members);
}

static HRESULT list_lun_controllers(struct shell *shell, IVdsLun *lun)
{
    IEnumVdsObject *members = NULL;
    HRESULT hr = IVdsLun_QueryActiveControllers(lun, &members);

    return sub_list(shell, "Active controllers", KIND_CONTROLLER, hr, members);
}

static bool is_used_by(IVdsDrive *drive, const GUID *lun)
{
    VDS_DRIVE_EXTENT *extents = NULL;
    bool used = false;
    LONG n = 0;

    if (FAILED(IVdsDrive_QueryExtents(drive, &extents, &n)))
        return false;
    for (LONG i = 0; i < n; i++)
        used |= extents[i].bUsed && memcmp(&extents[i].LunId, lun, sizeof *lun) == 0;
    CoTaskMemFree(extents);
    return used;
}

/* The drives that contribute to the LUN. */
static HRESULT list_lun_drives(struct shell *shell, const GUID *lun)
{
    _cleanup_(objects_fini) struct objects drives;
    HRESULT hr = objects_read(shell, KIND_DRIVE, &drives);
    size_t n = 0;

    if (FAILED(hr))
        return hr;
    for (size_t i = 0; i < drives.n; i++) {
        if (is_used_by((IVdsDrive *)drives.item[i].face, lun))
            drives.item[n++] = drives.item[i];
        else
            RELEASE(drives.item[i].face);
    }
    drives.n = n;
    printf("\nDrives\n");
    return list_objects(shell, KIND_DRIVE, &drives);
}

/* Bytes that a provider has from its device. */
static const char *shown(const char *bytes, char text[static 256])
{
    text_show(bytes ? bytes : "", text, 256);
    return text;
}

static void field_identification(IVdsLun *lun)
{
    VDS_LUN_INFORMATION info;
    char text[3][256];

    if (FAILED(IVdsLun_GetIdentificationData(lun, &info)))
        return;
    field("Vendor, product", "%s %s %s", shown(info.m_szVendorId, text[0]),
          shown(info.m_szProductId, text[1]), shown(info.m_szProductRevision, text[2]));
    field("Serial number", "%s", shown(info.m_szSerialNumber, text[0]));
    field("Bus type", "%s", word_bus((int)info.m_BusType));
    lun_information_fini(&info);
}

static HRESULT list_lun_plexes(struct shell *shell)
{
    _cleanup_(objects_fini) struct objects plexes;
    HRESULT hr = objects_read(shell, KIND_PLEX, &plexes);

    if (hr == VDS_E_NOT_SUPPORTED || hr == E_NOTIMPL)
        return S_OK;
    if (FAILED(hr))
        return hr;
    printf("\nPlexes\n");
    return list_objects(shell, KIND_PLEX, &plexes);
}

static HRESULT detail_lun(struct shell *shell, const struct request *request)
{
    IVdsLun *face = (IVdsLun *)shell->focus[KIND_LUN].face;
    VDS_LUN_PROP p;
    HRESULT hr = IVdsLun_GetProperties(face, &p);

    if (FAILED(hr))
        return hr;
    field_take("Name", p.pwszFriendlyName);
    field_take("Identification", p.pwszIdentification);
    field_id(&p.id);
    field_lun_number(shell);
    field("Type", "%s", word_layout((int)p.type));
    field_bytes("Size", p.ullSize);
    field("Status", "%s", word_status((int)p.status));
    field("Health", "%s", word_health((int)p.health));
    field("State", "%s", word_transition((int)p.TransitionState));
    field("Rebuild priority", "%d", p.sRebuildPriority);
    field_flags(p.ulFlags, lun_flags, ARRAY_SIZE(lun_flags));
    if (request_has(request, ARG_VERBOSE))
        field_identification(face);
    field_mask(p.pwszUnmaskingList);
    hr = list_lun_targets(shell);
    if (SUCCEEDED(hr))
        hr = list_lun_drives(shell, &p.id);
    if (SUCCEEDED(hr) && request_has(request, ARG_VERBOSE))
        hr = list_lun_controllers(shell, face);
    if (SUCCEEDED(hr) && request_has(request, ARG_VERBOSE))
        hr = list_lun_plexes(shell);
    return hr;
}

/* ---- iSCSI ----------------------------------------------------------------------------------- */

/* Groups of a portal belong to several targets, so numbers would not tell them apart. */
static HRESULT row_group_of_portal(void *arg, void *face)
{
    struct columns *columns = arg;
    VDS_ISCSI_PORTALGROUP_PROP group;
    VDS_ISCSI_TARGET_PROP p;
    IVdsIscsiTarget *target;
    _cleanup_(freep) char *name = NULL, *iscsi_name = NULL;
    HRESULT hr = IVdsIscsiPortalGroup_GetProperties((IVdsIscsiPortalGroup *)face, &group);

    if (SUCCEEDED(hr))
        hr = IVdsIscsiPortalGroup_GetTarget((IVdsIscsiPortalGroup *)face, &target);
    if (FAILED(hr))
        return hr;
    hr = IVdsIscsiTarget_GetProperties(target, &p);
    IVdsIscsiTarget_Release(target);
    if (FAILED(hr))
        return hr;
    name = client_take_string(p.pwszFriendlyName);
    iscsi_name = client_take_string(p.pwszIscsiName);
    columns_row(columns, false, "%u\t%s\t%s", group.tag, name, iscsi_name);
    return S_OK;
}

static HRESULT detail_tportal(struct shell *shell, const struct request *request)
{
    static const struct column defs[] = { { "Tag", 5, true },
                                          { "Target", 20, false },
                                          { "iSCSI Name", 30, false } };
    IVdsIscsiPortal *face = (IVdsIscsiPortal *)shell->focus[KIND_TPORTAL].face;
    struct columns *columns;
    VDS_ISCSI_PORTAL_PROP p;
    IEnumVdsObject *members;
    _cleanup_(freep) char *address = NULL;
    HRESULT hr = IVdsIscsiPortal_GetProperties(face, &p);

    (void)request;
    if (FAILED(hr))
        return hr;
    address = client_address_text(&p.address);
    field("Address", "%s", address);
    field_id(&p.id);
    field("Status", "%s", word_status((int)p.status));
    hr = IVdsIscsiPortal_QueryAssociatedPortalGroups(face, &members);
    if (FAILED(hr))
        return hr;
    columns = columns_create(defs, ARRAY_SIZE(defs));
    hr = client_each(members, &IID_IVdsIscsiPortalGroup, row_group_of_portal, columns);
    printf("\nTarget portal groups\n");
    columns_print(columns, "There are no target portal groups.");
    return hr;
}

static HRESULT field_initiators(IVdsIscsiTarget *face)
{
    LPWSTR *names = NULL;
    LONG n = 0;
    HRESULT hr = IVdsIscsiTarget_GetConnectedInitiators(face, &names, &n);

    if (hr == VDS_E_NOT_SUPPORTED || hr == E_NOTIMPL)
        return S_OK;
    if (FAILED(hr))
        return hr;
    if (n == 0)
        field("Connected initiators", "none");
    for (LONG i = 0; i < n; i++)
        field_take(i ? "" : "Connected initiators", names[i]);
    CoTaskMemFree(names);
    return S_OK;
}

static HRESULT detail_target(struct shell *shell, const struct request *request)
{
    IVdsIscsiTarget *face = (IVdsIscsiTarget *)shell->focus[KIND_TARGET].face;
    _cleanup_(objects_fini) struct objects groups = { 0 };
    IEnumVdsObject *members = NULL;
    VDS_ISCSI_TARGET_PROP p;
    HRESULT hr = IVdsIscsiTarget_GetProperties(face, &p);

    (void)request;
    if (FAILED(hr))
        return hr;
    field_take("Name", p.pwszFriendlyName);
    field_take("iSCSI name", p.pwszIscsiName);
    field_id(&p.id);
    field("CHAP", "%s", p.bChapEnabled ? "Yes" : "No");
    hr = field_initiators(face);
    if (SUCCEEDED(hr))
        hr = objects_read(shell, KIND_TPGROUP, &groups);
    if (SUCCEEDED(hr)) {
        printf("\nTarget portal groups\n");
        hr = list_objects(shell, KIND_TPGROUP, &groups);
    }
    if (SUCCEEDED(hr)) {
        hr = IVdsIscsiTarget_QueryAssociatedLuns(face, &members);
        hr = sub_list(shell, "Associated LUNs", KIND_LUN, hr, members);
    }
    return hr;
}

static HRESULT detail_tpgroup(struct shell *shell, const struct request *request)
{
    IVdsIscsiPortalGroup *face = (IVdsIscsiPortalGroup *)shell->focus[KIND_TPGROUP].face;
    IEnumVdsObject *members = NULL;
    VDS_ISCSI_PORTALGROUP_PROP p;
    HRESULT hr = IVdsIscsiPortalGroup_GetProperties(face, &p);

    (void)request;
    if (FAILED(hr))
        return hr;
    field("Tag", "%u", p.tag);
    field_id(&p.id);
    field("Target", "%u", shell->focus[KIND_TARGET].number);
    hr = IVdsIscsiPortalGroup_QueryAssociatedPortals(face, &members);
    return sub_list(shell, "Target portals", KIND_TPORTAL, hr, members);
}

/* ---- the command ----------------------------------------------------------------------------- */

static HRESULT (*const details[N_KINDS])(struct shell *shell, const struct request *request) = {
    [KIND_IADAPTER] = detail_iadapter,     [KIND_IPORTAL] = detail_iportal, [KIND_PROVIDER] = detail_provider,
    [KIND_SUBSYSTEM] = detail_subsystem,   [KIND_PORT] = detail_port,       [KIND_DRIVE] = detail_drive,
    [KIND_CONTROLLER] = detail_controller, [KIND_LUN] = detail_lun,         [KIND_TPORTAL] = detail_tportal,
    [KIND_TARGET] = detail_target,         [KIND_TPGROUP] = detail_tpgroup,
};

int detail_run(struct shell *shell, const struct request *request)
{
    enum kind kind = request->form->object;
    char title[KIND_TITLE_SIZE];
    HRESULT hr;

    printf("%s %u\n\n", kind_title(kind, title), shell->focus[kind].number);
    hr = details[kind] ? details[kind](shell, request) : VDS_E_NOT_SUPPORTED;
    return FAILED(hr)
               ? say_failed(hr, "%s %u cannot be shown", kind_title(kind, title), shell->focus[kind].number)
               : OUTCOME_DONE;
}
