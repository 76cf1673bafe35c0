// SPDX-License-Identifier: MIT
/* The start of the heap of a real-time program; see realtime.h. */
#include "front/realtime.h"

#include <errno.h>

#include "chunk/idle.h"
#include "chunk/slots.h"
#include "os/meta.h"
#include "os/sys.h"

/*
 * The memory for records: a part of the memory for objects, and some more. The records of slabs
 * with objects of 16 bytes need a thirteenth of the objects' memory, and those of larger objects
 * need less. Threads' caches need the rest.
 */
#define PART_OF_RECORDS 8
#define MORE_RECORDS ((size_t)4 << 20)

/* Takes all chunks as one run, and makes them idle. Return: 0 or ENOMEM. */
static int obtain(size_t count)
{
	struct pn_slot_run run = { .count = count, .alignment = 1, .is_raw = true };

	if (!pn_slots_take(&pn_heap, &run))
		return ENOMEM;
	pn_slots_give_raw(run.first, run.count);
	return 0;
}

int pn_realtime_start(size_t bytes)
{
	int err = ENOMEM;

	pn_heap.is_realtime = true;
	if (pn_meta_reserve(bytes / PART_OF_RECORDS + MORE_RECORDS))
		err = obtain(bytes / PN_CHUNK_SIZE + !!(bytes % PN_CHUNK_SIZE));
	if (!err) {
		pn_sys_stop_clock();
		return 0;
	}
	pn_heap.is_realtime = false;
	pn_idle_purge(&pn_heap);
	return err;
}
