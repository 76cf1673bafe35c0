// SPDX-License-Identifier: MIT
/*
 * How much does translation to an I/O address cost? Compares pinned_dma_addr() with pinned_v2p(),
 * for random addresses in ranges of several sizes; each address depends on the previous result. No
 * IOMMU is needed: this program answers the library's requests to VFIO, and both functions only
 * read the library's tables. Prints nanoseconds of CPU time, the least of several rounds, for the
 * loop with a call that does nothing and for the loop with each translation.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <pinned.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "clock.h"

#define COUNT 4000000
#define ROUNDS 7

typedef uint64_t translation(const struct pinned_device *device, const char *ptr);

int __real_pn_sys_ioctl(int fd, unsigned long request, void *argument);
int __wrap_pn_sys_ioctl(int fd, unsigned long request, void *argument);

int __wrap_pn_sys_ioctl(int fd, unsigned long request, void *argument)
{
	switch (request) {
	case VFIO_GET_API_VERSION:
	case VFIO_IOMMU_GET_INFO:
	case VFIO_IOMMU_MAP_DMA:
	case VFIO_IOMMU_UNMAP_DMA:
		return 0;
	}
	return __real_pn_sys_ioctl(fd, request, argument);
}

static uint64_t __attribute__((noinline))
by_nothing(const struct pinned_device *device, const char *ptr)
{
	return (uintptr_t)ptr + (uintptr_t)device;
}

static uint64_t __attribute__((noinline))
by_v2p(const struct pinned_device *device, const char *ptr)
{
	(void)device;
	return pinned_v2p(ptr);
}

static uint64_t __attribute__((noinline))
by_dma_addr(const struct pinned_device *device, const char *ptr)
{
	return pinned_dma_addr(device, ptr);
}

/* Addresses are the top bits of a multiplicative generator, whose state depends on each result. */
static double chase(translation *translate, const struct pinned_device *device, const char *buffer,
		    size_t size)
{
	unsigned int shift = 64 - (unsigned int)__builtin_ctzll(size);
	uint64_t state = 1;
	struct moment begin = now();

	for (size_t i = 0; i < COUNT; i++) {
		uint64_t answer = translate(device, buffer + (state >> shift));

		state = state * UINT64_C(6364136223846793005) + 1442695040888963407 + (answer & 2);
	}
	__asm__ volatile("" : : "r"(state));
	return since(begin, COUNT).cpu;
}

static double least(translation *translate, const struct pinned_device *device, const char *buffer,
		    size_t size)
{
	double best = 1e9;

	for (int i = 0; i < ROUNDS; i++) {
		double all = chase(translate, device, buffer, size);

		if (all < best)
			best = all;
	}
	return best;
}

int main(void)
{
	static const size_t mebibytes[] = { 2, 64, 1024, 16384 };

	for (size_t i = 0; i < 4; i++) {
		size_t size = mebibytes[i] << 20;
		char *buffer = pinned_malloc(size);
		int fd = fileno(stdin);
		struct pinned_device *device = pinned_device_attach(fd, NULL);
		double loop, v2p, dma;

		if (!buffer || !device || pinned_dma_addr(device, buffer) == PINNED_NO_DMA) {
			perror("dma");
			return 1;
		}
		loop = least(by_nothing, device, buffer, size);
		v2p = least(by_v2p, device, buffer, size);
		dma = least(by_dma_addr, device, buffer, size);
		printf("dma size_mib=%zu loop_ns=%.2f pinned_v2p_ns=%.2f pinned_dma_addr_ns=%.2f "
		       "ratio=%.2f\n",
		       mebibytes[i], loop, v2p, dma, dma / v2p);
		pinned_device_detach(device);
		pinned_free(buffer);
	}
	return 0;
}
