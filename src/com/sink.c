/* SPDX-License-Identifier: MIT */
/* What a sink is told when it could not be told the rest. */
#include "com/com.h"

bool com_sink_missed(IVdsAdviseSink *sink)
{
    VDS_NOTIFICATION *list = com_task_calloc(1, sizeof *list);

    if (!list)
        return false;
    list->objectType = VDS_NTT_SERVICE;
    list->Service.ulEvent = VDS_NF_SERVICE_OUT_OF_SYNC;
    list->Service.action = VDS_RA_REFRESH;
    IVdsAdviseSink_OnNotify(sink, 1, list);
    return true;
}
