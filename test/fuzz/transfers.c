// SPDX-License-Identifier: MIT
/*
 * The fuzzer's steps in which the memory is accessed by the kernel, by another descriptor or by
 * another process: pipes, vmsplice, process_vm_readv, /proc/self/mem, dma-bufs, and descriptors
 * that are sent over sockets (Faults A15, A21, A43).
 */
#include "fuzz.h"

#include <sys/socket.h>
#include <sys/uio.h>

#define WORDS (PAGE / sizeof(uint64_t))

static uint64_t buffer[PAGE_MAX / sizeof(uint64_t)];

/* Returns a page with memory that allows @needed, and where the model keeps its value; or NULL. */
static char *pick_present(int needed, uint64_t **value)
{
	struct model_page *p;
	unsigned long page;
	unsigned int place;

	if (!model_random_mapped(&place, &page))
		return NULL;
	p = model_page_at(place, page);
	*value = model_value(p);
	if (!*value || (p->prot & needed) != needed || !fuzz.model.pools[p->pool].is_mine ||
	    p->memory_type != fuzz.model.pools[p->pool].memory_type)
		return NULL;
	return model_address(place, page);
}

static bool is_whole(const char *what, ssize_t got)
{
	if (got == (ssize_t)PAGE)
		return true;
	if (!fuzz.is_starved)
		WRONG("%s: expected a page, got %zd (%s)", what, got,
		      got < 0 ? strerrorname_np(errno) : "short");
	return false;
}

/* Lets the kernel read one page into a pipe and write the pipe's content to another page. */
static void through_pipe(int fds[2])
{
	uint64_t *from_value, *to_value;
	char *from = pick_present(PROT_READ, &from_value);
	char *to = pick_present(RW, &to_value);
	uint64_t value;

	if (!from || !to)
		return;
	value = *from_value;
	if (!is_whole("write() from a page", write(fds[1], from, PAGE)))
		return;
	if (is_whole("read() into a page", read(fds[0], to, PAGE)))
		*to_value = value;
	else
		/* An unknown part was copied: write the page's old value again. */
		for (size_t i = 0; i < WORDS; i++)
			((volatile uint64_t *)to)[i] = *to_value;
}

static void with_pipe(void (*run)(int fds[2]))
{
	int fds[2];

	if (!fuzz_worked("pipe2()", pipe2(fds, O_CLOEXEC | O_NONBLOCK)))
		return;
	run(fds);
	close(fds[0]);
	close(fds[1]);
}

void step_pipe(void)
{
	with_pipe(through_pipe);
}

/*
 * A pipe pins the page, so a request that changes the slot does not change what the pipe delivers.
 */
static void splice_through_pipe(int fds[2])
{
	uint64_t *value_at, value;
	char *at = pick_present(PROT_READ, &value_at);
	struct iovec iov = { at, PAGE };

	if (!at)
		return;
	value = *value_at;
	if (!is_whole("vmsplice()", vmsplice(fds[1], &iov, 1, 0)))
		return;
	step_request();
	fuzz.doing = "read of spliced page";
	if (is_whole("read() of a spliced page", read(fds[0], buffer, PAGE)))
		model_check_words(buffer, WORDS, value, "spliced page");
}

void step_splice(void)
{
	with_pipe(splice_through_pipe);
}

static ssize_t read_mem_file(char *at)
{
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC), error;
	ssize_t got = fd < 0 ? -1 : pread(fd, buffer, PAGE, (off_t)(uintptr_t)at);

	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return got;
}

void step_other_view(void)
{
	uint64_t *value;
	char *at = pick_present(PROT_READ, &value);
	struct iovec local = { buffer, PAGE }, remote = { at, PAGE };
	ssize_t got;

	if (!at)
		return;
	if (fuzz_once_in(&fuzz.random, 2))
		got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	else
		got = read_mem_file(at);
	if (is_whole("reading one's own memory from outside", got))
		model_check_words(buffer, WORDS, *value, "page seen from outside");
}

/* dma-bufs. Each shows the chunks of which it was made, even if these have left their slots. */

static void drop_export(struct model_export *export)
{
	close(export->fd);
	export->fd = -1;
	for (unsigned int i = 0; i < export->count; i++)
		model_chunk_put(export->chunks[i]);
}

static void check_export(const struct model_export *export, const char *at)
{
	for (unsigned int i = 0; i < export->count; i++) {
		const struct model_chunk *chunk = &fuzz.model.chunks[export->chunks[i]];
		unsigned long page = fuzz_below(&fuzz.random, CHUNK_PAGES);

		model_check_words((const uint64_t *)(at + i * CHUNK + page * PAGE), WORDS,
				  chunk->pages[page], "dma-buf");
	}
}

void step_export(void)
{
	struct model_export *export = &fuzz.model.exports[fuzz_below(&fuzz.random, EXPORTS)];
	/* After all places, where no other mapping of the fuzzer lies. */
	void *at = fuzz.window + PLACES * PLACE_STRIDE;

	if (export->fd < 0)
		return;
	if (fuzz_once_in(&fuzz.random, 4))
		return drop_export(export);
	if (mmap(at, export->count * CHUNK, PROT_READ, MAP_SHARED | MAP_FIXED, export->fd, 0) ==
	    MAP_FAILED) {
		if (!fuzz_is_shortage(errno))
			WRONG("mmap() of a dma-buf: got %s", strerrorname_np(errno));
		return;
	}
	check_export(export, at);
	while (munmap(at, export->count * CHUNK) && fuzz_is_shortage(errno))
		;
}

/* Descriptors. */

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static void try_to_send(int socket, int fd)
{
	union control control = { .bytes = {} };
	struct iovec iov = { "", 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int try_to_receive(int socket)
{
	union control control = { .bytes = {} };
	struct iovec iov = { &(char){ 0 }, 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1 ||
	    message.msg_controllen < sizeof(control.header) ||
	    control.header.cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

static void must_be_refused(const char *what, long result)
{
	if (result != -1)
		WRONG("%s on another process's pool: expected EPERM, got success", what);
	if (errno != EPERM && !fuzz_is_shortage(errno))
		WRONG("%s on another process's pool: expected EPERM, got %s", what,
		      strerrorname_np(errno));
}

static void try_foreign_pool(int fd)
{
	struct pinned_mem_query found;

	must_be_refused("POPULATE", populate(fd, 0, 1, NULL));
	must_be_refused("PUNCH", punch(fd, fuzz_below(&fuzz.random, SLOTS), 1));
	must_be_refused("QUERY", query(fd, 0, &found));
	must_be_refused("mmap()", (long)mmap(NULL, CHUNK, PROT_READ, MAP_SHARED, fd, 0));
}

void step_pass_descriptor(void)
{
	const struct model_pool *pool = &fuzz.model.pools[fuzz_below(&fuzz.random, POOLS)];
	int fd;

	/* Only workers pass descriptors on, each to the next one in the ring. */
	if (fuzz.depth || fuzz.sockets[0] < 0)
		return;
	if (pool->fd >= 0)
		try_to_send(fuzz.sockets[0], pool->fd);
	fd = try_to_receive(fuzz.sockets[1]);
	if (fd < 0)
		return;
	try_foreign_pool(fd);
	close(fd);
}
