/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/base/fault.h"

struct rt_fault rt_fault_active;

void rt_fault_set(rt_fault_hook *hook, void *arg)
{
    rt_fault_active = (struct rt_fault){.hook = hook, .arg = arg};
}
