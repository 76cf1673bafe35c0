// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/class/misc/pinned_mem: shows values that other files maintain, and sets the size of the
 * reserve. The only state here is the list of the nodes' groups. (Limits and policies are module
 * parameters, in /sys/module/pinned_mem/parameters.)
 */
#include <linux/device.h>
#include <linux/nodemask.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <uapi/pinned_mem.h>

#include "carveout.h"
#include "dev.h"
#include "quarantine.h"
#include "quota.h"
#include "record.h"
#include "reserve.h"

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

static ssize_t low_chunks_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", pinned_quota_low());
}
static DEVICE_ATTR_RO(low_chunks);

static ssize_t snapshot_pages_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", pinned_quota_copies());
}
static DEVICE_ATTR_RO(snapshot_pages);

/* Resting chunks, see quarantine.c. */
static ssize_t resting_chunks_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", pinned_quota_resting());
}
static DEVICE_ATTR_RO(resting_chunks);

/* Chunks with a page to which somebody else still has a reference, see quarantine.c. */
static ssize_t busy_chunks_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", pinned_quarantine_busy());
}
static DEVICE_ATTR_RO(busy_chunks);

/* Chunks with failed memory, which the driver never uses again. */
static ssize_t poisoned_chunks_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", pinned_record_poisoned());
}
static DEVICE_ATTR_RO(poisoned_chunks);

static ssize_t reserve_chunks_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", pinned_reserve_size(NUMA_NO_NODE));
}

static ssize_t resize(int node, const char *buf, size_t count)
{
	unsigned long chunks;
	int err = kstrtoul(buf, 0, &chunks);

	if (!err)
		err = pinned_reserve_resize(node, chunks);
	return err ?: count;
}

static ssize_t reserve_chunks_store(struct device *dev, struct device_attribute *attr,
				    const char *buf, size_t count)
{
	return resize(NUMA_NO_NODE, buf, count);
}
static DEVICE_ATTR_RW(reserve_chunks);

static ssize_t reserve_free_chunks_show(struct device *dev, struct device_attribute *attr,
					char *buf)
{
	return sysfs_emit(buf, "%lu\n", pinned_reserve_free(NUMA_NO_NODE));
}
static DEVICE_ATTR_RO(reserve_free_chunks);

static ssize_t carveout_chunks_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", pinned_carveout_size());
}
static DEVICE_ATTR_RO(carveout_chunks);

static ssize_t carveout_free_chunks_show(struct device *dev, struct device_attribute *attr,
					 char *buf)
{
	return sysfs_emit(buf, "%lu\n", pinned_carveout_free());
}
static DEVICE_ATTR_RO(carveout_free_chunks);

static struct attribute *pinned_attrs[] = {
	&dev_attr_chunk_size.attr,	     &dev_attr_used_chunks.attr,
	&dev_attr_low_chunks.attr,	     &dev_attr_snapshot_pages.attr,
	&dev_attr_resting_chunks.attr,	     &dev_attr_busy_chunks.attr,
	&dev_attr_poisoned_chunks.attr,	     &dev_attr_reserve_chunks.attr,
	&dev_attr_reserve_free_chunks.attr,  &dev_attr_carveout_chunks.attr,
	&dev_attr_carveout_free_chunks.attr, NULL,
};

static const struct attribute_group pinned_group = {
	.attrs = pinned_attrs,
};

/* A directory nodeN for each NUMA node with memory. */

/**
 * struct node_group - the directory of one node's reserve
 * @size:	the attribute reserve_chunks
 * @free:	the attribute reserve_free_chunks
 * @attrs:	both attributes
 * @group:	the directory
 * @name:	name of the directory
 * @node:	the node
 */
struct node_group {
	struct device_attribute size;
	struct device_attribute free;
	struct attribute *attrs[3];
	struct attribute_group group;
	char name[16];
	int node;
};

static struct node_group *node_groups;
static const struct attribute_group **groups;

static ssize_t node_size_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct node_group *group = container_of(attr, struct node_group, size);

	return sysfs_emit(buf, "%lu\n", pinned_reserve_size(group->node));
}

static ssize_t node_size_store(struct device *dev, struct device_attribute *attr, const char *buf,
			       size_t count)
{
	return resize(container_of(attr, struct node_group, size)->node, buf, count);
}

static ssize_t node_free_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct node_group *group = container_of(attr, struct node_group, free);

	return sysfs_emit(buf, "%lu\n", pinned_reserve_free(group->node));
}

static void init_node_group(struct node_group *group, int node)
{
	group->node = node;
	snprintf(group->name, sizeof(group->name), "node%d", node);
	group->size = (struct device_attribute)__ATTR(reserve_chunks, 0644, node_size_show,
						      node_size_store);
	group->free =
		(struct device_attribute)__ATTR(reserve_free_chunks, 0444, node_free_show, NULL);
	sysfs_attr_init(&group->size.attr);
	sysfs_attr_init(&group->free.attr);
	group->attrs[0] = &group->size.attr;
	group->attrs[1] = &group->free.attr;
	group->group.name = group->name;
	group->group.attrs = group->attrs;
}

/* Creates the device's attribute groups. Returns NULL without memory. */
const struct attribute_group **pinned_sysfs_init(void)
{
	int node, i = 0, count = num_node_state(N_MEMORY);

	node_groups = kcalloc(count, sizeof(*node_groups), GFP_KERNEL);
	groups = kcalloc(count + 2, sizeof(*groups), GFP_KERNEL);
	if (!node_groups || !groups) {
		pinned_sysfs_exit();
		return NULL;
	}
	groups[0] = &pinned_group;
	for_each_node_state(node, N_MEMORY) {
		/* A node may have come online since the nodes were counted. */
		if (i == count)
			break;
		init_node_group(&node_groups[i], node);
		groups[i + 1] = &node_groups[i].group;
		i++;
	}
	return groups;
}

void pinned_sysfs_exit(void)
{
	kfree(groups);
	kfree(node_groups);
}
