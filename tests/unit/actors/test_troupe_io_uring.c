/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/troupe.h"
#include "runtime/io_uring.h"

/* The whole cast on real rings and sockets, all cores driven by this thread, so that an actor can
 * be killed between two loop turns. Questions are such that no upstream is needed. */

enum { WORKERS = 2, CORES = WORKERS + 1, CLIENTS = 32, ROUNDS = 5 };

static struct play {
    struct lu_settings settings;
    struct troupe *troupe;
    struct sockaddr_in server;
    bool is_ready, is_drained;
} play;

static struct rt_io *on_io_open(void *arg, struct rt_core *core, unsigned core_index,
                                rt_status *why)
{
    struct rt_io *io = NULL;
    (void)arg;
    *why = rt_io_uring_open(&io, core, core_index, NULL);
    return *why == RT_OK ? io : NULL;
}

static void on_ready(void *arg, rt_status status)
{
    (void)arg;
    assert_int_equal(status, RT_OK);
    play.is_ready = true;
}

static void on_drained(void *arg)
{
    (void)arg;
    play.is_drained = true;
}

static void run(unsigned turns)
{
    for (unsigned i = 0; i < turns; i++) {
        for (unsigned c = 0; c < CORES; c++) {
            struct rt_core *core = rt_machine_core(troupe_machine(play.troupe), c);
            struct rt_io *io = rt_core_io(core);
            (void)rt_core_turn(core, io->ops->now_ns(io) + RT_NS_PER_MS);
        }
    }
}

/* A port that is free for both transports, most likely. */
static void choose_port(void)
{
    socklen_t size = sizeof(play.server);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    play.server = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(bind(fd, (struct sockaddr *)&play.server, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&play.server, &size), 0);
    close(fd);
}

static int open_troupe(void **state)
{
    static const struct troupe_options options = {
        .settings = &play.settings,
        .io_open = on_io_open,
        .on_ready = on_ready,
        .on_drained = on_drained,
        .is_small = true,
    };
    (void)state;
    memset(&play, 0, sizeof(play));
    choose_port();
    lu_settings_init(&play.settings, WORKERS);
    play.settings.resolver.prime = false;
    play.settings.answer_cache_bytes = 1 << 20;
    play.settings.queries_max = 64;
    play.settings.listens_count = 1;
    play.settings.listens[0] = (struct lu_listen){.udp = true, .tcp = true};
    play.settings.listens[0].addr =
        (struct rt_addr){.family = 4, .ip = {127, 0, 0, 1}, .port = ntohs(play.server.sin_port)};
    assert_int_equal(troupe_open(&play.troupe, &options), RT_OK);
    for (unsigned i = 0; i < 1000 && !play.is_ready; i++) {
        run(1);
    }
    assert_true(play.is_ready);
    return 0;
}

static int close_troupe(void **state)
{
    (void)state;
    troupe_stop(play.troupe);
    for (unsigned i = 0; i < 1000 && !play.is_drained; i++) {
        run(1);
    }
    assert_true(play.is_drained);
    troupe_close(play.troupe);
    return 0;
}

/* "version.bind. CH TXT" behind its length: REFUSED without further ado. */
static const uint8_t question[] = {0, 30,  0x12, 0x34, 1,   0,   0,   1,   0,   0,   0,
                                   0, 0,   0,    7,    'v', 'e', 'r', 's', 'i', 'o', 'n',
                                   4, 'b', 'i',  'n',  'd', 0,   0,   16,  0,   3};

static int client(int type)
{
    int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    (void)connect(fd, (struct sockaddr *)&play.server, sizeof(play.server));
    return fd;
}

/* How many of as many clients with a port each, so that every core's socket is met, get an answer
 * within that many loop turns. */
static unsigned served(int type)
{
    int fds[CLIENTS];
    bool is_served[CLIENTS] = {false};
    unsigned count = 0, prefix = type == SOCK_STREAM ? 0 : 2;

    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = client(type);
    }
    run(2);
    for (unsigned i = 0; i < CLIENTS; i++) {
        assert_int_equal(send(fds[i], question + prefix, sizeof(question) - prefix, MSG_NOSIGNAL),
                         sizeof(question) - prefix);
    }
    for (unsigned turn = 0; turn < 100 && count < CLIENTS; turn++) {
        run(1);
        for (unsigned i = 0; i < CLIENTS; i++) {
            uint8_t reply[512];
            if (!is_served[i] && recv(fds[i], reply, sizeof(reply), 0) >= 12) {
                assert_int_equal(reply[5 - prefix] & 15, 5);
                is_served[i] = true;
                count++;
            }
        }
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        close(fds[i]);
    }
    run(2);
    return count;
}

static void kill_listener(const struct rt_actor_info *info, void *arg)
{
    if (strncmp(info->name, "listener_", 9) == 0) {
        rt_ref *refs = arg;
        unsigned at = 0;
        while (refs[at] != RT_REF_NONE) {
            at++;
        }
        refs[at] = info->ref;
    }
}

static void kill_listeners(void)
{
    for (unsigned c = 0; c < WORKERS; c++) {
        struct rt_core *core = rt_machine_core(troupe_machine(play.troupe), c);
        rt_ref refs[8] = {RT_REF_NONE};
        rt_core_actors(core, kill_listener, refs);
        assert_true(refs[0] != RT_REF_NONE && refs[1] != RT_REF_NONE);
        rt_core_kill(core, refs[0]);
        rt_core_kill(core, refs[1]);
    }
}

static unsigned descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

/* Every listener dies and comes back, again and again: each core has its place in the group of
 * SO_REUSEPORT, no socket of a former life takes a share of the questions or stays open. */
static void restarted_listeners_serve_and_leak_nothing(void **state)
{
    (void)state;
    assert_int_equal(served(SOCK_DGRAM), CLIENTS);
    assert_int_equal(served(SOCK_STREAM), CLIENTS);
    unsigned before = descriptors();
    for (unsigned round = 0; round < ROUNDS; round++) {
        kill_listeners();
        run(10);
        assert_int_equal(served(SOCK_DGRAM), CLIENTS);
        assert_int_equal(served(SOCK_STREAM), CLIENTS);
    }
    run(10);
    assert_int_equal(descriptors(), before);
}

/* Connections and questions under way when their listener dies end; none of them hangs. */
static void clients_of_a_killed_listener_are_not_left_hanging(void **state)
{
    (void)state;
    int fds[CLIENTS];
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = client(SOCK_STREAM);
    }
    run(5);
    kill_listeners();
    run(20);
    for (unsigned i = 0; i < CLIENTS; i++) {
        uint8_t reply[512];
        assert_true(recv(fds[i], reply, sizeof(reply), 0) == 0 || errno == ECONNRESET);
        close(fds[i]);
    }
    assert_int_equal(served(SOCK_STREAM), CLIENTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(restarted_listeners_serve_and_leak_nothing, open_troupe,
                                        close_troupe),
        cmocka_unit_test_setup_teardown(clients_of_a_killed_listener_are_not_left_hanging,
                                        open_troupe, close_troupe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
