// SPDX-License-Identifier: MIT
/*
 * If an owner dies that has learned physical addresses, its chunks rest for the configured time
 * before anybody else gets them, and the driver shows how many rest. Chunks that were punched, or
 * whose address was never told, do not rest. The rest ends early when memory is needed, and when
 * the driver is unloaded (Fault A48).
 */
#include "guest.h"

#define SLOTS 16UL
#define RESTING "/sys/class/misc/pinned_mem/resting_chunks"
#define TIME "/sys/module/pinned_mem/parameters/quarantine_ms"

static uint64_t *phys;

static void dies_knowing(void *arg)
{
	int fd = open_pool();

	(void)arg;
	WORKS(populate(fd, 0, SLOTS, phys));
	touch_pages(map_slots(fd, 0, SLOTS), SLOTS * CHUNK);
	raise(SIGKILL);
}

static void dies_unknowing(void *arg)
{
	int fd = open_pool();

	(void)arg;
	WORKS(populate(fd, 0, SLOTS, NULL));
	raise(SIGKILL);
}

static void gives_back(void *arg)
{
	int fd = open_pool();

	(void)arg;
	WORKS(populate(fd, 0, SLOTS, phys));
	WORKS(punch(fd, 0, SLOTS));
}

static void run(void (*what)(void *))
{
	pid_t pid = spawn(what, NULL);

	ENDED_OR_KILLED(pid);
	COMES_TO_USE(0);
}

static void comes_to_rest(unsigned long chunks)
{
	uint64_t end = now_ns() + 5000000000ULL;

	while (read_number(RESTING) != chunks && now_ns() < end)
		usleep(1000);
	EQUAL(read_number(RESTING), chunks);
}

/* Other memory is free, so no resting chunk is handed out, however many chunks are requested. */
static void nobody_gets_them(void)
{
	uint64_t got[100];
	int fd = open_pool();

	WORKS(populate(fd, 0, 100, got));
	for (int i = 0; i < 100; i++)
		for (unsigned long j = 0; j < SLOTS; j++)
			CHECK(got[i] != phys[j]);
	EQUAL(info_of(fd).resting_chunks, SLOTS);
	WORKS(punch(fd, 0, 100));
	close(fd);
}

static void rest_has_an_end(void)
{
	uint64_t begin;

	WORKS(write_text(TIME, "700"));
	begin = now_ns();
	run(dies_knowing);
	comes_to_rest(SLOTS);
	comes_to_rest(0);
	CHECK(now_ns() - begin >= 700 * 1000000ULL);
}

static void gives_way_to_need(void)
{
	unsigned long limit = read_number(LIMIT_FILE);
	int fd = open_pool();
	unsigned int slot = 0;
	char text[32];

	run(dies_knowing);
	comes_to_rest(SLOTS);
	snprintf(text, sizeof(text), "%lu", meminfo_kib("MemTotal") * 1024 / CHUNK);
	WORKS(write_text(LIMIT_FILE, text));
	while (!populate(fd, slot, 1, NULL))
		slot++;
	EQUAL(errno, ENOMEM);
	EQUAL(read_number(RESTING), 0);
	close(fd);
	snprintf(text, sizeof(text), "%lu", limit);
	WORKS(write_text(LIMIT_FILE, text));
}

static void bad_times(void)
{
	static const char *const texts[] = { "-1", "x", "3600001", "99999999999" };

	for (unsigned int i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		CHECK(write_text(TIME, texts[i]) < 0);
	EQUAL(read_number(TIME), 60000);
}

int main(void)
{
	phys = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(phys != MAP_FAILED);
	comes_to_rest(0);
	WORKS(write_text(TIME, "60000"));
	bad_times();
	run(dies_unknowing);
	EQUAL(read_number(RESTING), 0);
	run(gives_back);
	EQUAL(read_number(RESTING), 0);
	run(dies_knowing);
	comes_to_rest(SLOTS);
	nobody_gets_them();
	/* Unloading the driver does not wait for the rest to end. */
	WORKS(unload_module());
	WORKS(load_module());
	EQUAL(read_number(RESTING), 0);
	WORKS(write_text(TIME, "60000"));
	gives_way_to_need();
	rest_has_an_end();
	WORKS(write_text(TIME, "0"));
	run(dies_knowing);
	EQUAL(read_number(RESTING), 0);
	WORKS(write_text(TIME, "1000"));
	return 0;
}
