// SPDX-License-Identifier: MIT
/* The word by which a forked child is recognised, and how a child is settled; see child.h. */
#include "os/child.h"

#include "os/sys.h"
#include "os/syscall.h"
#include "os/thread.h"

#define WORD_SIZE PN_PAGE_SIZE

static const uint32_t before_start = PN_CHILD_SETTLED;
const uint32_t *pn_child_word = &before_start;

/* The word; the next word contains the process ID. */
static uint32_t *word;
static void (*settle)(void);

bool pn_child_start(void (*function)(void))
{
	uint32_t *made = pn_sys_table(WORD_SIZE);

	if (!made)
		return false;
	if (!pn_sys_wipe_on_fork(made, WORD_SIZE)) {
		pn_sys_unmap(made, WORD_SIZE);
		return false;
	}
	made[0] = PN_CHILD_SETTLED;
	made[1] = (uint32_t)pn_syscall(SYS_getpid);
	word = made;
	settle = function;
	__atomic_store_n(&pn_child_word, made, __ATOMIC_RELEASE);
	return true;
}

bool pn_child_settle(void)
{
	uint32_t state = PN_CHILD_NEW;

	if (!pn_child_is_new())
		return true;
	if (pn_lock_thread.held)
		return false;
	if (__atomic_compare_exchange_n(word, &state, PN_CHILD_SETTLING, false, __ATOMIC_ACQUIRE,
					__ATOMIC_ACQUIRE)) {
		word[1] = (uint32_t)pn_syscall(SYS_getpid);
		settle();
		__atomic_store_n(word, PN_CHILD_SETTLED, __ATOMIC_RELEASE);
		pn_sys_wake(word, INT32_MAX);
	}
	while (pn_child_is_new())
		pn_sys_wait(word, PN_CHILD_SETTLING);
	return true;
}

bool pn_child_shares_memory(void)
{
	return word && !pn_child_is_new() && word[1] != (uint32_t)pn_syscall(SYS_getpid);
}
