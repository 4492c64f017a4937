/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/daemon.h"

int main(int argc, char **argv)
{
    struct daemon_options options;
    int exit_code;

    if (!daemon_options_read(argc, argv, &options, &exit_code)) {
        return exit_code;
    }
    return daemon_run(&options);
}
