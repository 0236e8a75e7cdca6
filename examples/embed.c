/* SPDX-License-Identifier: MIT */
/* An array inside this very program: makes a LUN, offers it to everybody at the address and serves until standard input ends.
 *     cc embed.c $(pkg-config --cflags --libs vds) -o embed && ./embed ./state 127.0.0.1:3260 */
#include <stdio.h>
#include <stdlib.h>

#define COBJMACROS
#include <vds/vdsclient.h>
#include <vds/vdsex.h>

static void check(HRESULT hr)
{
    if (FAILED(hr)) {
        fprintf(stderr, "embed: %s: %s\n", vds_hresult_name(hr), vds_error_text());
        exit(1);
    }
}

/* `what` gives an enumeration, or begins an operation; `object` becomes the first member of it, or what it has made. */
#define TAKE(iface, object) (check(IUnknown_QueryInterface(unknown, &IID_##iface, (void **)(object))), IUnknown_Release(unknown))
#define FIRST(what, iface, object) \
    (check(what), check(IEnumVdsObject_Next(members, 1, &unknown, &n)), TAKE(iface, object), IEnumVdsObject_Release(members))
#define WAIT(what) (check(what), check(IVdsAsync_Wait(async, &hr, &out)), check(hr), IVdsAsync_Release(async))
#define MADE(what, iface, object) (WAIT(what), unknown = out.cl.pLunUnk, TAKE(iface, object))

int main(int argc, char **argv)
{
    VDS_INPROC_OPTIONS options = { .pszStateDirectory = argv[1], .ppszPortals = (const char *const *)argv + 2, .ulNumberOfPortals = 1 };
    static IVdsServiceLoader *loader; static IVdsService *service; static IVdsHwProvider *provider; /* held until the end */
    static IVdsSubSystemIscsi *array; static IVdsSubSystemEx *array_ex; static IVdsLunIscsi *lun; static IVdsIscsiTarget *target;
    static IVdsIscsiPortalGroup *group; static IVdsIscsiPortal *portal; static VDS_ISCSI_TARGET_PROP target_prop;
    VDS_ISCSI_PORTAL_PROP portal_prop; IEnumVdsObject *members; IUnknown *unknown; IVdsAsync *async; VDS_ASYNC_OUTPUT out;
    WCHAR name[] = u"embedded", everybody[] = u"*";
    HRESULT hr;
    ULONG n;

    check(argc == 3 ? vds_inproc_configure(&options) : E_INVALIDARG);
    check(CoInitializeEx(NULL, COINIT_MULTITHREADED));
    check(CoCreateInstance(&CLSID_VdsLoader, NULL, CLSCTX_INPROC_SERVER, &IID_IVdsServiceLoader, (void **)&loader));
    check(IVdsServiceLoader_LoadService(loader, NULL, &service));
    FIRST(IVdsService_QueryProviders(service, VDS_QUERY_HARDWARE_PROVIDERS, &members), IVdsHwProvider, &provider);
    FIRST(IVdsHwProvider_QuerySubSystems(provider, &members), IVdsSubSystemIscsi, &array);
    FIRST(IVdsSubSystemIscsi_QueryPortals(array, &members), IVdsIscsiPortal, &portal);
    check(IVdsIscsiPortal_GetProperties(portal, &portal_prop));
    check(IVdsSubSystemIscsi_QueryInterface(array, &IID_IVdsSubSystemEx, (void **)&array_ex));
    MADE(IVdsSubSystemIscsi_CreateTarget(array, NULL, name, &async), IVdsIscsiTarget, &target);
    MADE(IVdsSubSystemEx_CreateLunEx(array_ex, 64 << 20, FALSE, NULL, 0, everybody, name, &async), IVdsLunIscsi, &lun);
    check(IVdsIscsiTarget_GetProperties(target, &target_prop));
    check(IVdsLunIscsi_AssociateTargets(lun, &target_prop.id, 1));
    MADE(IVdsIscsiTarget_CreatePortalGroup(target, &async), IVdsIscsiPortalGroup, &group);
    WAIT(IVdsIscsiPortalGroup_AddPortal(group, portal_prop.id, &async)); /* done: initiators can log in */
    puts("serving");
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    vds_inproc_stop();
    return 0;
}
