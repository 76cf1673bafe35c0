// SPDX-License-Identifier: MIT
/*
 * A program that captures frames of a camera into objects from malloc, with a driver that demands
 * one contiguous range for each frame. Such a driver takes memory of others as dma-bufs. Start the
 * program under pinned-run(1) with --contiguous, so that each object is one extent. Another program,
 * such as v4l2-ctl, chooses the input and the format before.
 *
 * usage: capture DEVICE FRAMES FILE
 * Writes the frames to FILE, and prints "capture frames=N frame_bytes=N extents=N", where extents
 * is that of the object with the most.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <pinned.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BUFFERS 4

static int camera;
static char *frames[BUFFERS];
static int shared[BUFFERS];
static unsigned int frame_bytes;

static _Noreturn __attribute__((format(printf, 1, 2))) void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void demand(unsigned long request, void *argument, const char *what)
{
	int result;

	do
		result = ioctl(camera, request, argument);
	while (result < 0 && errno == EINTR);
	if (result < 0)
		die("%s: %m", what);
}

/* Allocates whole chunks, so that the dma-buf begins with the object. */
static long make_frame(unsigned int i)
{
	size_t size = (frame_bytes + PINNED_CHUNK_SIZE - 1) & ~(size_t)(PINNED_CHUNK_SIZE - 1);
	size_t offset;

	frames[i] = aligned_alloc(PINNED_CHUNK_SIZE, size);
	if (!frames[i])
		die("no memory for %zu bytes", size);
	shared[i] = pinned_export(frames[i], size, &offset);
	if (shared[i] < 0)
		die("no dma-buf of %zu bytes: %m", size);
	return pinned_v2p_sg(frames[i], frame_bytes, NULL, 0);
}

static struct v4l2_buffer describe(unsigned int i)
{
	return (struct v4l2_buffer){
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
		.index = i,
		.m.fd = shared[i],
		.length = frame_bytes,
	};
}

/* Returns how many extents the object with the most consists of. */
static long begin(void)
{
	struct v4l2_format format = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
	struct v4l2_requestbuffers wanted = {
		.count = BUFFERS,
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
	};
	long most = 0;

	demand(VIDIOC_G_FMT, &format, "no video format");
	frame_bytes = format.fmt.pix.sizeimage;
	demand(VIDIOC_REQBUFS, &wanted, "the camera takes no dma-bufs");
	for (unsigned int i = 0; i < BUFFERS; i++) {
		long extents = make_frame(i);
		struct v4l2_buffer buffer = describe(i);

		if (extents > most)
			most = extents;
		demand(VIDIOC_QBUF, &buffer, "the camera does not take the memory");
	}
	demand(VIDIOC_STREAMON, &wanted.type, "the camera does not start");
	return most;
}

int main(int argc, char **argv)
{
	enum v4l2_buf_type type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	unsigned int count;
	long extents;
	FILE *file;

	if (argc != 4)
		die("usage: capture DEVICE FRAMES FILE");
	camera = open(argv[1], O_RDWR | O_CLOEXEC);
	count = (unsigned int)strtoul(argv[2], NULL, 0);
	file = fopen(argv[3], "we");
	if (camera < 0 || !file)
		die("cannot open %s: %m", camera < 0 ? argv[1] : argv[3]);
	extents = begin();
	for (unsigned int i = 0; i < count; i++) {
		struct v4l2_buffer buffer = describe(0);

		demand(VIDIOC_DQBUF, &buffer, "no frame");
		if (fwrite(frames[buffer.index], 1, frame_bytes, file) != frame_bytes)
			die("%s: %m", argv[3]);
		buffer = describe(buffer.index);
		demand(VIDIOC_QBUF, &buffer, "the camera does not take the memory again");
	}
	demand(VIDIOC_STREAMOFF, &type, "the camera does not stop");
	if (fclose(file))
		die("%s: %m", argv[3]);
	close(camera);
	for (unsigned int i = 0; i < BUFFERS; i++) {
		close(shared[i]);
		free(frames[i]);
	}
	printf("capture frames=%u frame_bytes=%u extents=%ld\n", count, frame_bytes, extents);
	return 0;
}
