// SPDX-License-Identifier: MIT
/*
 * If an allocation fails while another driver uses a program's memory, the other driver gets an
 * error, the program keeps its memory, and no reference is left. Each allocation fails once: when
 * the driver attaches a dma-buf, maps it for a device or for itself, and when it uses the program's
 * addresses (Faults A12, A29, A32, A45).
 */
#include "nth.h"

#include "vendor_sample.h"

#define LENGTH 64

static int vendor, buf;

static void have_buf(void)
{
	struct pinned_mem_export request = { .size = sizeof(request), .count = NTH_FILLED };

	WORKS(ioctl(nth.fd, PINNED_MEM_IOC_EXPORT, &request));
	buf = request.fd;
}

static void close_buf(void)
{
	close(buf);
}

/* Lets the device read from the end of one chunk and the beginning of the next. */
static int by_buf(unsigned long cmd)
{
	struct vendor_request request = {
		.fd = buf,
		.addr = CHUNK - LENGTH / 2,
		.length = LENGTH,
	};

	return nth_error_of(ioctl(vendor, cmd, &request));
}

static int do_import(void)
{
	return by_buf(VENDOR_IOC_IMPORT_DMA);
}

static int do_vmap(void)
{
	return by_buf(VENDOR_IOC_IMPORT_SUM);
}

static int do_map_buf(void)
{
	char *seen = mmap(NULL, NTH_FILLED * CHUNK, RW, MAP_SHARED, buf, 0);

	if (seen == MAP_FAILED)
		return errno;
	EQUAL(signal_of_read(seen), 0);
	EQUAL(signal_of_read(seen + CHUNK + NTH_PAGE_STEP * PAGE), 0);
	/* This call may be the one that fails; the second attempt works. */
	if (munmap(seen, NTH_FILLED * CHUNK))
		WORKS(munmap(seen, NTH_FILLED * CHUNK));
	return 0;
}

static int by_address(unsigned long cmd)
{
	struct vendor_request request = {
		.addr = (uintptr_t)nth.at + CHUNK - LENGTH / 2,
		.length = LENGTH,
	};

	return nth_error_of(ioctl(vendor, cmd, &request));
}

static int do_dma(void)
{
	return by_address(VENDOR_IOC_DMA);
}

static int do_hold(void)
{
	return by_address(VENDOR_IOC_HOLD);
}

static void release(void)
{
	WORKS(ioctl(vendor, VENDOR_IOC_RELEASE));
}

/* Holds memory, whose slots are then punched; the release comes later. */
static int do_hold_and_punch(void)
{
	int error = do_hold();

	if (!error)
		error = nth_error_of(punch(nth.fd, 0, NTH_FILLED));
	/* If only the punch failed, it must have changed nothing. */
	return error;
}

static const struct nth_operation operations[] = {
	{ "dma-buf: attach and map", do_import, have_buf, close_buf, 0 },
	{ "dma-buf: vmap", do_vmap, have_buf, close_buf, 0 },
	{ "dma-buf: mmap and touch", do_map_buf, have_buf, close_buf, 0 },
	{ "transfer by address", do_dma, NULL, NULL, 0 },
	{ "hold by address", do_hold, NULL, release, 0 },
	{ "hold and punch", do_hold_and_punch, NULL, release, 0 },
};

int main(void)
{
	nth_begin();
	WORKS(load_module_file("/modules/vendor_sample.ko"));
	vendor = WORKS(open(VENDOR_DEVICE, O_RDWR | O_CLOEXEC));
	nth_try_all(operations, sizeof(operations) / sizeof(*operations));
	close(vendor);
	WORKS(unload_module_named("vendor_sample"));
	nth_end();
	return 0;
}
