// SPDX-License-Identifier: MIT
/* See guest.h. */
#include "guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

#define SETTLE_NS 5000000000ULL

static void say(const char *format, va_list args)
{
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void test_fail(const char *file, int line, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(args, format);
	say(format, args);
	va_end(args);
	_exit(1);
}

void test_skip(const char *format, ...)
{
	va_list args;

	fputs("skipped: ", stderr);
	va_start(args, format);
	say(format, args);
	va_end(args);
	_exit(77);
}

void test_equal(const char *file, int line, const char *what, uint64_t got, uint64_t want)
{
	if (got != want)
		test_fail(file, line, "%s: expected %#llx, got %#llx", what,
			  (unsigned long long)want, (unsigned long long)got);
}

long test_works(const char *file, int line, const char *what, long result)
{
	if (result == -1)
		test_fail(file, line, "%s: expected success, got %s", what, strerrorname_np(errno));
	return result;
}

void test_refused(const char *file, int line, const char *what, long result, int error)
{
	int got = errno;

	if (result != -1)
		test_fail(file, line, "%s: expected %s, got success (%ld)", what,
			  strerrorname_np(error), result);
	if (got != error)
		test_fail(file, line, "%s: expected %s, got %s", what, strerrorname_np(error),
			  strerrorname_np(got));
}

/* Returns word @index of the pattern @seed. No word occurs twice, in one pattern or in two. */
static uint64_t word_of(uint64_t seed, size_t index)
{
	return ((seed << 32 | 1) + 2 * index) * 0x9e3779b97f4a7c15ULL;
}

void fill(void *at, size_t length, uint64_t seed)
{
	volatile uint64_t *words = at;
	size_t i;

	for (i = 0; i < length / sizeof(*words); i++)
		words[i] = word_of(seed, i);
}

void test_filled(const char *file, int line, const char *what, const void *at, size_t length,
		 uint64_t seed)
{
	const volatile uint64_t *words = at;
	size_t i;

	for (i = 0; i < length / sizeof(*words); i++)
		if (words[i] != word_of(seed, i))
			test_fail(file, line,
				  "%s, byte %#zx: expected seed %llu's %#llx, got %#llx", what,
				  i * sizeof(*words), (unsigned long long)seed,
				  (unsigned long long)word_of(seed, i),
				  (unsigned long long)words[i]);
}

void test_zeroed(const char *file, int line, const char *what, const void *at, size_t length)
{
	const volatile uint64_t *words = at;
	size_t i;

	for (i = 0; i < length / sizeof(*words); i++)
		if (words[i])
			test_fail(file, line, "%s, byte %#zx: expected 0, got %#llx", what,
				  i * sizeof(*words), (unsigned long long)words[i]);
}

void kernel_pins(const void *page)
{
	struct iovec part = { (void *)(uintptr_t)page, PAGE };
	static char got[PAGE_MAX];
	int ends[2];

	WORKS(pipe(ends));
	EQUAL(vmsplice(ends[1], &part, 1, 0), PAGE);
	EQUAL(read(ends[0], got, PAGE), PAGE);
	CHECK(!memcmp(got, page, PAGE));
	close(ends[0]);
	close(ends[1]);
}

void touch_pages(void *at, size_t length)
{
	volatile char *bytes = at;
	size_t i;

	for (i = 0; i < length; i += PAGE)
		bytes[i] = bytes[i];
}

int open_pool(void)
{
	return WORKS(open(PINNED_MEM_DEVICE, O_RDWR | O_CLOEXEC));
}

struct pinned_mem_info info_of(int fd)
{
	struct pinned_mem_info info = { .size = sizeof(info) };

	WORKS(ioctl(fd, PINNED_MEM_IOC_INFO, &info));
	return info;
}

bool maps_huge(int fd)
{
	return info_of(fd).features & PINNED_MEM_FEATURE_HUGE_MAP;
}

void need_huge_mappings(int fd)
{
	if (!maps_huge(fd))
		test_skip("this kernel has no huge mappings");
}

void test_unchanged(const char *file, int line, int fd, const struct pinned_mem_info *before)
{
	struct pinned_mem_info now = info_of(fd);

	test_equal(file, line, "pool_chunks", now.pool_chunks, before->pool_chunks);
	test_equal(file, line, "used_chunks", now.used_chunks, before->used_chunks);
	test_equal(file, line, "limit_chunks", now.limit_chunks, before->limit_chunks);
}

struct pinned_mem_populate populate_request(unsigned long slot, unsigned int count)
{
	return (struct pinned_mem_populate){
		.size = sizeof(struct pinned_mem_populate),
		.offset = (uint64_t)slot * CHUNK,
		.count = count,
		.node = PINNED_MEM_NODE_ANY,
		.max_phys = PINNED_MEM_PHYS_ANY,
	};
}

struct pinned_mem_punch punch_request(unsigned long slot, unsigned int count)
{
	return (struct pinned_mem_punch){
		.size = sizeof(struct pinned_mem_punch),
		.offset = (uint64_t)slot * CHUNK,
		.count = count,
	};
}

int populate(int fd, unsigned long slot, unsigned int count, uint64_t *phys)
{
	struct pinned_mem_populate request = populate_request(slot, count);

	request.phys_ptr = (uintptr_t)phys;
	return ioctl(fd, PINNED_MEM_IOC_POPULATE, &request);
}

int punch(int fd, unsigned long slot, unsigned int count)
{
	struct pinned_mem_punch request = punch_request(slot, count);

	return ioctl(fd, PINNED_MEM_IOC_PUNCH, &request);
}

int query(int fd, uint64_t offset, struct pinned_mem_query *found)
{
	*found = (struct pinned_mem_query){ .size = sizeof(*found), .offset = offset };
	return ioctl(fd, PINNED_MEM_IOC_QUERY, found);
}

char *find_addresses(size_t length, size_t phase)
{
	size_t span = length + 3 * CHUNK;
	uintptr_t base = WORKS(
		mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
	uintptr_t at = (base + CHUNK) / CHUNK * CHUNK + phase;

	WORKS(munmap((void *)at, length));
	return (char *)at;
}

void map_again(int fd, char *at, unsigned long slot, unsigned long count)
{
	CHECK(mmap(at, count * CHUNK, RW, MAP_SHARED | MAP_FIXED, fd, (off_t)(slot * CHUNK)) == at);
}

char *map_slots_off(int fd, unsigned long slot, unsigned long count, size_t phase)
{
	char *at = find_addresses(count * CHUNK, phase);

	WORKS(mmap(at, count * CHUNK, RW, MAP_SHARED | MAP_FIXED, fd, (off_t)(slot * CHUNK)));
	return at;
}

char *map_slots(int fd, unsigned long slot, unsigned long count)
{
	return map_slots_off(fd, slot, count, 0);
}

/* Opens pagemap in each call, because a descriptor shows the address space that opened it. */
void phys_of_pages(const void *at, uint64_t *phys, size_t pages)
{
	int fd = WORKS(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));

	EQUAL(pread(fd, phys, pages * sizeof(*phys), (uintptr_t)at / PAGE * sizeof(*phys)),
	      pages * sizeof(*phys));
	close(fd);
	for (size_t i = 0; i < pages; i++) {
		/* A present page without an address. */
		if (phys[i] >> 63 && !(phys[i] << 9))
			test_skip("the kernel shows page tables only to root");
		phys[i] = phys[i] >> 63 ? (phys[i] & ((1ULL << 55) - 1)) * PAGE : 0;
	}
}

uint64_t phys_of(const void *at)
{
	uint64_t phys;

	phys_of_pages(at, &phys, 1);
	return phys ? phys + (uintptr_t)at % PAGE : 0;
}

unsigned long smaps_kib_of(const void *at, size_t size, const char *field)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	unsigned long start, end, kib, found = 0;
	size_t length = strlen(field);
	bool is_ours = false;
	char line[512];

	CHECK(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			is_ours = (uintptr_t)at + size > start && (uintptr_t)at < end;
		else if (is_ours && !strncmp(line, field, length) &&
			 sscanf(line + length, ": %lu kB", &kib) == 1)
			found += kib;
	}
	fclose(file);
	return found;
}

unsigned long smaps_kib(const void *at, const char *field)
{
	return smaps_kib_of(at, 1, field);
}

static __thread sigjmp_buf after_access;
static __thread volatile bool is_accessing;

/* Handles a signal of the access under test. Outside of such an access the signal kills. */
static void leave_access(int signal_number)
{
	if (!is_accessing) {
		signal(signal_number, SIG_DFL);
		return;
	}
	is_accessing = false;
	siglongjmp(after_access, signal_number);
}

static void catch_access_signals(void)
{
	struct sigaction action = { .sa_handler = leave_access, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

int signal_of_read(const void *at)
{
	int got;

	catch_access_signals();
	got = sigsetjmp(after_access, 0);
	is_accessing = !got;
	if (!got)
		(void)*(const volatile char *)at;
	is_accessing = false;
	return got;
}

int signal_of_write(void *at)
{
	int got;

	catch_access_signals();
	got = sigsetjmp(after_access, 0);
	is_accessing = !got;
	if (!got)
		*(volatile char *)at = 1;
	is_accessing = false;
	return got;
}

pid_t spawn(void (*run)(void *arg), void *arg)
{
	pid_t pid = WORKS(fork());

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run(arg);
	_exit(0);
}

void test_ended(const char *file, int line, pid_t pid, bool may_be_killed)
{
	int status;

	test_equal(file, line, "waitpid()", waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && may_be_killed)
		return;
	if (WIFSIGNALED(status))
		test_fail(file, line, "child: expected exit with 0, got signal %d",
			  WTERMSIG(status));
	if (WEXITSTATUS(status) == 77)
		_exit(77); /* the child has told the reason */
	test_equal(file, line, "child's exit status", WEXITSTATUS(status), 0);
}

union descriptor_space {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr header;
};

void send_descriptor(int to, int fd)
{
	union descriptor_space space = {};
	struct iovec part = { "", 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &space,
				  .msg_controllen = sizeof(space) };

	space.header.cmsg_level = SOL_SOCKET;
	space.header.cmsg_type = SCM_RIGHTS;
	space.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&space.header), &fd, sizeof(fd));
	EQUAL(sendmsg(to, &message, 0), 1);
}

int receive_descriptor(int from)
{
	union descriptor_space space = {};
	char byte;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &space,
				  .msg_controllen = sizeof(space) };
	int fd;

	EQUAL(recvmsg(from, &message, MSG_CMSG_CLOEXEC), 1);
	EQUAL(space.header.cmsg_type, SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(&space.header), sizeof(fd));
	return fd;
}

struct gate make_gate(void)
{
	struct gate gate;

	WORKS(pipe2(gate.fds, O_CLOEXEC));
	return gate;
}

void let_pass(struct gate *gate)
{
	EQUAL(write(gate->fds[1], "", 1), 1);
}

void wait_at(struct gate *gate)
{
	char byte;

	EQUAL(read(gate->fds[0], &byte, 1), 1);
}

unsigned long read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long number;

	if (!file)
		FAIL("%s: cannot be opened: %s", path, strerrorname_np(errno));
	if (fscanf(file, "%lu", &number) != 1)
		FAIL("%s: expected a number", path);
	fclose(file);
	return number;
}

int write_text(const char *path, const char *text)
{
	int fd = WORKS(open(path, O_WRONLY | O_CLOEXEC));
	ssize_t written = write(fd, text, strlen(text));
	int error = errno;

	close(fd);
	errno = error;
	return written < 0 ? -1 : 0;
}

unsigned long meminfo_kib(const char *field)
{
	FILE *file = fopen("/proc/meminfo", "re");
	size_t length = strlen(field);
	unsigned long kib = 0;
	char line[128];

	CHECK(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, field, length) && line[length] == ':')
			kib = strtoul(line + length + 1, NULL, 10);
	fclose(file);
	return kib;
}

static bool is_pool_of_type(const char *path, const char *wanted)
{
	char text[2000];
	int info = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (info < 0)
		return false;
	length = read(info, text, sizeof(text) - 1);
	close(info);
	text[length > 0 ? length : 0] = '\0';
	return strstr(text, wanted);
}

int pools_of_type(const char *type)
{
	char path[64], wanted[64];
	int count = 0;

	snprintf(wanted, sizeof(wanted), "pinned_mem_type:\t%s\n", type);
	for (int fd = 0; fd < 2000; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
		count += is_pool_of_type(path, wanted);
	}
	return count;
}

unsigned long used_chunks(void)
{
	return read_number("/sys/class/misc/pinned_mem/used_chunks");
}

unsigned long snapshot_pages(void)
{
	return read_number("/sys/class/misc/pinned_mem/snapshot_pages");
}

/*
 * Polls, because there is no event to wait for: the kernel may drop the last reference to a file in
 * a work queue.
 */
void test_comes_to_use(const char *file, int line, unsigned long chunks)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	uint64_t deadline = now_ns() + SETTLE_NS;

	while (used_chunks() != chunks && now_ns() < deadline)
		nanosleep(&moment, NULL);
	test_equal(file, line, "used_chunks", used_chunks(), chunks);
}

void test_comes_to_copies(const char *file, int line, unsigned long pages)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	uint64_t deadline = now_ns() + SETTLE_NS;

	while (snapshot_pages() != pages && now_ns() < deadline)
		nanosleep(&moment, NULL);
	test_equal(file, line, "snapshot_pages", snapshot_pages(), pages);
}

int load_module_file(const char *path)
{
	int fd = WORKS(open(path, O_RDONLY | O_CLOEXEC));
	int result = syscall(SYS_finit_module, fd, "", 0);
	int error = errno;

	close(fd);
	errno = error;
	return result;
}

int load_module(void)
{
	return load_module_file(MODULE_FILE);
}

int unload_module_named(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK);
}

int unload_module(void)
{
	return unload_module_named(MODULE);
}

bool kernel_charges_pages(void)
{
	struct utsname name;
	int major, minor;

	WORKS(uname(&name));
	EQUAL(sscanf(name.release, "%d.%d", &major, &minor), 2);
	return major > 5 || (major == 5 && minor >= 11);
}

unsigned long processes_killed(void)
{
	FILE *file = fopen("/proc/vmstat", "re");
	unsigned long killed = 0;
	char line[128];

	CHECK(file);
	while (fgets(line, sizeof(line), file))
		sscanf(line, "oom_kill %lu", &killed);
	fclose(file);
	return killed;
}

/*
 * MemFree does not include the free pages in each CPU's page sets, which may amount to dozens of
 * chunks. /proc/zoneinfo lists these pages as "count:", so they are added here.
 */
unsigned long free_memory_kib(void)
{
	unsigned long kib = 0, pages;
	char line[256];
	FILE *file;

	WORKS(write_text("/proc/sys/vm/drop_caches", "3"));
	file = fopen("/proc/zoneinfo", "re");
	CHECK(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " count: %lu", &pages) == 1)
			kib += pages * PAGE / 1024;
	fclose(file);
	return kib + meminfo_kib("MemFree");
}

/*
 * KASAN's quarantine alone may hold 1/32 of the memory. On a kernel with page_owner init checks the
 * owner of every page instead, so this estimate may be generous.
 */
unsigned long checkers_memory_kib(void)
{
	return access("/sys/kernel/debug/page_owner", F_OK) ? 0 : meminfo_kib("MemTotal") / 16;
}
