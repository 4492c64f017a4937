/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/liar.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_private.h"

struct liar {
    struct sim *sim;
    struct sim_authority *authority;
    liar_say *say;
    void *arg;
    uint64_t questions, questions_tcp;
};

static void observe(void *arg, const struct sim_authority_question *question)
{
    struct liar *liar = arg;

    sim_observe(liar->sim, question);
    liar->questions++;
    liar->questions_tcp += question->query->is_tcp;
    if (liar->say != NULL) {
        liar->say(liar->arg, question, liar->questions - 1);
    }
}

struct liar *liar_open(struct sim *sim, const char *addrs, unsigned behaviour, liar_say *say,
                       void *arg)
{
    struct liar *liar = calloc(1, sizeof(*liar));
    char words[2048];

    RT_CHECK(liar != NULL && strlen(addrs) < sizeof(words));
    *liar = (struct liar){.sim = sim, .say = say, .arg = arg};
    liar->authority = sim_authority_open(&(struct sim_authority_options){
        .net = sim->net,
        .behaviour = behaviour,
        .observe = observe,
        .observe_arg = liar,
    });
    strcpy(words, addrs);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
        struct rt_addr addr;
        RT_CHECK(rt_addr_parse(word, 53, &addr) == RT_OK);
        sim_authority_listen(liar->authority, &addr);
    }
    return liar;
}

void liar_close(struct liar *liar)
{
    sim_authority_close(liar->authority);
    free(liar);
}

struct sim_authority *liar_authority(struct liar *liar)
{
    return liar->authority;
}

uint64_t liar_questions(const struct liar *liar)
{
    return liar->questions;
}

uint64_t liar_questions_tcp(const struct liar *liar)
{
    return liar->questions_tcp;
}

/* ---- a reply by hand ---- */

struct liar_reply *liar_begin(const struct sim_authority_question *to, uint16_t id, unsigned flags)
{
    static struct liar_reply reply; /* one thread; too large for a stack */

    reply.to = to;
    sim_write_begin(&reply.writer, reply.wire, sizeof(reply.wire), id, (uint16_t)(SIM_QR | flags),
                    &to->message->name_as_sent, to->message->type, to->message->class);
    return &reply;
}

void liar_add(struct liar_reply *reply, unsigned section, const char *format, ...)
{
    char line[2300];
    struct sim_records records = {0};
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    RT_CHECK(sim_record_parse(line, NULL, 300, &records));
    records.items[0].section = (uint8_t)section;
    sim_write_record(&reply->writer, section, &records.items[0]);
    sim_records_free(&records);
}

void liar_opt(struct liar_reply *reply)
{
    sim_write_opt(&reply->writer, 1232, 0, false, NULL, 0);
}

void liar_send(struct liar_reply *reply, uint64_t delay_ns)
{
    sim_server_reply(reply->to->query, reply->wire, reply->writer.size, delay_ns);
}
