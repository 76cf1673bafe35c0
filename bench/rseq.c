// SPDX-License-Identifier: MIT
/*
 * Is a per-CPU cache, built on restartable sequences, faster than a per-thread cache? Both are as
 * small as possible: a stack of free objects in one bin, from which an object is taken and to which
 * it is returned. Everything else in a real cache (many bins, states, slow paths) is the same for
 * both, and is left out. Prints nanoseconds of CPU time for a pair of operations.
 *
 * The sequences follow the kernel's description of rseq(2). The thread's area is the C library's
 * (glibc 2.35 and later). For amd64 only.
 *
 * usage: rseq [PERCENT]
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/rseq.h>

#include "clock.h"

#define PAIRS 100000000ul
#define ROOM 512
#define CPUS 4096

/* The size is a power of two, so that a shift finds a CPU's bin. */
struct bin {
	uint64_t count;
	uint64_t room;
	void *objects[ROOM - 2];
} __attribute__((aligned(8 * ROOM)));

static struct bin bins[CPUS];
static __thread struct bin *mine;

static void *pop_of_thread(void)
{
	struct bin *bin = mine;

	return bin->count ? bin->objects[--bin->count] : NULL;
}

static int push_of_thread(void *object)
{
	struct bin *bin = mine;

	if (bin->count >= bin->room)
		return 0;
	bin->objects[bin->count++] = object;
	return 1;
}

/* The beginning and end of both sequences. The last instruction before label 2 is the commit. */
#define BEGIN                               \
	".pushsection __rseq_cs, \"aw\"\n"  \
	".balign 32\n"                      \
	"3: .long 0, 0\n"                   \
	".quad 1f, 2f - 1f, 4f\n"           \
	".popsection\n"                     \
	"leaq 3b(%%rip), %%rax\n"           \
	"movq %%rax, %c[cs](%[area])\n"     \
	"1: movl %c[cpu](%[area]), %%eax\n" \
	"shlq $12, %%rax\n"                 \
	"addq %[bins], %%rax\n"             \
	"movq (%%rax), %%rcx\n"
#define END                                     \
	"2:\n"                                  \
	".pushsection __rseq_failure, \"ax\"\n" \
	".byte 0x0f, 0xb9, 0x3d\n"              \
	".long 0x53053053\n"                    \
	"4: jmp %l[again]\n"                    \
	".popsection\n"

_Static_assert(sizeof(struct bin) == 1 << 12, "the sequences shift by that");

static inline struct rseq *area(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

static void *pop_of_cpu(void)
{
	void *object;

again:
	__asm__ goto(
		BEGIN "testq %%rcx, %%rcx\n"
		      "jz %l[none]\n"
		      "movq 8(%%rax, %%rcx, 8), %[object]\n"
		      "decq %%rcx\n"
		      "movq %%rcx, (%%rax)\n" END
		: [object] "=&r"(object)
		: [area] "r"(area()), [bins] "r"(bins), [cs] "i"(offsetof(struct rseq, rseq_cs)),
		  [cpu] "i"(offsetof(struct rseq, cpu_id))
		: "rax", "rcx", "memory", "cc"
		: again, none);
	return object;
none:
	return NULL;
}

static int push_of_cpu(void *object)
{
again:
	__asm__ goto(
		BEGIN "cmpq 8(%%rax), %%rcx\n"
		      "jae %l[full]\n"
		      "movq %[object], 16(%%rax, %%rcx, 8)\n"
		      "incq %%rcx\n"
		      "movq %%rcx, (%%rax)\n" END
		:
		: [object] "r"(object), [area] "r"(area()), [bins] "r"(bins),
		  [cs] "i"(offsetof(struct rseq, rseq_cs)), [cpu] "i"(offsetof(struct rseq, cpu_id))
		: "rax", "rcx", "memory", "cc"
		: again, full);
	return 1;
full:
	return 0;
}

/* Not inlined, because malloc and free are calls too. */
static __attribute__((noinline)) void *pop(int by_cpu)
{
	return by_cpu ? pop_of_cpu() : pop_of_thread();
}

static __attribute__((noinline)) int push(int by_cpu, void *object)
{
	return by_cpu ? push_of_cpu(object) : push_of_thread(object);
}

static double measure(int by_cpu, unsigned long pairs)
{
	struct moment begin = now();

	for (unsigned long i = 0; i < pairs; i++) {
		void *object = pop(by_cpu);

		if (!object || !push(by_cpu, object)) {
			fputs("rseq: a stack is empty, or full: the sequences are wrong\n", stderr);
			exit(1);
		}
	}
	return since(begin, pairs).cpu;
}

int main(int argc, char **argv)
{
	unsigned long pairs = PAIRS / 100 * (argc > 1 ? strtoul(argv[1], NULL, 0) : 100);
	static struct bin own = { .room = ROOM - 2 };

	if (!__rseq_size) {
		fputs("rseq: this C library or kernel has none\n", stderr);
		return 1;
	}
	mine = &own;
	own.objects[own.count++] = &own;
	for (int i = 0; i < CPUS; i++)
		bins[i] = (struct bin){ .count = 1, .room = ROOM - 2, .objects = { &own } };
	for (int round = 0; round < 5; round++) {
		double thread = measure(0, pairs / 5), cpu = measure(1, pairs / 5);

		printf("thread %.2f ns, processor %.2f ns, ratio %.2f\n", thread, cpu,
		       cpu / thread);
	}
	return 0;
}
