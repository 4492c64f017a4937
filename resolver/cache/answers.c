/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/cache/answers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/base/clock.h"

/* Memory: all tag lines, then all slots. A probe that misses touches one cache line; a hit touches
 * the slot besides. 16 bits of tag let one probe in 8000 look at a slot in vain; the whole question
 * is compared there. */
enum { WAYS = 8, USES_MAX = 3, LINE_BYTES = 64 };

enum mark { MARK_USED = 1, MARK_DNSSEC_OK = 2, MARK_CD = 4 };

struct tags {
    uint32_t ends_s[WAYS]; /* on the monotonic clock, rounded up: a hint for choosing a victim */
    uint16_t tags[WAYS];
    uint8_t marks[WAYS]; /* enum mark; 0: the way is empty */
    uint8_t uses[WAYS];  /* 0..USES_MAX */
} __attribute__((aligned(LINE_BYTES)));

struct slot {
    uint8_t bytes[RS_ANSWER_SLOT_BYTES];
} __attribute__((aligned(LINE_BYTES)));

_Static_assert(sizeof(struct tags) == LINE_BYTES, "one cache line for a set");
_Static_assert(sizeof(struct slot) == RS_ANSWER_SLOT_BYTES, "slots are whole lines");

struct rs_answers {
    struct rt_siphash_key key;
    uint64_t sets_count;
    size_t memory_bytes;
    struct tags *tags;
    struct slot *slots;
};

rt_status rs_answers_open(struct rs_answers **out, uint64_t memory_bytes,
                          const struct rt_siphash_key *key)
{
    const size_t set_bytes = sizeof(struct tags) + WAYS * sizeof(struct slot);
    struct rs_answers *answers = calloc(1, sizeof(*answers));
    if (answers == NULL) {
        return RT_NO_MEMORY;
    }
    answers->key = *key;
    answers->sets_count = memory_bytes / set_bytes > 0 ? memory_bytes / set_bytes : 1;
    answers->memory_bytes = answers->sets_count * set_bytes;
    void *memory = mmap(NULL, answers->memory_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        free(answers);
        return RT_NO_MEMORY;
    }
    /* A probe goes to a random page: without huge pages most of them miss the TLB too. */
    (void)madvise(memory, answers->memory_bytes, MADV_HUGEPAGE);
    answers->tags = memory;
    answers->slots = (struct slot *)(void *)(answers->tags + answers->sets_count);
    *out = answers;
    return RT_OK;
}

bool rs_answers_populate(const struct rs_answers *answers, size_t *at)
{
    const size_t step = 2 << 20;
    size_t left = answers->memory_bytes - *at;
    if (left == 0) {
        return false;
    }
    size_t size = left < step ? left : step;
    (void)madvise((uint8_t *)answers->tags + *at, size, MADV_POPULATE_WRITE);
    *at += size;
    return true;
}

void rs_answers_close(struct rs_answers *answers)
{
    if (answers != NULL) {
        (void)munmap(answers->tags, answers->memory_bytes);
        free(answers);
    }
}

void rs_answers_clear(struct rs_answers *answers)
{
    memset(answers->tags, 0, answers->sets_count * sizeof(struct tags));
}

/* SipHash and not something faster: the names come from strangers, who must not be able to choose
 * which set they fall into. */
struct rs_answer_key rs_answers_key(const struct rs_answers *answers, const uint8_t *name,
                                    size_t name_size, uint16_t type, uint16_t class,
                                    bool is_dnssec_ok, bool is_cd)
{
    uint8_t bytes[RS_NAME_BYTES_MAX + 5];
    RT_CHECK(name_size <= RS_NAME_BYTES_MAX);
    memcpy(bytes, name, name_size);
    uint8_t *at = bytes + name_size;
    *at++ = (uint8_t)(type >> 8);
    *at++ = (uint8_t)type;
    *at++ = (uint8_t)(class >> 8);
    *at++ = (uint8_t) class;
    *at++ = (uint8_t)((is_dnssec_ok ? MARK_DNSSEC_OK : 0) | (is_cd ? MARK_CD : 0));
    return (struct rs_answer_key){
        .hash = rt_siphash(&answers->key, bytes, (size_t)(at - bytes)),
        .class = class,
    };
}

/* The upper bits choose the set, evenly for any number of sets; the lower ones are the tag. */
static uint64_t set_of(const struct rs_answers *answers, struct rs_answer_key key)
{
    return (uint64_t)((unsigned __int128)key.hash * answers->sets_count >> 64);
}

void rs_answers_prefetch(const struct rs_answers *answers, struct rs_answer_key key)
{
    __builtin_prefetch(&answers->tags[set_of(answers, key)], 0, 3);
}

static struct rs_answer *answer_at(const struct rs_answers *answers, uint64_t set, unsigned way)
{
    return (struct rs_answer *)(void *)answers->slots[set * WAYS + way].bytes;
}

static const uint8_t *question_of(const struct rs_answer *answer)
{
    return (const uint8_t *)(answer + 1) + sizeof(uint16_t) * answer->ttls_count;
}

/* Name, type and class as they stand in the message: name in lower case. */
static bool is_answer_to(const struct rs_answer *answer, const uint8_t *name, size_t name_size,
                         uint16_t type, uint16_t class)
{
    const uint8_t *question = question_of(answer);
    if (answer->question_size != name_size + 4 || memcmp(question, name, name_size) != 0) {
        return false;
    }
    const uint8_t *end = question + name_size;
    return (end[0] << 8 | end[1]) == type && (end[2] << 8 | end[3]) == class;
}

static uint8_t marks_of(bool is_dnssec_ok, bool is_cd)
{
    return (uint8_t)(MARK_USED | (is_dnssec_ok ? MARK_DNSSEC_OK : 0) | (is_cd ? MARK_CD : 0));
}

/* The way that holds the answer to this question, fresh or not; WAYS: none. */
static unsigned find(const struct rs_answers *answers, uint64_t set, struct rs_answer_key key,
                     const uint8_t *name, size_t name_size, uint16_t type, uint8_t marks)
{
    const struct tags *tags = &answers->tags[set];
    for (unsigned way = 0; way < WAYS; way++) {
        if (tags->tags[way] == (uint16_t)key.hash && tags->marks[way] == marks &&
            is_answer_to(answer_at(answers, set, way), name, name_size, type, key.class)) {
            return way;
        }
    }
    return WAYS;
}

const struct rs_answer *rs_answers_get(struct rs_answers *answers, struct rs_answer_key key,
                                       const uint8_t *name, size_t name_size, uint16_t type,
                                       bool is_dnssec_ok, bool is_cd, uint64_t now_ns)
{
    uint64_t set = set_of(answers, key);
    struct tags *tags = &answers->tags[set];
    unsigned way = find(answers, set, key, name, name_size, type, marks_of(is_dnssec_ok, is_cd));
    if (way == WAYS) {
        return NULL;
    }
    const struct rs_answer *answer = answer_at(answers, set, way);
    if (!rs_answer_is_fresh(answer, now_ns)) {
        tags->marks[way] = 0;
        return NULL;
    }
    if (tags->uses[way] < USES_MAX) {
        tags->uses[way]++; /* a popular answer stops dirtying the line */
    }
    return answer;
}

/* An empty way, else a dead one, else the least used; then the others of the set grow older by what
 * the victim had left, so that what was popular once has to be asked for again. */
static unsigned choose(struct tags *tags, uint64_t hash, uint64_t now_ns)
{
    unsigned first = (unsigned)(hash >> 16) % WAYS, victim = first;
    for (unsigned i = 0; i < WAYS; i++) {
        unsigned way = (first + i) % WAYS;
        if (tags->marks[way] == 0 || tags->ends_s[way] <= now_ns / RT_NS_PER_S) {
            return way;
        }
        if (tags->uses[way] < tags->uses[victim]) {
            victim = way;
        }
    }
    uint8_t least = tags->uses[victim];
    for (unsigned way = 0; way < WAYS; way++) {
        tags->uses[way] = (uint8_t)(tags->uses[way] - least);
    }
    return victim;
}

static uint32_t end_s(const struct rs_answer *answer)
{
    uint64_t end = answer->made_ns / RT_NS_PER_S + answer->ttl_s + 1;
    return end > UINT32_MAX ? UINT32_MAX : (uint32_t)end;
}

void rs_answers_put(struct rs_answers *answers, struct rs_answer_key key,
                    const struct rs_answer *answer, bool is_dnssec_ok, bool is_cd, uint64_t now_ns)
{
    RT_CHECK(answer->magic == rs_answer_MAGIC);
    if ((answer->flags & RS_ANSWER_UNCACHED) != 0 || answer->size > RS_ANSWER_SLOT_BYTES ||
        !rs_answer_is_fresh(answer, now_ns)) {
        return; /* RFC1123-6.1.2.1: a TTL of 0 serves those who wait, and nobody after them. */
    }
    RT_CHECK(answer->question_size > 4 && answer->question_size <= answer->body_size);
    const uint8_t *name = question_of(answer);
    size_t name_size = answer->question_size - 4u;
    uint16_t type = (uint16_t)(name[name_size] << 8 | name[name_size + 1]);
    uint8_t marks = marks_of(is_dnssec_ok, is_cd);

    uint64_t set = set_of(answers, key);
    struct tags *tags = &answers->tags[set];
    unsigned way = find(answers, set, key, name, name_size, type, marks);
    if (way == WAYS) {
        way = choose(tags, key.hash, now_ns);
        tags->uses[way] = 1;
    }
    memcpy(answer_at(answers, set, way), answer, answer->size);
    tags->tags[way] = (uint16_t)key.hash;
    tags->marks[way] = marks;
    tags->ends_s[way] = end_s(answer);
}
