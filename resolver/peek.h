/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* peek: the OPT record of a message whose other records interest nobody yet: an upstream reply is
 * judged by its cookie (RFC7873-5.3) before it is parsed or believed. */

#include "resolver/message.h"

/* Finds the OPT record among the additional records. False: the message is malformed on the way
 * there, or its OPT is; `out` then says that there is none. True with is_present=false: none. */
bool rs_peek_edns(const uint8_t *wire, size_t size, struct rs_edns *out);
