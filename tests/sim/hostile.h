/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* hostile: authorities that answer so as to make a resolver work, for themselves or against a
 * bystander. Each is a published attack or a composition of two. */

#include "tests/sim/sim.h"

enum sim_hostility {
    SIM_NXNS,       /* a referral to `width` name servers without glue, in the victim's zone */
    SIM_NXNS_ALIAS, /* an alias to such a referral, which leads to an alias to another ... */
    SIM_ENDLESS,    /* each label deeper is delegated once more (CVE-2014-8500) */
    SIM_ENDLESS_GLUELESS, /* and each time to name servers whose own zones never end either */
    SIM_CYCLE,            /* two zones, each with all its name servers in the other */
    SIM_CNAME_CHAIN,      /* an alias of an alias of an alias ..., for ever */
    SIM_CNAME_LOOP,       /* back to the first */
    SIM_DNAME_GROW,       /* a DNAME that points below itself: names grow until they burst */
    SIM_DEAD_MANY,        /* `width` name servers with glue, all dead */
    SIM_LAME_MANY,        /* `width` name servers with glue, all lame */
    SIM_NS_TO_ALIAS,      /* name servers whose names are aliases */
    SIM_SELF_GLUE,        /* name servers at loopback, multicast and the resolver itself */
    SIM_HOSTILITIES,
};

#define SIM_HOSTILE_VICTIM "5.66.0.1"

struct sim_hostile;
struct sim_hostile *sim_hostile_new(struct sim *sim, enum sim_hostility hostility, unsigned width);
void sim_hostile_free(struct sim_hostile *hostile);
const char *sim_hostile_name(const struct sim_hostile *hostile); /* to be asked, type A */
