/* SPDX-License-Identifier: MIT */
/* The four calls, as a VDS programmer writes them: QueryPortals, CreatePortalGroup, AddPortal, RemovePortal. The same source runs against the
 * service (vdsd) and with the array in its own process; the one difference is the context given to CoCreateInstance().
 *
 *     cc portal_group.c $(pkg-config --cflags --libs vds) -o portal_group
 *     ./portal_group                                                   against the service at $VDS_SOCKET
 *     ./portal_group --in-process STATE-DIRECTORY 127.0.0.1:3260       with an array of its own
 *
 * After AddPortal and after RemovePortal it asks iscsi-ls (libiscsi) what an initiator sees.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COBJMACROS
#include <vds/vds.h>
#include <vds/vdsclient.h>

static void check(HRESULT hr, const char *what)
{
    if (FAILED(hr)) {
        fprintf(stderr, "%s: 0x%08X %s\n", what, (unsigned)hr, vds_error_text());
        exit(1);
    }
}

/* The next member of an enumeration as interface `iid`, or NULL at its end. */
static void *next(IEnumVdsObject *members, REFIID iid)
{
    IUnknown *object;
    void *face;
    ULONG n;

    if (IEnumVdsObject_Next(members, 1, &object, &n) != S_OK)
        return NULL;
    check(IUnknown_QueryInterface(object, iid, &face), "QueryInterface");
    IUnknown_Release(object);
    return face;
}

/* The operation's end; what it made, if anything, with a reference. */
static IUnknown *wait_for(IVdsAsync *async, const char *what)
{
    VDS_ASYNC_OUTPUT output;
    HRESULT result;

    memset(&output, 0, sizeof output);
    check(IVdsAsync_Wait(async, &result, &output), what);
    check(result, what);
    IVdsAsync_Release(async);
    if (output.type == VDS_ASYNCOUT_CREATETARGET)
        return output.ct.pTargetUnk;
    return output.type == VDS_ASYNCOUT_CREATEPORTALGROUP ? output.cpg.pPortalGroupUnk : NULL;
}

static IVdsSubSystemIscsi *find_array(DWORD context)
{
    IVdsServiceLoader *loader;
    IVdsService *service;
    IVdsHwProvider *provider;
    IVdsSubSystemIscsi *array;
    IEnumVdsObject *members;

    check(CoCreateInstance(&CLSID_VdsLoader, NULL, context, &IID_IVdsServiceLoader, (void **)&loader), "CoCreateInstance");
    check(IVdsServiceLoader_LoadService(loader, NULL, &service), "LoadService");
    IVdsServiceLoader_Release(loader);
    check(IVdsService_WaitForServiceReady(service), "WaitForServiceReady");
    check(IVdsService_QueryProviders(service, VDS_QUERY_HARDWARE_PROVIDERS, &members), "QueryProviders");
    provider = next(members, &IID_IVdsHwProvider);
    IEnumVdsObject_Release(members);
    check(IVdsHwProvider_QuerySubSystems(provider, &members), "QuerySubSystems");
    array = next(members, &IID_IVdsSubSystemIscsi);
    IEnumVdsObject_Release(members);
    IVdsHwProvider_Release(provider);
    IVdsService_Release(service);
    return array;
}

static void first_portal(IVdsSubSystemIscsi *array, VDS_ISCSI_PORTAL_PROP *prop)
{
    IEnumVdsObject *portals;
    IVdsIscsiPortal *portal;

    check(IVdsSubSystemIscsi_QueryPortals(array, &portals), "QueryPortals");
    portal = next(portals, &IID_IVdsIscsiPortal);
    if (!portal) {
        fprintf(stderr, "the array has no portal\n");
        exit(1);
    }
    check(IVdsIscsiPortal_GetProperties(portal, prop), "IVdsIscsiPortal::GetProperties");
    IVdsIscsiPortal_Release(portal);
    IEnumVdsObject_Release(portals);
}

static IVdsIscsiTarget *make_target(IVdsSubSystemIscsi *array)
{
    WCHAR name[] = { 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0 };
    IVdsIscsiTarget *target;
    IVdsAsync *async;
    IUnknown *made;

    check(IVdsSubSystemIscsi_CreateTarget(array, NULL, name, &async), "CreateTarget");
    made = wait_for(async, "CreateTarget");
    check(IUnknown_QueryInterface(made, &IID_IVdsIscsiTarget, (void **)&target), "QueryInterface");
    IUnknown_Release(made);
    return target;
}

static IVdsIscsiPortalGroup *make_group(IVdsIscsiTarget *target)
{
    IVdsIscsiPortalGroup *group;
    IVdsAsync *async;
    IUnknown *made;

    check(IVdsIscsiTarget_CreatePortalGroup(target, &async), "CreatePortalGroup");
    made = wait_for(async, "CreatePortalGroup");
    check(IUnknown_QueryInterface(made, &IID_IVdsIscsiPortalGroup, (void **)&group), "QueryInterface");
    IUnknown_Release(made);
    return group;
}

/* The target's iSCSI name; these names are ASCII. */
static void name_of(IVdsIscsiTarget *target, char *name, size_t size)
{
    VDS_ISCSI_TARGET_PROP prop;
    size_t i;

    check(IVdsIscsiTarget_GetProperties(target, &prop), "IVdsIscsiTarget::GetProperties");
    for (i = 0; i + 1 < size && prop.pwszIscsiName[i]; i++)
        name[i] = (char)prop.pwszIscsiName[i];
    name[i] = '\0';
    CoTaskMemFree(prop.pwszIscsiName);
    CoTaskMemFree(prop.pwszFriendlyName);
}

/* Does an initiator that discovers at the portal find the target there, with that tag? */
static int is_served(const VDS_IPADDRESS *at, const char *name, unsigned tag)
{
    char command[128], line[512], expected[512];
    ULONG v4 = at->ipv4Address;
    int found = 0;
    FILE *pipe;

    snprintf(command, sizeof command, "%u.%u.%u.%u:%u", (unsigned)(v4 >> 24), (unsigned)(v4 >> 16 & 255), (unsigned)(v4 >> 8 & 255),
             (unsigned)(v4 & 255), (unsigned)at->ulPort);
    snprintf(expected, sizeof expected, "Target:%s Portal:%s,%u", name, command, tag);
    snprintf(line, sizeof line, "iscsi-ls iscsi://%s/ 2>/dev/null", command);
    pipe = popen(line, "r");
    while (pipe && fgets(line, sizeof line, pipe))
        found |= strncmp(line, expected, strlen(expected)) == 0;
    if (pipe)
        pclose(pipe);
    return found;
}

static void expect(int truth, const char *what)
{
    printf("%s: %s\n", what, truth ? "yes" : "NO");
    if (!truth)
        exit(1);
}

int main(int argc, char **argv)
{
    DWORD context = CLSCTX_LOCAL_SERVER;
    VDS_ISCSI_PORTAL_PROP portal;
    VDS_ISCSI_PORTALGROUP_PROP prop;
    IVdsSubSystemIscsi *array;
    IVdsIscsiTarget *target;
    IVdsIscsiPortalGroup *group;
    IVdsAsync *async;
    char name[256];

    if (argc == 4 && strcmp(argv[1], "--in-process") == 0) {
        VDS_INPROC_OPTIONS options = { .pszStateDirectory = argv[2], .ppszPortals = (const char *const *)&argv[3], .ulNumberOfPortals = 1 };

        check(vds_inproc_configure(&options), "vds_inproc_configure");
        context = CLSCTX_INPROC_SERVER;
    } else if (argc != 1) {
        fprintf(stderr, "usage: portal_group [--in-process STATE-DIRECTORY ADDRESS:PORT]\n");
        return 2;
    }
    check(CoInitializeEx(NULL, COINIT_MULTITHREADED), "CoInitializeEx");
    array = find_array(context);
    first_portal(array, &portal);
    target = make_target(array);
    name_of(target, name, sizeof name);
    group = make_group(target);
    check(IVdsIscsiPortalGroup_GetProperties(group, &prop), "IVdsIscsiPortalGroup::GetProperties");
    printf("target %s, group with tag %u\n", name, prop.tag);
    expect(!is_served(&portal.address, name, prop.tag), "not served before AddPortal");

    check(IVdsIscsiPortalGroup_AddPortal(group, portal.id, &async), "AddPortal");
    wait_for(async, "AddPortal");
    expect(is_served(&portal.address, name, prop.tag), "served when AddPortal is done");

    check(IVdsIscsiPortalGroup_RemovePortal(group, portal.id, &async), "RemovePortal");
    wait_for(async, "RemovePortal");
    expect(!is_served(&portal.address, name, prop.tag), "not served when RemovePortal is done");

    check(IVdsIscsiPortalGroup_Delete(group, &async), "IVdsIscsiPortalGroup::Delete");
    wait_for(async, "IVdsIscsiPortalGroup::Delete");
    check(IVdsIscsiTarget_Delete(target, &async), "IVdsIscsiTarget::Delete");
    wait_for(async, "IVdsIscsiTarget::Delete");
    IVdsIscsiPortalGroup_Release(group);
    IVdsIscsiTarget_Release(target);
    IVdsSubSystemIscsi_Release(array);
    CoUninitialize();
    return 0;
}
