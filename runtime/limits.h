/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Every bound of the actor machine, in one place, with the reason for its value. */

enum {
    RT_CORES_MAX = 65,             /* 64 workers and the control core; a core fits 8 bits of a ref. */
    RT_ACTORS_PER_CORE_MAX = 65536, /* 24 bits of a ref would allow more; memory would not. */
    RT_MSG_BYTES_MAX = 512,        /* A question with its name (255) and its client, with room. */
    RT_MSGS_PER_CORE = 32768,      /* 16 MiB of mailbox room for each core, shared by its actors. */
    RT_TIMERS_PER_CORE = 65536,    /* Two for each query in flight, one for each connection. */
    RT_REMOTE_SLOTS = 2048,        /* Messages under way to one core from all others; power of two. */
    RT_INJECT_SLOTS = 16,          /* From outside the machine: signals arrive even in a flood. */
    RT_TYPES_PER_CORE_MAX = 64,    /* Kinds of actors on one core; the cast has about ten. */
    RT_TURNS_PER_LOOP = 4096,      /* Then the loop looks at the network again. */
    RT_MSGS_PER_TURN = 64,         /* From one mailbox, before the next actor has its turn. */
    RT_DATAGRAM_BATCH = 64,        /* Datagrams in one delivery, and in one send. */
    RT_DATAGRAM_BYTES_MAX = 4096,  /* Longest datagram received whole; we advertise 1232. */
    RT_STREAM_READ_BYTES = 16384,  /* Longest single read of a stream. */
    RT_STREAM_WRITES_MAX = 32,     /* Buffers queued on one stream; then RT_FULL. */
    RT_STREAMS_MAX = 8192,         /* Streams of one core: 4096 clients, and as many upstream. */
    RT_STREAM_LINGER_MS = 2000,    /* What close() leaves queued has this long to go out. */
    RT_STREAM_SEND_BYTES = 256 * 1024, /* SO_SNDBUF: what the kernel keeps for a slow client. */
    RT_STREAM_USER_TIMEOUT_MS = 10000, /* TCP_USER_TIMEOUT: a peer that takes nothing more. */
    RT_ACCEPT_REST_MS = 100,       /* Out of descriptors: accept rests instead of spinning. */
    RT_FILE_OPS_MAX = 8,           /* Files being read or replaced at once by one core. */
    RT_FILE_PATH_MAX = 1024,       /* Longest path, with the suffix of its temporary. */
    RT_URING_ENTRIES = 2048,       /* Submissions between two system calls; more submits early. */
    RT_URING_COMPLETIONS = 16384,  /* A burst on every buffer and socket, without overflow. */
    RT_URING_DATAGRAM_BUFFERS = 512, /* 2 MiB; eight batches, and small enough for the L2 cache. */
    RT_URING_STREAM_BUFFERS = 128, /* 2 MiB; a buffer is taken when bytes come, not before. */
    RT_URING_SEND_SLOTS = 512,     /* Datagrams that wait for the next submission; then directly. */
    RT_IO_HANDLES_MAX = 32768,     /* Sockets of one core, clients and upstream together. */
    RT_TRACE_EVENTS = 8192,        /* Per core; at 64 bytes each 512 KiB. Power of two. */
    RT_RESTARTS_PER_MINUTE_MAX = 10, /* Of one actor; then it rests for what is left of the minute. */
    RT_NAME_BYTES_MAX = 32,        /* Of an actor type, for reports. */
};
