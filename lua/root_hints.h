/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* root_hints: where resolving starts when nobody says otherwise: the thirteen root servers. */

#include "resolver/config.h"

void lu_root_hints(struct rs_hints *hints);
