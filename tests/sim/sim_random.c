/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/liar.h"
#include "tests/sim/test.h"

/* Ports and IDs of what we send upstream, as somebody sees them who runs a server and wants to
 * guess the next ones (security.md A1, A4, A5). */

enum {
    PORT_MIN = 1024,
    PORTS = 65536 - PORT_MIN,
    BINS = 256,
    WORKERS = 3,
    PAIRS = 20480,
};

struct recorded {
    struct sim *sim;
    unsigned count;
    uint16_t ports[PAIRS], ids[PAIRS];
    uint8_t worker[PAIRS];
};

static void record_pair(void *arg, const struct sim_authority_question *question, uint64_t number)
{
    struct recorded *recorded = arg;
    const struct sim_name *name = &question->message->name;
    (void)number;

    if (question->query->is_tcp || recorded->count == PAIRS) {
        return;
    }
    recorded->ports[recorded->count] = question->query->peer.port;
    recorded->ids[recorded->count] = question->message->id;
    recorded->worker[recorded->count] =
        (uint8_t)services_home(troupe_cast(sim_troupe(recorded->sim)), name->wire, name->size);
    recorded->count++;
}

/* Wilson and Hilferty: chi-square over BINS as a standard normal number. */
static double chi_square_z(const unsigned bins[BINS], unsigned count)
{
    double expected = (double)count / BINS, sum = 0, df = BINS - 1;

    for (unsigned i = 0; i < BINS; i++) {
        sum += (bins[i] - expected) * (bins[i] - expected) / expected;
    }
    return (cbrt(sum / df) - (1 - 2 / (9 * df))) / sqrt(2 / (9 * df));
}

static unsigned bin_of_port(uint16_t port)
{
    return (unsigned)(port - PORT_MIN) * BINS / PORTS;
}

/* z of the chi-square of one worker's (-1: everybody's) ports, IDs' low or high bytes. */
static double z_of(const struct recorded *recorded, int worker, unsigned what)
{
    unsigned bins[BINS] = {0}, count = 0;

    for (unsigned i = 0; i < recorded->count; i++) {
        if (worker >= 0 && recorded->worker[i] != worker) {
            continue;
        }
        unsigned bin = what == 0   ? bin_of_port(recorded->ports[i])
                       : what == 1 ? recorded->ids[i] & 0xFFu
                                   : recorded->ids[i] >> 8;
        bins[bin]++;
        count++;
    }
    return chi_square_z(bins, count);
}

static double serial_correlation(const uint16_t *values, unsigned count)
{
    double mean = 0, square = 0, product = 0;

    for (unsigned i = 0; i < count; i++) {
        mean += values[i] / (double)count;
    }
    for (unsigned i = 0; i + 1 < count; i++) {
        product += (values[i] - mean) * (values[i + 1] - mean);
        square += (values[i] - mean) * (values[i] - mean);
    }
    return product / square;
}

/* Two-sample Kolmogorov-Smirnov: the largest distance times the root of the effective count. */
static double ks_of_workers(const struct recorded *recorded, int a, int b)
{
    unsigned bins[2][BINS] = {{0}}, counts[2] = {0};
    double sums[2] = {0}, worst = 0;

    for (unsigned i = 0; i < recorded->count; i++) {
        if (recorded->worker[i] == a || recorded->worker[i] == b) {
            unsigned side = recorded->worker[i] == b;
            bins[side][bin_of_port(recorded->ports[i])]++;
            counts[side]++;
        }
    }
    for (unsigned i = 0; i < BINS; i++) {
        sums[0] += bins[0][i] / (double)counts[0];
        sums[1] += bins[1][i] / (double)counts[1];
        worst = fmax(worst, fabs(sums[0] - sums[1]));
    }
    return worst * sqrt((double)counts[0] * counts[1] / (counts[0] + counts[1]));
}

/* What a uniform draw of `count` would leave of different values, in thousandths of what is here.
 */
static unsigned coverage_permille(const struct recorded *recorded, int worker)
{
    static uint8_t seen[65536];
    unsigned count = 0, distinct = 0;

    memset(seen, 0, sizeof(seen));
    for (unsigned i = 0; i < recorded->count; i++) {
        if (worker < 0 || recorded->worker[i] == worker) {
            distinct += seen[recorded->ports[i]] == 0;
            seen[recorded->ports[i]] = 1;
            count++;
        }
    }
    double expected = PORTS * (1 - exp(-(double)count / PORTS));
    return (unsigned)(distinct * 1000.0 / expected);
}

static void judge_worker(const struct recorded *recorded, int worker)
{
    uint16_t least = UINT16_MAX, most = 0;

    for (unsigned i = 0; i < recorded->count; i++) {
        if (worker < 0 || recorded->worker[i] == worker) {
            least = recorded->ports[i] < least ? recorded->ports[i] : least;
            most = recorded->ports[i] > most ? recorded->ports[i] : most;
        }
    }
    EXPECT_NUMBERS(least, >=, PORT_MIN);
    EXPECT_NUMBERS(least, <, 1500); /* the kernel's own range begins at 32768 */
    EXPECT_NUMBERS(most, >, 65000);
    EXPECT_NUMBERS(coverage_permille(recorded, worker), >=, 950);
}

static void ignore(void *arg, const struct rt_addr *peer, const struct rt_addr *local,
                   const uint8_t *data, uint32_t size)
{
    (void)arg;
    (void)peer;
    (void)local;
    (void)data;
    (void)size;
}

/* New names from one socket until enough has been seen: a client for each would cost more time than
 * all the rest. */
static void ask_many(struct recorded *recorded)
{
    static const struct sim_udp_ops ops = {.datagram = ignore};
    struct sim_net *net = sim_network(recorded->sim);
    struct rt_addr client, home = sim_resolver_addr(recorded->sim, 4);
    struct sim_udp *udp = NULL;
    uint8_t wire[64];
    char text[32];

    RT_CHECK(rt_addr_parse("10.0.9.9", 4444, &client) == RT_OK);
    sim_net_claim(net, &client, SIM_SIDE_CLIENT);
    rt_status status = sim_udp_open(net, &client, NULL, true, &ops, NULL, &udp);
    RT_CHECK(status == RT_OK);
    sim_start(recorded->sim);
    for (unsigned i = 0; recorded->count < PAIRS && i < 2 * PAIRS; i++) {
        struct sim_writer writer;
        snprintf(text, sizeof(text), "n%u.example.", i);
        struct sim_name name = sim_name(text);
        sim_write_begin(&writer, wire, sizeof(wire), (uint16_t)i, SIM_RD, &name, RS_A, RS_IN);
        sim_net_send(net, &client, &home, wire, writer.size);
        if (i % 16 == 15) {
            sim_run(recorded->sim, 1);
        }
    }
    EXPECT_NUMBERS(recorded->count, ==, PAIRS);
    sim_udp_close(udp);
}

/* RFC5452-9.2: ports from all of 1024-65535 and IDs from all of 16 bits, uniform, independent of
 * each other and of the one before, from every core alike (CVE-2026-50252: a range for each thread
 * is worth less). Limits so wide that chance alone reaches them once in 10^9 runs; that it is
 * beyond p = 0.001 no oftener than so is judged over all runs. */
SIM_TEST_RARE(random_ports, 50)
{
    static struct recorded recorded;
    struct sim *sim = sim_new(&(struct sim_options){.seed = seed, .cores = WORKERS});
    memset(&recorded, 0, sizeof(recorded));
    recorded.sim = sim;
    sim_serve(sim, "5.0.0.1", ".",
              "@ NS ns.\nns. A 5.0.0.1\nexample. NS ns.example.\nns.example. A 5.0.0.2");
    struct liar *liar = liar_open(sim, "5.0.0.2", 0, record_pair, &recorded);
    sim_authority_serve(liar_authority(liar),
                        sim_zone(sim, "example.", "@ NS ns\nns A 5.0.0.2\n* 1 A 192.0.2.80"));

    ask_many(&recorded);

    for (int worker = -1; worker < WORKERS; worker++) {
        judge_worker(&recorded, worker);
        for (unsigned what = 0; what < 3; what++) {
            EXPECT(z_of(&recorded, worker, what) < 6);
        }
    }
    double serial_ports = fabs(serial_correlation(recorded.ports, PAIRS));
    double serial_ids = fabs(serial_correlation(recorded.ids, PAIRS));
    EXPECT(serial_ports < 0.043 && serial_ids < 0.043); /* 6 / sqrt(PAIRS) */
    EXPECT(ks_of_workers(&recorded, 0, 1) < 3.3 && ks_of_workers(&recorded, 1, 2) < 3.3);
    sim_population("random_ports at p > 0.001",
                   z_of(&recorded, -1, 0) < 3.1 && z_of(&recorded, -1, 1) < 3.1 &&
                       z_of(&recorded, -1, 2) < 3.1 && serial_ports < 0.023 && serial_ids < 0.023,
                   1, 98);
    liar_close(liar);
    sim_free(sim);
}
