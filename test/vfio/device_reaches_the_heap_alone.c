// SPDX-License-Identifier: MIT
/*
 * Protects what an IOMMU is there for. An unprivileged user's device transfers memory of the user's
 * heap, in small and large objects and across chunk boundaries, on each backend (hugetlb needs
 * physical addresses, so the user is root there). The IOMMU blocks and reports all other accesses:
 * to memory that is not pinned, to freed memory that the heap has given back, to a destroyed heap's
 * memory, and after detaching to any memory.
 */
#include "user.h"

static bool is_roots;

static void move_objects(struct edu *edu, const struct pinned_device *device)
{
	static const size_t sizes[] = { 1, 37, 4000, 70000, 5000000 };
	char *result = pinned_malloc(EDU_TRANSFER_MAX);

	for (size_t i = 0; i < 5; i++) {
		size_t len = sizes[i] < EDU_TRANSFER_MAX ? sizes[i] : EDU_TRANSFER_MAX;
		char *object = pinned_malloc(sizes[i]);

		CHECK(object && (is_roots || pinned_v2p(object) == PINNED_NO_PHYS));
		fill(object, sizes[i], i + 1);
		through_the_device(edu, device, object, result, len);
		through_the_device(edu, device, object + sizes[i] - len, result, len);
		/* A large object is contiguous for the device, across chunks. */
		for (size_t at = CHUNK - 100; at + len < sizes[i]; at += CHUNK)
			through_the_device(edu, device, object + at, result, len);
		pinned_free(object);
	}
	pinned_free(result);
}

static void block_what_was_given_back(struct edu *edu, const struct pinned_device *device,
				      char *scratch)
{
	char *object = pinned_malloc(3 * CHUNK);
	const struct pinned_heap_options options = {
		.size = sizeof(options),
		.memory_type = strcmp(pinned_backend(), "device") ? PINNED_MEMORY_COHERENT
								  : PINNED_MEMORY_UNCACHED,
	};
	struct pinned_heap *heap = pinned_heap_create(&options);
	char *other = pinned_heap_malloc(heap, 1000);
	uint64_t freed = pinned_dma_addr(device, object), gone = pinned_dma_addr(device, other);

	CHECK(freed != PINNED_NO_DMA && gone != PINNED_NO_DMA);
	fill(other, 1000, 4);
	through_the_device(edu, device, other, scratch, 1000);
	pinned_free(object);
	CHECK(pinned_purge() >= 3 * CHUNK);
	EQUAL(pinned_dma_addr(device, object), PINNED_NO_DMA);
	WORKS(pinned_heap_destroy(heap));
	blocked(edu, device, freed + CHUNK, NULL, scratch);
	blocked(edu, device, gone, NULL, scratch);
}

static void as_user(void *arg)
{
	char stack[64], *scratch, *ordinary;
	struct pinned_device *device;
	struct edu *edu;
	uint64_t address;

	(void)arg;
	if (!is_roots)
		become_user();
	scratch = pinned_malloc(EDU_TRANSFER_MAX);
	ordinary = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fill(ordinary, PAGE, 7);
	memset(stack, 0x55, sizeof(stack));
	edu = open_attached(&device);
	move_objects(edu, device);
	EQUAL(pinned_dma_addr(device, stack), PINNED_NO_DMA);
	/* Gives the device virtual addresses, as a faulty driver might. */
	blocked(edu, device, (uintptr_t)ordinary & 0xffffffffff, ordinary, scratch);
	blocked(edu, device, 0x1000, NULL, scratch);
	block_what_was_given_back(edu, device, scratch);
	address = pinned_dma_addr(device, scratch);
	fill(scratch, 64, 9);
	WORKS(pinned_device_detach(device));
	write_until_reported(edu, address);
	FILLED(scratch, 64, 9);
	edu_close(edu);
	pinned_free(scratch);
	print_result(pinned_backend());
}

int main(int argc, char **argv)
{
	char configuration[64];

	CHECK(argc == 2);
	snprintf(configuration, sizeof(configuration), "backend:%s", argv[1]);
	WORKS(setenv("PINNED_CONF", configuration, 1));
	is_roots = !strcmp(argv[1], "hugetlb");
	if (is_roots)
		WORKS(write_text("/proc/sys/vm/nr_hugepages", "32"));
	give_edu();
	ENDED_WELL(spawn(as_user, NULL));
	if (is_roots)
		WORKS(write_text("/proc/sys/vm/nr_hugepages", "0"));
	return 0;
}
