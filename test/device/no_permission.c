// SPDX-License-Identifier: MIT
/*
 * Protects the device from users who may not open it, and those users from surprises: outside the
 * group they get ENOMEM instead of pinned memory, and the driver holds nothing for them. `auto`
 * falls back to a backend that works, and reports which one it uses (Faults A36, B7).
 */
#include <sys/stat.h>

#include "guest.h"
#include "pinned.h"

static void without_permission(void *arg)
{
	WORKS(setgid(65534));
	WORKS(setuid(65534));
	WORKS(setenv("PINNED_CONF", arg, 1));
	errno = 0;
	if (strcmp(arg, "backend:device")) {
		CHECK(!strcmp(pinned_backend(), "anon"));
		CHECK(pinned_malloc(100));
		return;
	}
	CHECK(!pinned_malloc(100));
	EQUAL(errno, ENOMEM);
	CHECK(!strcmp(pinned_backend(), "none"));
	CHECK(!pinned_owns(arg));
	EQUAL(pinned_v2p(arg), PINNED_NO_PHYS);
	EQUAL(pinned_purge(), 0);
}

int main(void)
{
	struct stat st;

	WORKS(stat(PINNED_MEM_DEVICE, &st));
	EQUAL(st.st_mode & 0777, 0660);
	ENDED_WELL(spawn(without_permission, "backend:device"));
	ENDED_WELL(spawn(without_permission, "backend:auto"));
	EQUAL(used_chunks(), 0);
	return 0;
}
