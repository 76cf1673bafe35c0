// SPDX-License-Identifier: MIT
/*
 * Protects what the configuration key guard:N promises behind an IOMMU: a device transfers a guarded
 * object as any other. After the object's free, the IOMMU blocks the device's late write, and it
 * blocks a transfer beyond the object's end.
 */
#include "user.h"

#define OBJECT 112
#define MOST 1000

/* Allocates until an object ends with a chunk, after which the device can reach nothing. */
static char *allocate_guarded(const struct pinned_device *device)
{
	for (int i = 0; i < MOST; i++) {
		char *object = pinned_malloc(OBJECT), *end = object + OBJECT;

		CHECK(object);
		if (!((uintptr_t)end % CHUNK) && pinned_dma_addr(device, end) == PINNED_NO_DMA)
			return object;
	}
	return NULL;
}

static void as_user(void *arg)
{
	char *scratch, *object;
	struct pinned_device *device;
	struct edu *edu;

	(void)arg;
	become_user();
	scratch = pinned_malloc(EDU_TRANSFER_MAX);
	edu = open_attached(&device);
	for (int i = 0; i < 3; i++) {
		uint64_t address;

		object = allocate_guarded(device);
		CHECK(object);
		fill(object, OBJECT, (unsigned long)i);
		through_the_device(edu, device, object, scratch, OBJECT);
		address = pinned_dma_addr(device, object);
		blocked(edu, device, address + OBJECT, NULL, scratch);
		pinned_free(object);
		EQUAL(pinned_dma_addr(device, object), PINNED_NO_DMA);
		blocked(edu, device, address, NULL, scratch);
	}
	WORKS(pinned_device_detach(device));
	edu_close(edu);
	pinned_free(scratch);
}

int main(void)
{
	WORKS(setenv("PINNED_CONF", "backend:device,guard:20", 1));
	give_edu();
	ENDED_WELL(spawn(as_user, NULL));
	return 0;
}
