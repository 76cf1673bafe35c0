// SPDX-License-Identifier: MIT
/*
 * Protects what the configuration key guard promises on the device: there is no memory before and
 * after a large object, nor where one was freed, and a freed object's chunk returns to the driver
 * at once (Faults B34).
 */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

#include "guest.h"
#include "pinned.h"

static sigjmp_buf back;

static void fault(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

static bool is_accessible(volatile char *at)
{
	if (sigsetjmp(back, 1))
		return false;
	(void)*at;
	return true;
}

int main(void)
{
	struct sigaction action = { .sa_handler = fault };
	char *objects[4];
	unsigned long used;

	setenv("PINNED_CONF", "backend:device,guard:1", 1);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	CHECK(pinned_malloc(100));
	for (int i = 0; i < 4; i++) {
		objects[i] = pinned_malloc(2 * CHUNK);
		CHECK(objects[i]);
		fill(objects[i], 2 * CHUNK, (unsigned long)i);
		CHECK(!is_accessible(objects[i] - 1));
		CHECK(!is_accessible(objects[i] + 2 * CHUNK));
	}
	for (int i = 0; i < 4; i++)
		FILLED(objects[i], 2 * CHUNK, (unsigned long)i);
	used = used_chunks();
	pinned_free(objects[1]);
	EQUAL(used_chunks(), used - 2);
	CHECK(!is_accessible(objects[1]));
	CHECK(is_accessible(objects[2]));
	return 0;
}
