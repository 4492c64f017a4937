/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/daemon.h"
#include "actors/services.h"

enum { DNS_PORT = 53 };

static const char usage_text[] =
    "Usage: trouped [OPTION]... [RUNDIR]\n"
    "A recursive, caching DNS resolver.\n"
    "\n"
    "  -a, --addr=ADDR[@PORT]  listen on this address over UDP and TCP (port 53); repeatable\n"
    "  -c, --config=FILE       configuration, relative to RUNDIR (default: config);\n"
    "                          '-': none, and no defaults\n"
    "  -f, --forks=N           cores that resolve (default: one for each CPU)\n"
    "  -n, --noninteractive    no console on the terminal\n"
    "  -q, --quiet             no prompt on the console\n"
    "  -v, --verbose           log what happens in detail\n"
    "  -V, --version           print the version and exit\n"
    "  -h, --help              print this and exit\n"
    "\n"
    "RUNDIR is the working folder: the cache and trace.json live there (default: .).\n"
    "Signals: TERM and INT stop, USR1 writes trace.json, USR2 logs counters and actors.\n";

static const struct option long_options[] = {
    {"addr", required_argument, NULL, 'a'},
    {"config", required_argument, NULL, 'c'},
    {"forks", required_argument, NULL, 'f'},
    {"noninteractive", no_argument, NULL, 'n'},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool read_forks(const char *text, struct daemon_options *out)
{
    char *end;
    long count = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || count < 1 || count > WORKERS_MAX) {
        fprintf(stderr, "trouped: -f: '%s' will not do; give a number from 1 to %d\n", text,
                WORKERS_MAX);
        return false;
    }
    out->workers_count = (unsigned)count;
    return true;
}

static bool read_listen(const char *text, struct daemon_options *out)
{
    struct lu_listen *listen = &out->listens[out->listens_count];

    if (out->listens_count == LU_LISTENS_MAX) {
        fprintf(stderr, "trouped: -a: more than %d addresses; listen on 0.0.0.0 and ::\n",
                LU_LISTENS_MAX);
        return false;
    }
    *listen = (struct lu_listen){.udp = true, .tcp = true};
    if (rt_addr_parse(text, DNS_PORT, &listen->addr) != RT_OK || listen->addr.port == 0) {
        fprintf(stderr,
                "trouped: -a: '%s' is not an address; write 192.0.2.1, 192.0.2.1@5353 or ::1@53\n",
                text);
        return false;
    }
    out->listens_count++;
    return true;
}

static bool read_config(const char *path, struct daemon_options *out)
{
    if (path[0] == '\0') {
        fprintf(stderr, "trouped: -c: no path; give one, or '-' for none\n");
        return false;
    }
    out->has_no_config = strcmp(path, "-") == 0;
    out->config_path = out->has_no_config ? NULL : path;
    return true;
}

/* What is left after the options. */
static bool read_rundir(int argc, char **argv, struct daemon_options *out)
{
    if (argc - optind > 1) {
        fprintf(stderr, "trouped: '%s' is one argument too many; there is one RUNDIR\n",
                argv[optind + 1]);
        return false;
    }
    out->rundir = optind < argc ? argv[optind] : NULL;
    return true;
}

bool daemon_options_read(int argc, char **argv, struct daemon_options *out, int *exit_code)
{
    bool is_good = true;
    int option;

    memset(out, 0, sizeof(*out));
    *exit_code = EXIT_FAILURE;
    optind = 0; /* glibc: start afresh; tests read several command lines */
    while (is_good && (option = getopt_long(argc, argv, "a:c:f:nqvVh", long_options, NULL)) != -1) {
        switch (option) {
        case 'a':
            is_good = read_listen(optarg, out);
            break;
        case 'c':
            is_good = read_config(optarg, out);
            break;
        case 'f':
            is_good = read_forks(optarg, out);
            break;
        case 'n':
            out->is_noninteractive = true;
            break;
        case 'q':
            out->is_quiet = true;
            break;
        case 'v':
            out->is_verbose = true;
            break;
        case 'V':
            printf("troupe %s\n", TROUPE_VERSION);
            *exit_code = EXIT_SUCCESS;
            return false;
        case 'h':
            fputs(usage_text, stdout);
            *exit_code = EXIT_SUCCESS;
            return false;
        default:
            fprintf(stderr, "Try 'trouped --help'.\n"); /* getopt has said what is wrong */
            return false;
        }
    }
    return is_good && read_rundir(argc, argv, out);
}
