/* SPDX-License-Identifier: MIT */
/* IVdsSubSystemCountersEx: what sessions and LUNs have done, as the engine counts it (scsi/counters.h). */
#include "provider/subsystem.h"

static void io_fill(const struct scsi_counters *c, VDS_IO_COUNTERS *io)
{
    _Static_assert(sizeof io->ullLatency / sizeof io->ullLatency[0] == SCSI_LATENCY_BUCKETS, "one histogram");
    io->ullReads = c->n[SCSI_READS];
    io->ullWrites = c->n[SCSI_WRITES];
    io->ullOthers = c->n[SCSI_OTHERS];
    io->ullErrors = c->n[SCSI_ERRORS];
    io->ullBytesRead = c->n[SCSI_BYTES_READ];
    io->ullBytesWritten = c->n[SCSI_BYTES_WRITTEN];
    io->ullLatencyInNs = c->n[SCSI_LATENCY_NS];
    for (unsigned i = 0; i < SCSI_LATENCY_BUCKETS; i++)
        io->ullLatency[i] = c->n[SCSI_LATENCY_FIRST + i];
}

static HRESULT session_rows(const struct engine_session *sessions, size_t n, VDS_SESSION_COUNTERS **ret_rows)
{
    VDS_SESSION_COUNTERS *rows = com_task_calloc(n, sizeof *rows);

    if (!rows)
        return E_OUTOFMEMORY;
    for (size_t i = 0; i < n; i++) {
        rows[i].ullSessionId = sessions[i].id;
        rows[i].ulTasks = sessions[i].facts.tasks;
        io_fill(&sessions[i].counters, &rows[i].io);
    }
    *ret_rows = rows;
    return S_OK;
}

static HRESULT lun_rows(const struct engine_lu_counters *units, size_t n, VDS_LUN_COUNTERS **ret_rows)
{
    VDS_LUN_COUNTERS *rows = com_task_calloc(n, sizeof *rows);

    if (!rows)
        return E_OUTOFMEMORY;
    for (size_t i = 0; i < n; i++) {
        rows[i].lunId = com_GUID(&units[i].id);
        io_fill(&units[i].counters, &rows[i].io);
    }
    *ret_rows = rows;
    return S_OK;
}

/* What both methods begin with: clears the outputs, and asks nobody while the array may not be what it
 * seems. */
static HRESULT begin(IVdsSubSystemCountersEx *face, void *ret_rows, ULONG *ret_n, ULONGLONG *ret_time_ns,
                     struct provider **ret_inside)
{
    struct array_subsystem_info info;

    if (ret_rows)
        memset(ret_rows, 0, sizeof(void *));
    if (ret_n)
        *ret_n = 0;
    if (ret_time_ns)
        *ret_time_ns = 0;
    if (!ret_rows || !ret_n || !ret_time_ns)
        return E_INVALIDARG;
    return provider_subsystem_get(container_of(face, struct subsystem, counters), ret_inside, &info);
}

HRESULT subsystem_QuerySessionCounters(IVdsSubSystemCountersEx *face, VDS_SESSION_COUNTERS **ret_rows,
                                       ULONG *ret_n, ULONGLONG *ret_time_ns)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(freep) struct engine_session *sessions = NULL;
    size_t n = 0;
    HRESULT hr = begin(face, ret_rows, ret_n, ret_time_ns, &inside);

    if (FAILED(hr))
        return hr;
    if (engine_session_list(array_engine(inside->config.array), &sessions, &n) < 0)
        return E_OUTOFMEMORY;
    if (n > 0)
        hr = session_rows(sessions, n, ret_rows);
    if (FAILED(hr))
        return hr;
    *ret_n = (ULONG)n;
    *ret_time_ns = provider_now_ns();
    return S_OK;
}

HRESULT subsystem_QueryLunCounters(IVdsSubSystemCountersEx *face, VDS_LUN_COUNTERS **ret_rows, ULONG *ret_n,
                                   ULONGLONG *ret_time_ns)
{
    _cleanup_(provider_leave) struct provider *inside = NULL;
    _cleanup_(freep) struct engine_lu_counters *units = NULL;
    size_t n = 0;
    HRESULT hr = begin(face, ret_rows, ret_n, ret_time_ns, &inside);

    if (FAILED(hr))
        return hr;
    if (engine_lu_counters(array_engine(inside->config.array), &units, &n) < 0)
        return E_OUTOFMEMORY;
    if (n > 0)
        hr = lun_rows(units, n, ret_rows);
    if (FAILED(hr))
        return hr;
    *ret_n = (ULONG)n;
    *ret_time_ns = provider_now_ns();
    return S_OK;
}
