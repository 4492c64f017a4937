/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/asker.h"

#include <string.h>

void asker_from_request(struct asker *asker, const struct rs_request *request)
{
    asker->id = request->id;
    asker->type = request->type;
    asker->class = request->class;
    asker->payload = request->edns.is_present ? request->edns.payload : RS_UDP_PLAIN_BYTES;
    asker->flags = (uint8_t)((request->wants_recursion ? ASKER_RD : 0) |
                             (request->is_cd ? ASKER_CD : 0) | (request->wants_ad ? ASKER_AD : 0) |
                             (request->edns.is_dnssec_ok ? ASKER_DO : 0) |
                             (request->edns.is_present ? ASKER_EDNS : 0));
    asker->cookie_size = request->edns.cookie_size >= 8 ? 8 : 0;
    memcpy(asker->cookie, request->edns.cookie, sizeof(asker->cookie));
    asker->name_size = request->name_size;
    memcpy(asker->name, request->name_as_sent, request->name_size);
}

void asker_to_request(const struct asker *asker, struct rs_request *request)
{
    memset(request, 0, sizeof(*request));
    request->id = asker->id;
    request->type = asker->type;
    request->class = asker->class;
    request->wants_recursion = (asker->flags & ASKER_RD) != 0;
    request->is_cd = (asker->flags & ASKER_CD) != 0;
    request->wants_ad = (asker->flags & ASKER_AD) != 0;
    request->has_question = true;
    request->edns.is_present = (asker->flags & ASKER_EDNS) != 0;
    request->edns.is_dnssec_ok = (asker->flags & ASKER_DO) != 0;
    request->edns.payload = asker->payload;
    request->edns.cookie_size = asker->cookie_size;
    memcpy(request->edns.cookie, asker->cookie, sizeof(asker->cookie));
    request->edns.ede = RS_EDE_NONE;
    request->name_as_sent = asker->name;
    request->name_size = asker->name_size;
    memcpy(request->name, asker->name, asker->name_size);
    rs_name_lower(request->name);
    request->labels = (uint8_t)rs_name_labels(request->name);
}
