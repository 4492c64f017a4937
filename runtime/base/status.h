/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* status: what went wrong with the world, in the few ways a caller can act upon.
 *
 * A wrong program is RT_CHECK's business, a wrong configuration gets a text with file and line.
 * A code joins this list only when some caller does something different because of it. */

#define RT_STATUSES(X)                                                                   \
    X(RT_OK, "done")                                                                     \
    X(RT_FULL, "a bound is reached; shed, or try again after the receiver's next turn")  \
    X(RT_GONE, "the receiver no longer exists")                                          \
    X(RT_NOT_FOUND, "no such thing")                                                     \
    X(RT_MALFORMED, "the bytes do not follow their format")                              \
    X(RT_NO_MEMORY, "a pool, an arena or the system is out of memory")                   \
    X(RT_TIMEOUT, "the deadline passed")                                                 \
    X(RT_REFUSED, "the peer refused the connection or sent an ICMP error")               \
    X(RT_NO_ROUTE, "the network or the address family is not reachable")                 \
    X(RT_RESET, "the peer broke the connection")                                         \
    X(RT_CLOSED, "the peer ended the stream in order")                                   \
    X(RT_IN_USE, "the address or the file belongs to somebody else")                     \
    X(RT_DENIED, "the system does not permit it")                                        \
    X(RT_UNSUPPORTED, "this system cannot do it")                                        \
    X(RT_NO_SPACE, "the disk or the map is full")                                        \
    X(RT_CORRUPT, "stored bytes fail their check")                                       \
    X(RT_IO_ERROR, "any other failure of the system; the log knows more")

typedef enum rt_status {
#define X(name, text) name,
    RT_STATUSES(X)
#undef X
        RT_STATUS_COUNT
} rt_status;

/* A constant text for messages to people; "unknown status" outside the list. */
const char *rt_status_text(rt_status status);
