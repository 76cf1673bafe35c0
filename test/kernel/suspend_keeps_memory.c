// SPDX-License-Identifier: MIT
/*
 * Pinned memory keeps its content and physical addresses over suspend, which the test takes as far
 * as the kernel goes without needing a wake-up: tasks frozen, devices and processors stopped. The
 * same holds for hibernation, up to the image and back, or the kernel refuses it for lack of swap
 * (Fault A26).
 */
#include "guest.h"

#define SLOTS 4UL
#define SEED 11
#define TEST "/sys/power/pm_test"
#define STATE "/sys/power/state"
/* Seconds that the kernel stays at the tested level; the default is 5. */
#define DELAY "/sys/module/suspend/parameters/pm_test_delay"

static char *at;
static uint64_t phys[SLOTS];

static bool is_offered(const char *path, const char *word)
{
	char line[256] = "";
	FILE *file = fopen(path, "re");
	bool has = file && fgets(line, sizeof(line), file) && strstr(line, word);

	if (file)
		fclose(file);
	return has;
}

static void all_is_as_before(void)
{
	for (unsigned long slot = 0; slot < SLOTS; slot++)
		EQUAL(phys_of(at + slot * CHUNK), phys[slot]);
	FILLED(at, SLOTS * CHUNK, SEED);
}

/* Returns 0, or the errno with which the kernel refused. */
static int sleep_to(const char *level, const char *state)
{
	int error;

	WORKS(write_text(TEST, level));
	error = write_text(STATE, state) ? errno : 0;
	WORKS(write_text(TEST, "none"));
	return error;
}

int main(void)
{
	static const char *const levels[] = { "freezer", "devices", "platform", "processors",
					      "core" };
	int fd = open_pool(), error;

	if (access(TEST, W_OK) || !is_offered(STATE, "freeze"))
		test_skip("this kernel has no %s to try suspend with", TEST);
	if (!access(DELAY, W_OK))
		WORKS(write_text(DELAY, "1"));
	WORKS(populate(fd, 0, SLOTS, phys));
	at = map_slots(fd, 0, SLOTS);
	fill(at, SLOTS * CHUNK, SEED);
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
		/*
		 * Suspend to idle supports only the first two levels, suspend to RAM all of them.
		 */
		const char *state = is_offered(STATE, "mem") ? "mem" : "freeze";

		error = sleep_to(levels[i], state);
		printf("%s, %s: %s\n", state, levels[i], error ? strerrorname_np(error) : "ok");
		fflush(stdout);
		if (i < 2)
			EQUAL(error, 0);
		all_is_as_before();
	}
	if (is_offered(STATE, "disk")) {
		error = sleep_to("core", "disk");
		printf("disk, core: %s\n", error ? strerrorname_np(error) : "ok");
		all_is_as_before();
	}
	return 0;
}
