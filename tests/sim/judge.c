/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/judge.h"

#include <string.h>

enum { TTL_S_FLOOR = 5 }; /* RS_TTL_S_MIN: a smaller TTL may be raised to this. */

/* Form first: what every reply must be, whatever it says. NULL: fine. */
static const char *form_fault(const struct sim_question *question,
                              const struct sim_message *message)
{
    if (message == NULL) {
        return "not a DNS message";
    }
    if (message->id != question->id || (message->flags & SIM_QR) == 0) {
        return "not a reply to this question";
    }
    if (question->ask.wire != NULL) {
        return NULL; /* The rest compares with a question that we wrote ourselves. */
    }
    if (message->question_count != 1 || message->type != question->ask.type ||
        !sim_name_equal(&message->name, &question->name)) {
        return "another question in the reply";
    }
    if (!sim_name_equal(&message->name_as_sent, &question->name_as_sent)) {
        return "the letters of the question have changed";
    }
    if ((message->flags & SIM_RA) == 0 || (message->flags & SIM_AA) != 0) {
        return "RA is missing, or AA is set";
    }
    if (message->has_edns != !question->ask.no_edns) {
        return "OPT without one in the question, or the reverse"; /* RFC6891-7 */
    }
    return NULL;
}

static const struct sim_record *find_record(const struct sim_found *truth,
                                            const struct sim_record *record)
{
    for (unsigned i = 0; i < truth->records.count; i++) {
        const struct sim_record *at = &truth->records.items[i];
        if (at->section == 0 && sim_record_equal(at, record)) {
            return at;
        }
    }
    return NULL;
}

/* The answer section and the truth are the same set, and no TTL has grown. */
static const char *content_fault(const struct sim_found *truth, const struct sim_message *message)
{
    unsigned count = 0, wanted = 0;

    if (message->rcode != truth->rcode) {
        return "another rcode";
    }
    for (unsigned i = 0; i < message->records.count; i++) {
        const struct sim_record *record = &message->records.items[i];
        if (record->section != 0) {
            continue;
        }
        const struct sim_record *same = find_record(truth, record);
        if (same == NULL) {
            return "a record that is not true";
        }
        if (record->ttl_s > same->ttl_s && record->ttl_s > TTL_S_FLOOR) {
            return "a TTL that grew";
        }
        count++;
    }
    for (unsigned i = 0; i < truth->records.count; i++) {
        wanted += truth->records.items[i].section == 0;
    }
    return count == wanted ? NULL : "records are missing, or there twice";
}

enum sim_verdict sim_judge(const struct sim_question *question, const struct sim_message *message,
                           const char **why)
{
    *why = form_fault(question, message);
    if (*why != NULL) {
        return SIM_WRONG;
    }
    if (message->rcode == RS_SERVFAIL || message->rcode == RS_REFUSED) {
        *why = "SERVFAIL or REFUSED";
        return SIM_FAILED;
    }
    if (question->ask.truth == NULL) {
        return SIM_UNJUDGED;
    }
    *why = content_fault(question->ask.truth, message);
    return *why == NULL ? SIM_RIGHT : SIM_WRONG;
}
