/* SPDX-License-Identifier: MIT */
/* The host's initiator for the service object: what IVdsServiceIscsi hands out. All of it VDS_E_NOT_SUPPORTED
 * without open-iscsi. */
#ifndef VDS_SERVICE_INITIATOR_H
#define VDS_SERVICE_INITIATOR_H

#include "com/com.h"
#include "service/login.h"

/* The code, with the sentence that says why. */
HRESULT service_not_supported(const char *why);
#define NO_IPSEC "there is no IPsec here: use the host's"

#define ISCSIADM "iscsiadm" /* found on PATH */

HRESULT initiator_installed(void);
HRESULT initiator_name(LPWSTR *ret_name);
/* `service` is asked for targets and portals by id; each object holds a reference to it. */
HRESULT initiator_adapters(IVdsService *service, IEnumVdsObject **ret_enum);
/* For VDS_OT_INIT_ADAPTER and VDS_OT_INIT_PORTAL. */
HRESULT initiator_object(IVdsService *service, const struct guid *id, VDS_OBJECT_TYPE type,
                         IUnknown **ret_object);
/* mutual: what targets prove themselves with; GUID_NULL is every target then. Otherwise what this host proves
 * itself with. */
HRESULT initiator_set_secret(IVdsService *service, VDS_OBJECT_ID target, bool mutual,
                             const VDS_ISCSI_SHARED_SECRET *secret);

/* The iSCSI name behind an id. */
HRESULT initiator_target_name(IVdsService *service, VDS_OBJECT_ID id, char name[static LOGIN_NAME_SIZE]);
/* "address:port" of the target's first portal that is online. VDS_E_ISCSI_LOGIN_FAILED: there is none. */
HRESULT initiator_any_portal(IVdsService *service, VDS_OBJECT_ID target, char *text, size_t n);

#endif
