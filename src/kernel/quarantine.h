/* SPDX-License-Identifier: GPL-2.0-only */
/* The quarantine: chunks without a holder in the driver, until they go back to their sources. */
#ifndef PINNED_MEM_QUARANTINE_H
#define PINNED_MEM_QUARANTINE_H

#include <linux/list.h>
#include <linux/types.h>

struct pinned_chunk;
struct pinned_policy;
struct task_struct;

/**
 * struct pinned_request_mark - marks a task that is taking memory from the sources
 * @node:	entry in the list `requests` of quarantine.c
 * @task:	the task
 */
struct pinned_request_mark {
	struct list_head node;
	struct task_struct *task;
};

int pinned_quarantine_init(void);
void pinned_quarantine_exit(void);
unsigned int pinned_quarantine_ms(void);

void pinned_quarantine_return(struct pinned_chunk *chunk);
void pinned_quarantine_begin_request(struct pinned_request_mark *mark);
void pinned_quarantine_end_request(struct pinned_request_mark *mark);
void pinned_quarantine_check_busy(void);
bool pinned_quarantine_wait(unsigned long freed, unsigned long deadline);
unsigned long pinned_quarantine_drain(const struct pinned_policy *policy, unsigned long run,
				      unsigned long count);
unsigned long pinned_quarantine_freed(void);
unsigned long pinned_quarantine_busy(void);

#endif /* PINNED_MEM_QUARANTINE_H */
