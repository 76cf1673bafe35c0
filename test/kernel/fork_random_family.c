// SPDX-License-Identifier: MIT
/*
 * A family of processes reads, writes, forks and dies in random order, each through two mappings of
 * the same slots, while the owner also punches and fills a slot. Every process always sees the
 * memory as of its fork plus its own writes, whatever pages it shares with others meanwhile (Faults
 * C3, C4, C17). TEST_SEED chooses other steps.
 */
#include "guest.h"

#include <sys/socket.h>

#define SLOTS 2UL
#define PAGES 24UL
#define FAMILY 8
#define ROUNDS 12
#define STEPS 700

enum request { READ, WRITE, FORK, END };

struct order {
	enum request request;
	int mapping;
	unsigned int page;
	uint64_t value;
};

struct member {
	bool is_alive;
	int socket;
	uint64_t value[PAGES];
};

static uint64_t seed;
static int pool;
static char *maps[2];
static int sockets[FAMILY][2];
static struct member family[FAMILY];

static uint64_t random_number(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

/* Half of the pages lie in each slot, in adjacent pairs. */
static uint64_t *word_of(int mapping, unsigned int page)
{
	size_t slot = page / (PAGES / SLOTS);

	return (uint64_t *)(maps[mapping] + slot * CHUNK + page / 2 * 34 * PAGE % CHUNK +
			    page % 2 * PAGE + 8);
}

static void serve(int self);

static void fork_into(int child)
{
	pid_t pid = WORKS(fork());

	if (!pid)
		serve(child);
}

/* Runs a process of the family, which carries out orders and answers. */
static void serve(int self)
{
	int fd = sockets[self][1];
	struct order order;
	uint64_t answer;

	for (;;) {
		EQUAL(WORKS(read(fd, &order, sizeof(order))), sizeof(order));
		answer = 0;
		if (order.request == READ)
			answer = *(volatile uint64_t *)word_of(order.mapping, order.page);
		else if (order.request == WRITE)
			*(volatile uint64_t *)word_of(order.mapping, order.page) = order.value;
		else if (order.request == FORK)
			fork_into((int)order.value);
		EQUAL(WORKS(write(fd, &answer, sizeof(answer))), sizeof(answer));
		if (order.request == END)
			_exit(0);
	}
}

static uint64_t tell(int member, struct order order)
{
	uint64_t answer;

	EQUAL(WORKS(write(family[member].socket, &order, sizeof(order))), sizeof(order));
	if (read(family[member].socket, &answer, sizeof(answer)) != sizeof(answer))
		FAIL("member %d died: request %d, page %u", member, order.request, order.page);
	return answer;
}

static uint64_t read_word(int member, int mapping, unsigned int page)
{
	if (!member)
		return *(volatile uint64_t *)word_of(mapping, page);
	return tell(member, (struct order){ READ, mapping, page, 0 });
}

static void write_word(int member, int mapping, unsigned int page, uint64_t value)
{
	family[member].value[page] = value;
	if (!member)
		*(volatile uint64_t *)word_of(mapping, page) = value;
	else
		tell(member, (struct order){ WRITE, mapping, page, value });
}

static int random_member(void)
{
	int member;

	do
		member = (int)random_number(FAMILY);
	while (!family[member].is_alive);
	return member;
}

static void fork_member(int parent)
{
	for (int child = 1; child < FAMILY; child++) {
		if (family[child].is_alive)
			continue;
		family[child] = family[parent];
		family[child].socket = sockets[child][0];
		if (!parent)
			fork_into(child);
		else
			tell(parent, (struct order){ FORK, 0, 0, (uint64_t)child });
		return;
	}
}

static void end_member(int member)
{
	if (!member)
		return;
	tell(member, (struct order){ END, 0, 0, 0 });
	family[member].is_alive = false;
}

/* Punches and refills the second slot: the owner sees zeroed memory, the others keep theirs. */
static void refill(void)
{
	WORKS(punch(pool, 1, 1));
	WORKS(populate(pool, 1, 1, NULL));
	memset(&family[0].value[PAGES / 2], 0, sizeof(family[0].value) / 2);
}

static void step(void)
{
	int member = random_member(), mapping = (int)random_number(2);
	unsigned int page = (unsigned int)random_number(PAGES);
	uint64_t what = random_number(100), got;

	if (what < 55) {
		got = read_word(member, mapping, page);
		if (got != family[member].value[page])
			FAIL("member %d, mapping %d, page %u: expected %#llx, got %#llx", member,
			     mapping, page, (unsigned long long)family[member].value[page],
			     (unsigned long long)got);
	} else if (what < 85) {
		write_word(member, mapping, page, random_number(~0ULL));
	} else if (what < 93) {
		fork_member(member);
	} else if (what < 98) {
		end_member(member);
	} else {
		refill();
	}
}

static void round_of(uint64_t first)
{
	seed = first;
	printf("seed %llu\n", (unsigned long long)seed);
	for (unsigned int page = 0; page < PAGES; page++)
		write_word(0, 0, page, random_number(~0ULL));
	for (int i = 0; i < STEPS; i++)
		step();
	for (int member = 1; member < FAMILY; member++)
		if (family[member].is_alive)
			end_member(member);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	COMES_TO_COPIES(0);
}

int main(void)
{
	uint64_t first = seed_or(20261130);

	pool = open_pool();
	WORKS(populate(pool, 0, SLOTS, NULL));
	maps[0] = map_slots(pool, 0, SLOTS);
	maps[1] = map_slots_off(pool, 0, SLOTS, PAGE);
	for (int i = 1; i < FAMILY; i++)
		WORKS(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets[i]));
	family[0].is_alive = true;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		/* Two of three rounds begin with a huge mapping. */
		if (i % 3)
			map_again(pool, maps[0], 0, SLOTS);
		round_of(first + i);
	}
	return 0;
}
