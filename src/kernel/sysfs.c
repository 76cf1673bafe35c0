// SPDX-License-Identifier: GPL-2.0-only
/* /sys/class/misc/pinned_mem: shows, holds no state of its own. */
#include <linux/device.h>
#include <linux/sysfs.h>
#include <uapi/pinned_mem.h>

#include "dev.h"
#include "quota.h"

static ssize_t chunk_size_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", PINNED_MEM_CHUNK_SIZE);
}
static DEVICE_ATTR_RO(chunk_size);

static ssize_t used_chunks_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", pinned_quota_used());
}
static DEVICE_ATTR_RO(used_chunks);

static struct attribute *pinned_attrs[] = {
	&dev_attr_chunk_size.attr,
	&dev_attr_used_chunks.attr,
	NULL,
};

static const struct attribute_group pinned_group = {
	.attrs = pinned_attrs,
};

const struct attribute_group *pinned_sysfs_groups[] = {
	&pinned_group,
	NULL,
};
