/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lua/vm.h"

/* The assembler copies each file into the program, so that an installed trouped needs no files of
 * its own. CMake gives LU_SOURCE_DIR and rebuilds this object when one of them changes. */
#define EMBED(symbol, path)                                                                        \
    __asm__(".section .rodata\n"                                                                   \
            ".global lu_embedded_" #symbol "\n"                                                    \
            ".hidden lu_embedded_" #symbol "\n"                                                    \
            ".global lu_embedded_" #symbol "_end\n"                                                \
            ".hidden lu_embedded_" #symbol "_end\n"                                                \
            "lu_embedded_" #symbol ":\n"                                                           \
            ".incbin \"" LU_SOURCE_DIR "/" path "\"\n"                                             \
            "lu_embedded_" #symbol "_end:\n"                                                       \
            ".byte 0\n"                                                                            \
            ".previous\n");                                                                        \
    extern const char lu_embedded_##symbol[] __attribute__((visibility("hidden")));                \
    extern const char lu_embedded_##symbol##_end[] __attribute__((visibility("hidden")));          \
    const struct lu_source lu_source_##symbol = {                                                  \
        .name = "=" path, .begin = lu_embedded_##symbol, .end = lu_embedded_##symbol##_end}

EMBED(prelude, "prelude.lua");
EMBED(policy, "modules/policy.lua");
