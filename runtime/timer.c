/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/timer.h"

#include <stdlib.h>

enum { DIGIT_BITS = 6 };
_Static_assert(RT_TIMER_SLOTS == 1 << DIGIT_BITS, "one slot for each value of a digit");
_Static_assert(UINT64_MAX / 1000000 < UINT64_C(1) << (DIGIT_BITS * RT_TIMER_LEVELS),
               "every tick has a level");

struct rt_timer_entry {
    struct rt_node in_slot, in_owner;
    struct rt_timer_entry *next_free;
    struct rt_timer_owner *owner; /* NULL: free */
    uint64_t tick, cookie;
    uint32_t generation;
    uint8_t level, slot;
};

rt_status rt_timers_open(struct rt_timers *timers, uint32_t count)
{
    *timers = (struct rt_timers){.count = count};
    timers->entries = malloc(count * sizeof(struct rt_timer_entry));
    return timers->entries != NULL ? RT_OK : RT_NO_MEMORY;
}

void rt_timers_close(struct rt_timers *timers)
{
    free(timers->entries);
    timers->entries = NULL;
}

static struct rt_timer_entry *entry_take(struct rt_timers *timers)
{
    struct rt_timer_entry *entry = timers->free;
    if (entry != NULL) {
        timers->free = entry->next_free;
    } else if (timers->touched < timers->count) {
        entry = &timers->entries[timers->touched++];
        *entry = (struct rt_timer_entry){0};
    } else {
        return NULL;
    }
    timers->in_use++;
    return entry;
}

static unsigned level_of(uint64_t wheel_tick, uint64_t tick)
{
    uint64_t differs = wheel_tick ^ tick;
    return differs == 0 ? 0 : (63 - (unsigned)__builtin_clzll(differs)) / DIGIT_BITS;
}

static void file_entry(struct rt_timers *timers, struct rt_timer_entry *entry)
{
    RT_CHECK(entry->tick >= timers->tick);
    unsigned level = level_of(timers->tick, entry->tick);
    unsigned slot = (entry->tick >> (level * DIGIT_BITS)) & (RT_TIMER_SLOTS - 1);
    RT_CHECK(level < RT_TIMER_LEVELS);

    entry->level = (uint8_t)level;
    entry->slot = (uint8_t)slot;
    rt_list_append(&timers->levels[level].slots[slot], &entry->in_slot);
    timers->levels[level].occupied |= UINT64_C(1) << slot;
    timers->occupied_levels |= 1U << level;
}

static void unfile_entry(struct rt_timers *timers, struct rt_timer_entry *entry)
{
    struct rt_timer_level *level = &timers->levels[entry->level];
    struct rt_list *slot = &level->slots[entry->slot];
    rt_list_remove(slot, &entry->in_slot);
    if (rt_list_is_empty(slot)) {
        level->occupied &= ~(UINT64_C(1) << entry->slot);
        if (level->occupied == 0) {
            timers->occupied_levels &= ~(1U << entry->level);
        }
    }
}

static void entry_free(struct rt_timers *timers, struct rt_timer_entry *entry)
{
    unfile_entry(timers, entry);
    rt_list_remove(&entry->owner->timers, &entry->in_owner);
    entry->owner = NULL;
    entry->generation++; /* From now on its old handle means nothing. */
    entry->next_free = timers->free;
    timers->free = entry;
    timers->in_use--;
}

rt_timer rt_timers_start(struct rt_timers *timers, struct rt_timer_owner *owner, uint64_t now_ns,
                         uint64_t delay_ns, uint64_t cookie)
{
    struct rt_timer_entry *entry = entry_take(timers);
    if (entry == NULL) {
        return 0;
    }
    uint64_t due_ns;
    if (__builtin_add_overflow(now_ns, delay_ns, &due_ns) || due_ns > UINT64_MAX - RT_NS_PER_MS) {
        due_ns = UINT64_MAX - RT_NS_PER_MS;
    }
    uint64_t tick = (due_ns + RT_NS_PER_MS - 1) / RT_NS_PER_MS;
    uint64_t soonest = now_ns / RT_NS_PER_MS + 1;
    if (soonest < timers->tick) {
        soonest = timers->tick;
    }
    entry->tick = tick > soonest ? tick : soonest;
    entry->cookie = cookie;
    entry->owner = owner;
    file_entry(timers, entry);
    rt_list_append(&owner->timers, &entry->in_owner);
    return (uint64_t)entry->generation << 32 | ((uint64_t)(entry - timers->entries) + 1);
}

bool rt_timers_cancel(struct rt_timers *timers, const struct rt_timer_owner *owner, rt_timer timer)
{
    uint64_t number = timer & UINT32_MAX;
    if (number == 0 || number > timers->touched) {
        return false;
    }
    struct rt_timer_entry *entry = &timers->entries[number - 1];
    if (entry->owner != owner || entry->generation != timer >> 32) {
        return false;
    }
    entry_free(timers, entry);
    return true;
}

void rt_timers_drop(struct rt_timers *timers, struct rt_timer_owner *owner)
{
    while (!rt_list_is_empty(&owner->timers)) {
        entry_free(timers, rt_container(owner->timers.first, struct rt_timer_entry, in_owner));
    }
}

/* The slot that comes up next; false without a timer. */
static bool next_slot(const struct rt_timers *timers, unsigned *level, unsigned *slot,
                      uint64_t *tick)
{
    if (timers->occupied_levels == 0) {
        return false;
    }
    *level = (unsigned)__builtin_ctz(timers->occupied_levels);
    *slot = (unsigned)__builtin_ctzll(timers->levels[*level].occupied);
    unsigned shift = *level * DIGIT_BITS;
    uint64_t above = timers->tick >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS);
    *tick = above | (uint64_t)*slot << shift;
    return true;
}

/* Moves the timers of a slot that has come up to lower levels. */
static void move_down(struct rt_timers *timers, unsigned level, unsigned slot)
{
    struct rt_list moving = timers->levels[level].slots[slot];
    timers->levels[level].slots[slot] = (struct rt_list){0};
    timers->levels[level].occupied &= ~(UINT64_C(1) << slot);
    if (timers->levels[level].occupied == 0) {
        timers->occupied_levels &= ~(1U << level);
    }
    for (struct rt_node *node; (node = rt_list_take(&moving)) != NULL;) {
        struct rt_timer_entry *entry = rt_container(node, struct rt_timer_entry, in_slot);
        file_entry(timers, entry);
        RT_CHECK(entry->level < level);
    }
}

bool rt_timers_take_due(struct rt_timers *timers, uint64_t now_ns, struct rt_timer_owner **owner,
                        uint64_t *cookie)
{
    uint64_t now_tick = now_ns / RT_NS_PER_MS;
    unsigned level, slot;
    uint64_t tick;

    while (next_slot(timers, &level, &slot, &tick) && tick <= now_tick) {
        timers->tick = tick; /* No timer is due before: next_slot finds the earliest. */
        if (level > 0) {
            move_down(timers, level, slot);
            continue;
        }
        struct rt_timer_entry *entry =
            rt_container(timers->levels[0].slots[slot].first, struct rt_timer_entry, in_slot);
        RT_CHECK(entry->tick == tick);
        *owner = entry->owner;
        *cookie = entry->cookie;
        entry_free(timers, entry);
        return true;
    }
    /* Nothing waits between here and now, so the digits above each filed timer's level stay the
     * same and its place stays right. */
    if (now_tick > timers->tick) {
        timers->tick = now_tick;
    }
    return false;
}

uint64_t rt_timers_next_ns(const struct rt_timers *timers)
{
    unsigned level, slot;
    uint64_t tick;
    return next_slot(timers, &level, &slot, &tick) ? tick * RT_NS_PER_MS : UINT64_MAX;
}
