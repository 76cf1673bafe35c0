// SPDX-License-Identifier: MIT
/* Built with AddressSanitizer: writes behind an object if it is given an argument, and tells if it is not. */
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
