// SPDX-License-Identifier: MIT
/*
 * Protects the driver from bad requests: the fuzzer makes a valid request and then sets one of
 * its fields to an invalid value. The driver must refuse the request and change nothing (Faults
 * A8, A9, A33-A35, A37).
 */
#include "requests.h"

/* Request numbers from this one on do not exist. */
#define REQUESTS_MAX 32

static unsigned int spoil_cmd(union argument *arg, unsigned int cmd)
{
	(void)arg;
	return cmd ^ 1U << (8 + fuzz_below(&fuzz.random, 8));
}

static unsigned int spoil_number(union argument *arg, unsigned int cmd)
{
	(void)arg;
	return (cmd & ~0xffU) | (REQUESTS_MAX + fuzz_below(&fuzz.random, 256 - REQUESTS_MAX));
}

static unsigned int spoil_cmd_size(union argument *arg, unsigned int cmd)
{
	(void)arg;
	return cmd ^ (8U << (_IOC_SIZESHIFT + fuzz_below(&fuzz.random, 4)));
}

static unsigned int spoil_size(union argument *arg, unsigned int cmd)
{
	arg->size ^= 1U << fuzz_below(&fuzz.random, 32);
	return cmd;
}

static unsigned int spoil_flags(union argument *arg, unsigned int cmd)
{
	arg->flags |= 1U << (4 + fuzz_below(&fuzz.random, 28));
	return cmd;
}

/* All requests except INFO, PIN and UNPIN have their offset at the same place in the structure. */
static unsigned int spoil_offset(union argument *arg, unsigned int cmd)
{
	if (cmd == PINNED_MEM_IOC_INFO || cmd == PINNED_MEM_IOC_PIN || cmd == PINNED_MEM_IOC_UNPIN)
		return spoil_size(arg, cmd);
	arg->punch.offset |= 1ULL << (50 + fuzz_below(&fuzz.random, 14));
	return cmd;
}

static unsigned int spoil_count(union argument *arg, unsigned int cmd)
{
	if (cmd != PINNED_MEM_IOC_POPULATE && cmd != PINNED_MEM_IOC_PUNCH &&
	    cmd != PINNED_MEM_IOC_EXPORT)
		return spoil_flags(arg, cmd);
	arg->punch.count = fuzz_once_in(&fuzz.random, 2)
				   ? 0
				   : PINNED_MEM_COUNT_MAX + 1 + fuzz_below(&fuzz.random, 1UL << 31);
	return cmd;
}

static unsigned int spoil_all(union argument *arg, unsigned int cmd)
{
	for (size_t i = 4; i < sizeof(arg->bytes); i++)
		arg->bytes[i] = fuzz_next(&fuzz.random);
	return spoil_flags(arg, cmd);
}

static unsigned int (*const spoilers[])(union argument *arg, unsigned int cmd) = {
	spoil_cmd,   spoil_number, spoil_cmd_size, spoil_size,
	spoil_flags, spoil_offset, spoil_count,	   spoil_all,
};

/* Returns an address from which the request cannot be read, or only a part of it. */
static void *bad_address(void)
{
	static const uintptr_t addresses[] = { 0, 8, UINTPTR_MAX - 7, 1UL << 47, 0xffffUL << 48 };

	return (void *)addresses[fuzz_below(&fuzz.random, sizeof(addresses) / sizeof(*addresses))];
}

void step_bad_request(void)
{
	const struct request *request = fuzz_pick_request();
	struct model_pool *pool = fuzz_pick_pool();
	union argument arg = {};
	unsigned int cmd = request->cmd;
	void *at = &arg;

	if (!pool)
		return;
	request->make(pool, &arg);
	if (fuzz_once_in(&fuzz.random, 8))
		at = bad_address();
	else
		cmd = spoilers[fuzz_below(&fuzz.random, sizeof(spoilers) / sizeof(*spoilers))](&arg,
											       cmd);
	if (!ioctl(pool->fd, cmd, at))
		WRONG("bad %s (request %#x): expected an error, got success", request->name, cmd);
	if (errno != EINVAL && errno != E2BIG && errno != EFAULT && errno != ENOTTY &&
	    errno != EPERM)
		WRONG("bad %s (request %#x): expected EINVAL, E2BIG, EFAULT, ENOTTY, EPERM, got %s",
		      request->name, cmd, strerrorname_np(errno));
}
