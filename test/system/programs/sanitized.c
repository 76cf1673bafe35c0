// SPDX-License-Identifier: MIT
/*
 * Built with AddressSanitizer: with an argument it writes past the end of an object, and without
 * one it only prints a line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	char *object = malloc(10);

	(void)argv;
	if (!object)
		return 2;
	memset(object, 'x', argc > 1 ? 11 : 10);
	printf("%c\n", object[9]);
	free(object);
	return 0;
}
