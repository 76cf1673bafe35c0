// SPDX-License-Identifier: MIT
/*
 * A driver of the kernel's own tree can import a pool's dma-buf: vgem attaches it, maps it for its
 * device, keeps it after the pool is gone, and exports it again.
 */
#include "guest.h"

/* From the kernel's drm/drm.h, which Debian ships with libdrm only. */
struct drm_prime_handle {
	uint32_t handle;
	uint32_t flags;
	int32_t fd;
};

#define DRM_IOCTL_PRIME_FD_TO_HANDLE _IOWR('d', 0x2e, struct drm_prime_handle)
#define DRM_IOCTL_PRIME_HANDLE_TO_FD _IOWR('d', 0x2d, struct drm_prime_handle)

#define SLOTS 2UL
#define LENGTH (SLOTS * CHUNK)

static int open_card(void)
{
	char path[64];
	int fd;

	for (int i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	test_skip("this kernel has no vgem");
}

int main(void)
{
	unsigned long base = used_chunks();
	int card = open_card(), fd = open_pool();
	struct pinned_mem_export export = { .size = sizeof(export), .count = SLOTS };
	struct drm_prime_handle handle = { 0 };
	char *at, *seen;

	WORKS(populate(fd, 0, SLOTS, NULL));
	at = map_slots(fd, 0, SLOTS);
	fill(at, LENGTH, 1);
	WORKS(ioctl(fd, PINNED_MEM_IOC_EXPORT, &export));
	handle.fd = export.fd;
	WORKS(ioctl(card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &handle));
	close(export.fd);
	WORKS(munmap(at, LENGTH));
	close(fd);
	EQUAL(used_chunks(), base + SLOTS);
	handle.fd = -1;
	handle.flags = O_CLOEXEC | O_RDWR;
	WORKS(ioctl(card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &handle));
	seen = mmap(NULL, LENGTH, RW, MAP_SHARED, handle.fd, 0);
	CHECK(seen != MAP_FAILED);
	FILLED(seen, LENGTH, 1);
	fill(seen, LENGTH, 2);
	FILLED(seen, LENGTH, 2);
	WORKS(munmap(seen, LENGTH));
	close(handle.fd);
	EQUAL(used_chunks(), base + SLOTS);
	close(card);
	COMES_TO_USE(base);
	return 0;
}
