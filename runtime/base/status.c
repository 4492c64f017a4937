/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/base/status.h"

const char *rt_status_text(rt_status status)
{
    static const char *const texts[] = {
#define X(name, text) [name] = text,
        RT_STATUSES(X)
#undef X
    };
    if ((unsigned)status >= RT_STATUS_COUNT) {
        return "unknown status";
    }
    return texts[status];
}
