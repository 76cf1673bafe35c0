// SPDX-License-Identifier: MIT
/*
 * Sends standard input, up to EDU_MAX bytes, to the card and prints what the card returns. Prints
 * to stderr how many bytes the card read and wrote in place.
 *
 * usage: edu-echo [--ordinary]      --ordinary: use memory from malloc()
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pinned.h>

#include "edu.h"

static int echo(struct edu *edu, char *out, char *in)
{
	size_t length = fread(out, 1, EDU_MAX, stdin);

	if (!length)
		return 0;
	if (edu_send(edu, out, length) || edu_receive(edu, in, length)) {
		perror("edu-echo: transfer");
		return 1;
	}
	fwrite(in, 1, length, stdout);
	fprintf(stderr, "edu-echo: straight=%zu copied=%zu\n", edu->straight, edu->copied);
	return 0;
}

int main(int argc, char **argv)
{
	bool is_ordinary = argc == 2 && !strcmp(argv[1], "--ordinary");
	void *(*get)(size_t) = is_ordinary ? malloc : pinned_malloc;
	void (*put)(void *) = is_ordinary ? free : pinned_free;
	char *out, *in;
	struct edu edu;
	int status = 1;

	if (argc > 1 && !is_ordinary) {
		fprintf(stderr, "usage: edu-echo [--ordinary]\n");
		return 2;
	}
	if (edu_open(&edu)) {
		perror("edu-echo: cannot open the card");
		return 1;
	}
	out = get(EDU_MAX);
	in = get(EDU_MAX);
	if (out && in)
		status = echo(&edu, out, in);
	else
		perror("edu-echo: no memory");
	put(out);
	put(in);
	edu_close(&edu);
	return status;
}
