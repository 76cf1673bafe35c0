// SPDX-License-Identifier: MIT
/* pinned_export(): exports the chunks of a range as a dma-buf. */
#include <errno.h>

#include "api/range.h"
#include "pinned.h"

static int export_range(const struct pn_range *range, int *fd)
{
	size_t first = range->offset >> PN_CHUNK_SHIFT;
	size_t last = (range->offset + range->len - 1) >> PN_CHUNK_SHIFT;

	if (!range->pool.backend->export)
		return EOPNOTSUPP;
	return range->pool.backend->export(&range->pool, first, last - first + 1, fd);
}

int pinned_export(const void *ptr, size_t len, size_t *offset)
{
	struct pn_range range;
	int fd = -1;
	int err = len ? pn_range_find(ptr, len, &range) : EINVAL;

	if (!err)
		err = export_range(&range, &fd);
	if (err) {
		errno = err;
		return -1;
	}
	if (offset)
		*offset = range.offset & PN_CHUNK_MASK;
	return fd;
}
