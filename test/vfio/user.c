// SPDX-License-Identifier: MIT
/* See user.h. */
#include "user.h"

#include <dirent.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define DEVICES "/sys/bus/pci/devices"
#define STRICT_FILE "/sys/module/pinned_mem/parameters/strict_phys"
#define SEEN_MS 1000
#define ATTEMPTS 30
#define BLOCKED_LENGTH 64

static int kmsg;
static size_t moved;

/* What the test does as root. */

static bool is_edu(const char *name)
{
	char path[512], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), DEVICES "/%s/device", name);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	return !strcmp(text, "0x11e8\n");
}

static void give(const char *name)
{
	char path[512], group[512];
	ssize_t len;

	snprintf(path, sizeof(path), DEVICES "/%s/driver_override", name);
	WORKS(write_text(path, "vfio-pci"));
	snprintf(path, sizeof(path), DEVICES "/%s/driver", name);
	if (access(path, F_OK))
		WORKS(write_text("/sys/bus/pci/drivers_probe", name));
	snprintf(path, sizeof(path), DEVICES "/%s/iommu_group", name);
	len = WORKS(readlink(path, group, sizeof(group) - 1));
	group[len] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio%s", strrchr(group, '/'));
	/* The kernel creates the device file a moment after the group. */
	for (int i = 0; i < 500 && access(path, F_OK); i++)
		usleep(10000);
	WORKS(chown(path, USER, USER));
}

void give_edu(void)
{
	DIR *dir = opendir(DEVICES);
	struct dirent *entry;
	int found = 0;

	CHECK(dir);
	while ((entry = readdir(dir)))
		if (is_edu(entry->d_name)) {
			give(entry->d_name);
			found++;
		}
	closedir(dir);
	EQUAL(found, 1);
	WORKS(chmod("/dev/vfio/vfio", 0666));
	WORKS(chmod(PINNED_MEM_DEVICE, 0666));
	WORKS(write_text(STRICT_FILE, "1"));
	kmsg = WORKS(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	WORKS(lseek(kmsg, 0, SEEK_END));
}

void become_user(void)
{
	const struct rlimit limit = { LOCKED_MAX, LOCKED_MAX };

	WORKS(setrlimit(RLIMIT_MEMLOCK, &limit));
	WORKS(setgroups(0, NULL));
	WORKS(setgid(USER));
	WORKS(setuid(USER));
	REFUSED(open("/dev/mem", O_RDONLY), EACCES);
}

/* What the test does as the user. */

struct edu *open_attached(struct pinned_device **device)
{
	struct edu *edu = edu_open();

	if (!edu)
		FAIL("edu_open: %s", strerrorname_np(errno));
	CHECK(edu_container(edu) >= 0);
	*device = pinned_device_attach(edu_container(edu), NULL);
	if (!*device)
		FAIL("pinned_device_attach: %s", strerrorname_np(errno));
	return edu;
}

void through_the_device(struct edu *edu, const struct pinned_device *device, const char *from,
			char *to, size_t len)
{
	CHECK(pinned_dma_addr(device, from) != PINNED_NO_DMA);
	memset(to, 0xee, len);
	WORKS(edu_read_memory(edu, pinned_dma_addr(device, from), len));
	WORKS(edu_write_memory(edu, pinned_dma_addr(device, to), len));
	CHECK(!memcmp(from, to, len));
	moved += len;
}

/*
 * Returns whether @line reports @address. Intel's IOMMU reports the page in a DMAR line, ARM's the
 * address in one of the words of an event.
 */
static bool is_report(const char *line, uint64_t address)
{
	const char *at = strstr(line, "DMAR") ? strstr(line, "fault addr ") : NULL;
	unsigned long long told = 0;

	if (at)
		return sscanf(at, "fault addr %llx", &told) == 1 && told == (address & ~(PAGE - 1));
	/* The log shows a tab as \x09. */
	at = strstr(line, "smmu") ? strstr(line, "\\x090x") : NULL;
	return at && sscanf(at + 4, "%llx", &told) == 1 && told == address;
}

static bool is_reported(uint64_t address)
{
	uint64_t end = now_ns() + SEEN_MS * 1000000ull;
	char line[2048];

	while (now_ns() < end) {
		ssize_t n = read(kmsg, line, sizeof(line) - 1);

		if (n > 0) {
			line[n] = '\0';
			if (is_report(line, address))
				return true;
		} else if (n < 0 && errno == EAGAIN) {
			usleep(10000);
		}
	}
	return false;
}

void write_until_reported(struct edu *edu, uint64_t address)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		WORKS(edu_write_memory(edu, address, BLOCKED_LENGTH));
		if (is_reported(address))
			return;
	}
	FAIL("the kernel reports no blocked access to %#llx", (unsigned long long)address);
}

/* Zeroes the device's buffer first, so that later content must have come from @address. */
void blocked(struct edu *edu, const struct pinned_device *device, uint64_t address,
	     const char *memory, char *scratch)
{
	char before[BLOCKED_LENGTH];

	if (memory)
		memcpy(before, memory, sizeof(before));
	memset(scratch, 0, sizeof(before));
	WORKS(edu_read_memory(edu, pinned_dma_addr(device, scratch), sizeof(before)));
	WORKS(edu_read_memory(edu, address, sizeof(before)));
	WORKS(edu_write_memory(edu, pinned_dma_addr(device, scratch), sizeof(before)));
	CHECK(!memory || memcmp(scratch, before, sizeof(before)));
	memset(scratch, 0xaa, sizeof(before));
	WORKS(edu_read_memory(edu, pinned_dma_addr(device, scratch), sizeof(before)));
	write_until_reported(edu, address);
	CHECK(!memory || !memcmp(memory, before, sizeof(before)));
}

void print_result(const char *program)
{
	printf("result| device edu-vfio %s in_place_bytes=%zu copied_bytes=0 mismatches=0\n",
	       program, moved);
	fflush(stdout);
}
