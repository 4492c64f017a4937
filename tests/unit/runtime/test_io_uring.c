/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/runtime/io_uring_world.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

/* ---- waiting ---- */

static uint64_t turn_ms(struct world *world, uint64_t deadline_ns)
{
    uint64_t start_ns = world->io->ops->now_ns(world->io);
    (void)rt_core_turn(world->core, deadline_ns);
    return (world->io->ops->now_ns(world->io) - start_ns) / RT_NS_PER_MS;
}

/* The simulator and a busy core rely on it: deadline 0 looks and goes on. */
static void poll_with_deadline_zero_does_not_wait(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    uint64_t start_ns = world.io->ops->now_ns(world.io);
    for (unsigned i = 0; i < 1000; i++) {
        (void)rt_core_turn(world.core, 0);
    }
    assert_true(world.io->ops->now_ns(world.io) - start_ns < 5 * RT_NS_PER_S);
    world_close(&world);
}

/* An idle core sleeps until its deadline: not shorter (that would spin), not for ever. */
static void poll_waits_until_the_deadline_when_nothing_happens(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    step(&world, 0);
    uint64_t before = world.io->counters.syscalls;
    for (unsigned i = 0; i < 3; i++) {
        uint64_t deadline_ns = world.io->ops->now_ns(world.io) + 50 * RT_NS_PER_MS;
        assert_in_range(turn_ms(&world, deadline_ns), 45, 2000);
    }
    assert_true(world.io->counters.syscalls - before <= 12);
    assert_true(turn_ms(&world, world.io->ops->now_ns(world.io) - 1) < 1000); /* passed already */
    world_close(&world);
}

struct waker {
    struct world *world;
    unsigned delay_ms;
};

static void *wake_later(void *arg)
{
    const struct waker *waker = arg;
    const struct timespec delay = {.tv_nsec = waker->delay_ms * (long)RT_NS_PER_MS};
    nanosleep(&delay, NULL);
    waker->world->io->ops->wake(waker->world->io, 0);
    return NULL;
}

/* Signals, the console and any other thread must reach a core that sleeps without an end. */
static void foreign_thread_wakes_a_sleeping_core(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    for (unsigned i = 0; i < 20; i++) {
        struct waker waker = {.world = &world, .delay_ms = i % 4 * 5};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, wake_later, &waker), 0);
        assert_true(turn_ms(&world, UINT64_MAX) < 2000);
        pthread_join(thread, NULL);
    }
    world_close(&world);
}

/* ---- two cores ---- */

enum { PING = 1, ROUNDS = 2000 };

struct ping {
    struct rt_msg head;
};

struct player {
    rt_ref other;
    bool begins;
    unsigned rounds;
    _Atomic unsigned *finished;
};

static void ping(struct rt_ctx *ctx, struct player *player)
{
    struct ping message = {.head = RT_MSG_INIT(PING, struct ping)};
    assert_int_equal(rt_send(ctx, player->other, &message.head), RT_OK);
}

static rt_status player_start(struct rt_ctx *ctx, void *state, const void *args)
{
    struct player *player = *(struct player **)state = *(struct player *const *)args;
    if (player->begins) {
        ping(ctx, player);
    }
    return RT_OK;
}

static void player_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    struct player *player = *(struct player **)state;
    assert_int_equal(msg->type, PING);
    player->rounds++;
    if (player->rounds <= ROUNDS) {
        ping(ctx, player);
    }
    if (player->rounds == ROUNDS) {
        atomic_fetch_add(player->finished, 1);
    }
}

static const struct rt_actor_type player_type = {
    .name = "player",
    .state_size = sizeof(struct player *),
    .actors_max = 1,
    .mailbox_cap = 8,
    .msg_name = actor_msg_name,
    .start = player_start,
    .receive = player_receive,
};

static void *run_core(void *core)
{
    rt_core_run(core);
    return NULL;
}

static void wait_for(_Atomic unsigned *counter, unsigned value)
{
    const struct timespec pause = {.tv_nsec = (long)RT_NS_PER_MS};
    for (unsigned ms = 0; atomic_load(counter) < value; ms++) {
        assert_true(ms < PATIENCE_MS);
        nanosleep(&pause, NULL);
    }
}

/* Each ball finds the other core asleep: one lost wake-up, and the game stands still. No timer
 * would save it. Then rt_core_stop must get both out of their sleep. */
static void cores_wake_each_other_and_stop_when_told(void **state)
{
    (void)state;
    const struct rt_machine_options options = {
        .cores_count = 2,
        .bufs = {.small_count = 4, .large_count = 1, .huge_count = 1},
        .arena_small_count = 2,
        .arena_large_count = 1,
        .msgs_per_core = 64,
        .timers_per_core = 64,
    };
    struct rt_machine *machine;
    assert_int_equal(rt_machine_open(&machine, &options), RT_OK);
    static _Atomic unsigned finished;
    struct player players[2] = {{.begins = true, .finished = &finished}, {.finished = &finished}};
    struct player *args[2] = {&players[0], &players[1]};
    rt_ref refs[2];
    pthread_t threads[2];
    for (unsigned i = 0; i < 2; i++) {
        struct rt_core *core = rt_machine_core(machine, i);
        struct rt_io *io;
        assert_int_equal(rt_io_uring_open(&io, core, i, NULL), RT_OK);
        rt_core_attach(core, io, NULL);
        assert_int_equal(rt_core_cast(core, &player_type, &args[i], RT_REF_NONE, &refs[i]), RT_OK);
    }
    players[0].other = refs[1];
    players[1].other = refs[0];
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_core, rt_machine_core(machine, i)),
                         0);
    }
    wait_for(&finished, 2);
    for (unsigned i = 0; i < 2; i++) {
        rt_core_stop(rt_machine_core(machine, i));
        pthread_join(threads[i], NULL);
    }
    rt_machine_close(machine);
}

/* ---- randomness and clocks ---- */

/* IDs and ports come from here: a repeated block would be a gift to a forger. */
static void random_bytes_are_balanced_and_never_repeat(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    enum { BYTES = 1 << 20 };
    uint8_t *bytes = malloc(BYTES);
    unsigned ones = 0;
    for (size_t at = 0; at < BYTES;) {
        size_t size = 1 + at % 700; /* Over and under the block, and across its border. */
        size = size < BYTES - at ? size : BYTES - at;
        world.io->ops->random(world.io, bytes + at, size);
        at += size;
    }
    for (size_t i = 0; i < BYTES; i++) {
        ones += (unsigned)__builtin_popcount(bytes[i]);
    }
    /* Standard deviation is 1448 of 4,194,304; six of them happen once in 10^9 runs. */
    assert_in_range(ones, BYTES * 4 - 8700, BYTES * 4 + 8700);
    for (size_t i = 0; i + 32 <= BYTES; i += 16) {
        assert_memory_not_equal(bytes + i, bytes + i + 16, 16);
    }
    free(bytes);
    world_close(&world);
}

static void clocks_are_the_systems(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    uint64_t wall_ms = world.io->ops->wall_ms(world.io);
    uint64_t libc_ms = (uint64_t)time(NULL) * RT_MS_PER_S;
    assert_in_range(wall_ms, libc_ms - 2000, libc_ms + 2000);
    uint64_t first_ns = world.io->ops->now_ns(world.io);
    assert_true(world.io->ops->now_ns(world.io) >= first_ns);
    world_close(&world);
}

/* ---- opening ---- */

/* Two rings for one core would steal each other's wake-ups. */
static void core_has_one_ring(void **state)
{
    (void)state;
    struct world world;
    struct rt_io *second;
    world_open(&world, NULL);
    assert_int_equal(rt_io_uring_open(&second, world.core, 0, NULL), RT_IN_USE);
    world_close(&world);
    world_open(&world, NULL); /* Free again. */
    world_close(&world);
}

static void check_is_content_where_the_other_tests_run(void **state)
{
    (void)state;
    char why[256] = "";
    assert_int_equal(rt_io_uring_check(why, sizeof(why)), RT_OK);
    assert_string_equal(why, "");
}

/* What Docker's default profile does: io_uring_setup fails with EPERM. */
static void forbid_io_uring(void)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {RT_ARRAY_COUNT(program), program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        _exit(77);
    }
}

/* Exit code of the child: 0 as expected. */
static int run_forbidden(void)
{
    char why[512] = "";
    forbid_io_uring();
    rt_status status = rt_io_uring_check(why, sizeof(why));
    bool is_clear = strstr(why, "seccomp") != NULL && strstr(why, "io_uring_setup") != NULL &&
                    strchr(why, '\n') == NULL;
    return status == RT_DENIED && is_clear ? 0 : 1;
}

/* An operator whose container forbids io_uring must read what to change, in one line. */
static void seccomp_is_named_together_with_its_remedy(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        _exit(run_forbidden());
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        skip();
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Thousands of sockets do not fit into the usual soft limit: opening raises it. */
static void soft_limit_of_descriptors_is_raised(void **state)
{
    (void)state;
    struct world world;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t soft = limit.rlim_cur;
    limit.rlim_cur = 128;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    world_open(&world, NULL);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, limit.rlim_max);
    limit.rlim_cur = soft;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(poll_with_deadline_zero_does_not_wait),
        cmocka_unit_test(poll_waits_until_the_deadline_when_nothing_happens),
        cmocka_unit_test(foreign_thread_wakes_a_sleeping_core),
        cmocka_unit_test(cores_wake_each_other_and_stop_when_told),
        cmocka_unit_test(random_bytes_are_balanced_and_never_repeat),
        cmocka_unit_test(clocks_are_the_systems),
        cmocka_unit_test(core_has_one_ring),
        cmocka_unit_test(check_is_content_where_the_other_tests_run),
        cmocka_unit_test(seccomp_is_named_together_with_its_remedy),
        cmocka_unit_test(soft_limit_of_descriptors_is_raised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
