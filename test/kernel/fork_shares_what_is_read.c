// SPDX-License-Identifier: MIT
/*
 * Children that only read inherited memory share it with their parent: no page is copied, however
 * many children exist and however full the limit is. The first write, by either side, makes only
 * the copies that are needed. A fork does not unmap pages of other children (Faults C3, C4, C17).
 */
#include "guest.h"

#define SLOTS 3UL
#define LENGTH (SLOTS * CHUNK)
#define PAGES (SLOTS * CHUNK_PAGES)
#define CHILDREN 16

static int fd;
static char *at;

struct child {
	struct gate go, done;
	pid_t pid;
};

/* Checks one word of each page, since emulated machines are slow. */
static volatile uint64_t *word_of(char *map, size_t page)
{
	return (uint64_t *)(map + page * PAGE + page % (PAGE / 8) * 8);
}

static void write_all(char *map, uint64_t value)
{
	for (size_t page = 0; page < PAGES; page++)
		*word_of(map, page) = value + page;
}

static void expect_all(char *map, uint64_t value)
{
	for (size_t page = 0; page < PAGES; page++)
		EQUAL(*word_of(map, page), value + page);
}

static void reads_all(void)
{
	expect_all(at, 1);
}

static void reads_twice(void *arg)
{
	struct child *child = arg;

	reads_all();
	let_pass(&child->done);
	wait_at(&child->go);
	reads_all();
	let_pass(&child->done);
	wait_at(&child->go);
}

static void start(struct child *child, void (*run)(void *))
{
	child->go = make_gate();
	child->done = make_gate();
	child->pid = spawn(run, child);
	wait_at(&child->done);
}

static void go_on(struct child *child)
{
	let_pass(&child->go);
	wait_at(&child->done);
}

static void end(struct child *child)
{
	let_pass(&child->go);
	ENDED_WELL(child->pid);
	for (int i = 0; i < 2; i++) {
		close(child->go.fds[i]);
		close(child->done.fds[i]);
	}
}

/* The parent pays for one copy of each page that it writes, and all children share the copy. */
static void readers_share(int count)
{
	static struct child children[CHILDREN];

	for (int i = 0; i < count; i++)
		start(&children[i], reads_twice);
	EQUAL(snapshot_pages(), 0);
	for (size_t page = 0; page < 32; page++)
		++*word_of(at, page * 37 % PAGES);
	EQUAL(snapshot_pages(), 32);
	for (int i = 0; i < count; i++)
		go_on(&children[i]);
	EQUAL(snapshot_pages(), 32);
	for (int i = 0; i < count; i++)
		end(&children[i]);
	COMES_TO_COPIES(0);
	write_all(at, 1);
}

static void writes_some(void *arg)
{
	struct child *child = arg;

	reads_all();
	for (size_t page = 0; page < 16; page++)
		++*word_of(at, page * 5);
	let_pass(&child->done);
	wait_at(&child->go);
}

/* Each child pays for the pages that it writes, and the others do not see the writes. */
static void writers_copy(void)
{
	struct child writer, other_writer, reader;

	start(&reader, reads_twice);
	start(&writer, writes_some);
	EQUAL(snapshot_pages(), 16);
	start(&other_writer, writes_some);
	EQUAL(snapshot_pages(), 32);
	go_on(&reader);
	expect_all(at, 1);
	EQUAL(snapshot_pages(), 32 + PAGES);
	end(&writer);
	end(&other_writer);
	end(&reader);
	COMES_TO_COPIES(0);
}

/* Reading needs no memory, so it works even if another user's chunks fill the limit. */
static void limit_is_full(void)
{
	unsigned long limit = read_number(LIMIT_FILE), used = used_chunks();
	struct child children[4];
	char text[32];

	snprintf(text, sizeof(text), "%lu", used);
	EQUAL(write_text(LIMIT_FILE, text), 0);
	REFUSED(populate(fd, SLOTS, 1, NULL), EDQUOT);
	for (int i = 0; i < 4; i++)
		start(&children[i], reads_twice);
	EQUAL(snapshot_pages(), 0);
	for (int i = 0; i < 4; i++) {
		go_on(&children[i]);
		end(&children[i]);
	}
	snprintf(text, sizeof(text), "%lu", limit);
	EQUAL(write_text(LIMIT_FILE, text), 0);
}

static void watches_its_pages(void *arg)
{
	struct child *child = arg;

	fill(at, CHUNK, 2);
	EQUAL(smaps_kib(at, "Rss"), CHUNK / 1024);
	let_pass(&child->done);
	wait_at(&child->go);
	EQUAL(smaps_kib(at, "Rss"), CHUNK / 1024);
	FILLED(at, CHUNK, 2);
	let_pass(&child->done);
	wait_at(&child->go);
}

static void nothing(void *arg)
{
	(void)arg;
}

static void forks_leave_others_alone(void)
{
	struct child settled[3];

	for (int i = 0; i < 3; i++)
		start(&settled[i], watches_its_pages);
	ENDED_WELL(spawn(nothing, NULL));
	ENDED_WELL(spawn(nothing, NULL));
	for (int i = 0; i < 3; i++) {
		go_on(&settled[i]);
		end(&settled[i]);
	}
	COMES_TO_COPIES(0);
	expect_all(at, 1);
}

/* A fork also unmaps pages of a mapping that children do not inherit. */
static void with_a_mapping_kept_back(void)
{
	char *kept = map_slots(fd, 0, SLOTS);
	struct child reader;

	WORKS(madvise(kept, LENGTH, MADV_DONTFORK));
	ENDED_WELL(spawn(nothing, NULL));
	touch_pages(kept, LENGTH);
	expect_all(kept, 1);
	write_all(at, 1);
	start(&reader, reads_twice);
	write_all(kept, 9);
	go_on(&reader);
	end(&reader);
	expect_all(at, 9);
	WORKS(munmap(kept, LENGTH));
	write_all(at, 1);
}

int main(void)
{
	fd = open_pool();
	WORKS(populate(fd, 0, SLOTS, NULL));
	at = map_slots(fd, 0, SLOTS);
	write_all(at, 1);
	readers_share(1);
	readers_share(4);
	readers_share(CHILDREN);
	writers_copy();
	limit_is_full();
	forks_leave_others_alone();
	with_a_mapping_kept_back();
	return 0;
}
