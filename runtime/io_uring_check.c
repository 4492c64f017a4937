/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "runtime/io_uring_internal.h"

/* What we submit. Everything but the flags of the ring is older than Linux 6.0. */
static const int ops_needed[] = {
    IORING_OP_ACCEPT,  IORING_OP_ASYNC_CANCEL, IORING_OP_CLOSE,   IORING_OP_CONNECT,
    IORING_OP_FSYNC,   IORING_OP_MSG_RING,     IORING_OP_OPENAT,  IORING_OP_PROVIDE_BUFFERS,
    IORING_OP_READ,    IORING_OP_RECV,         IORING_OP_RECVMSG, IORING_OP_RENAMEAT,
    IORING_OP_SENDMSG, IORING_OP_WRITE,
};

/* The first line of a file that begins with `prefix`, after it, as a number; -1 without one. */
static int number_in(const char *path, const char *prefix)
{
    char line[256];
    int number = -1;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return -1;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, prefix, strlen(prefix)) == 0) {
            if (sscanf(line + strlen(prefix), "%d", &number) != 1) {
                number = -1;
            }
            break;
        }
    }
    fclose(file);
    return number;
}

static void explain_denied(char *why, size_t size)
{
    int sysctl = number_in("/proc/sys/kernel/io_uring_disabled", "");
    if (sysctl == 2) {
        snprintf(why, size,
                 "io_uring is switched off on this host (kernel.io_uring_disabled=2): run "
                 "\"sysctl kernel.io_uring_disabled=0\" and make it permanent in /etc/sysctl.d");
    } else if (sysctl == 1) {
        snprintf(why, size,
                 "io_uring is reserved to a group on this host (kernel.io_uring_disabled=1): add "
                 "this user to the group in kernel.io_uring_group, or run \"sysctl "
                 "kernel.io_uring_disabled=0\"");
    } else if (number_in("/proc/self/status", "Seccomp:") == 2) {
        snprintf(why, size,
                 "io_uring is forbidden by a seccomp filter (Docker's default profile does that): "
                 "start the container with a profile that allows io_uring_setup, io_uring_enter "
                 "and io_uring_register");
    } else {
        snprintf(why, size,
                 "io_uring is forbidden to this process by a security module of the system: allow "
                 "io_uring_setup, io_uring_enter and io_uring_register");
    }
}

rt_status uring_explain(int error, char *why, size_t size)
{
    struct utsname system = {0};
    (void)uname(&system);
    switch (error) {
    case EPERM:
    case EACCES:
        explain_denied(why, size);
        return RT_DENIED;
    case ENOMEM:
        snprintf(why, size,
                 "not enough locked memory for io_uring: raise RLIMIT_MEMLOCK (\"ulimit -l\", or "
                 "LimitMEMLOCK= in the systemd unit) to 64 MiB or more");
        return RT_NO_MEMORY;
    case EMFILE:
    case ENFILE:
        snprintf(why, size,
                 "no file descriptor left for io_uring: raise the limit of open files (\"ulimit "
                 "-n\", or LimitNOFILE= in the systemd unit)");
        return RT_FULL;
    default: /* ENOSYS: no io_uring at all. EINVAL: a flag that this kernel does not know. */
        snprintf(why, size,
                 "io_uring of Linux 6.1 or later is needed, this is %s %s (%s): use a newer "
                 "kernel, or if it is new enough, one built with CONFIG_IO_URING",
                 system.sysname, system.release, strerror(error));
        return RT_UNSUPPORTED;
    }
}

static int first_missing_op(struct io_uring *ring)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    int missing = -1;
    for (size_t i = 0; probe != NULL && i < RT_ARRAY_COUNT(ops_needed); i++) {
        if (!io_uring_opcode_supported(probe, ops_needed[i])) {
            missing = ops_needed[i];
            break;
        }
    }
    io_uring_free_probe(probe);
    return missing;
}

rt_status rt_io_uring_check(char *why, size_t size)
{
    struct io_uring ring;
    int error = uring_ring_open_patiently(&ring, 8, 16);
    if (error != 0) {
        return uring_explain(error, why, size);
    }
    int missing = first_missing_op(&ring);
    io_uring_queue_exit(&ring);
    if (missing >= 0) {
        snprintf(why, size,
                 "this kernel's io_uring lacks or forbids operation %d: Linux 6.1 or later without "
                 "restrictions is needed",
                 missing);
        return RT_UNSUPPORTED;
    }
    return RT_OK;
}
