/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/services.h"

/* The low bits choose a shard elsewhere, with another key; here any bits do. */
unsigned services_home(const struct cast *cast, const uint8_t *name, size_t name_size)
{
    RT_CHECK(cast->workers_count > 0);
    return (unsigned)(rt_siphash(&cast->home_key, name, name_size) % cast->workers_count);
}
