/* SPDX-License-Identifier: MIT */
/* What libvds adds to COM and VDS: the sentence behind a failure, and the array inside one's own process. */
#ifndef VDS_VDSCLIENT_H
#define VDS_VDSCLIENT_H

#include <vds/vdsbase.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The sentence that goes with the last failure on this thread (which object, why, what to do), in UTF-8; "" when there is none. It came
 * from the service, if the failure did. Valid until this thread's next call into the library. */
VDS_API const char *vds_error_text(void);

/* Sets it, for a program that hands a failure on from one thread to another. NULL clears. */
VDS_API void vds_set_error_text(const char *text);

/* "VDS_E_OBJECT_DELETED", "S_FALSE"; a code without a name is "0x80070062". Valid until this thread's next call of it. */
VDS_API const char *vds_hresult_name(HRESULT hr);

/* The array inside this process: how it is made when the first LoadService() of a loader from CLSCTX_INPROC_SERVER asks for it. Zero or
 * NULL is the default. What the pointers name must stay until the array has started. */
typedef struct _VDS_INPROC_OPTIONS {
    const char *pszStateDirectory;    /* where the array lives; made when missing. Default: VDS_STATE in the environment */
    const char *const *ppszPortals;   /* "ADDR[:PORT]", "[V6]:PORT"; default: every address of this host, port 3260 */
    ULONG ulNumberOfPortals;
    const char *const *ppszDrives;    /* folders for LUN data; default: drive0 in the state directory */
    ULONG ulNumberOfDrives;
    ULONG ulReactors;                 /* I/O threads; default: one per CPU */
    ULONG ulDrainSeconds;             /* default: 15 */
    ULONG ulMaxGroups;                /* portal groups of a target; default: 65535 */
} VDS_INPROC_OPTIONS;

/* VDS_E_ALREADY_REGISTERED once the array runs. */
VDS_API HRESULT vds_inproc_configure(const VDS_INPROC_OPTIONS *options);
/* Ends the array of this process; objects still held answer that it is gone. Happens by itself at exit. */
VDS_API void vds_inproc_stop(void);

/* Makes the loader for CLSCTX_INPROC_SERVER: an IVdsServiceLoader, or what else `riid` asks of it. Registered by the library that holds
 * the array (NULL takes it away again). */
typedef HRESULT (*vds_inproc_factory)(REFIID riid, void **ppv);
VDS_API void vds_register_inproc(vds_inproc_factory factory);

/* The service at the other end of a connected stream (a socket handed over, a tunnel), which is taken over in any case. What
 * LoadService() does once it has one. *ppService is an IVdsService. */
VDS_API HRESULT vds_connect_fd(int fd, void **ppService);

/* Copies bytes between the two descriptors and the service's socket until either side ends: the far end of LoadService(u"host").
 * 0, or -errno. */
VDS_API int vds_bridge(int in_fd, int out_fd);

#ifdef __cplusplus
}
#endif

#endif
