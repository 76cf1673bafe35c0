// SPDX-License-Identifier: MIT
/*
 * Protects callers of C library functions that allocate for them: free(), realloc() and
 * malloc_usable_size() work on such memory (Faults B17).
 */
#define _GNU_SOURCE
#include <argz.h>
#include <dirent.h>
#include <glob.h>
#include <iconv.h>
#include <ifaddrs.h>
#include <limits.h>
#include <locale.h>
#include <malloc.h>
#include <net/if.h>
#include <netdb.h>
#include <obstack.h>
#include <regex.h>
#include <search.h>
#include <stdlib.h>
#include <wchar.h>

#include "../../lib/check.h"

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

static void consume(void *object, size_t at_least)
{
	CHECK(object);
	CHECK(malloc_usable_size(object) >= at_least);
	object = realloc(object, at_least + 100000);
	CHECK(object);
	free(object);
}

static void strings(void)
{
	char *text, *line = NULL;
	wchar_t *wide = wcsdup(L"wide");
	size_t room = 0;
	FILE *file = tmpfile();

	consume(strdup("a string"), 9);
	consume(strndup("a string", 3), 4);
	consume(wide, 5 * sizeof(wchar_t));
	CHECK(asprintf(&text, "%0*d", 70000, 7) == 70000);
	consume(text, 70001);
	CHECK(file);
	for (int i = 0; i < 300; i++)
		fprintf(file, "%0*d\n", i * 31 + 1, i);
	rewind(file);
	for (int i = 0; i < 300; i++)
		CHECK(getline(&line, &room, file) == i * 31 + 2 && atoi(line) == i);
	rewind(file);
	CHECK(getdelim(&line, &room, EOF, file) > 300);
	consume(line, room);
	CHECK(fseek(file, 0, SEEK_SET) == 0);
	CHECK(fscanf(file, "%ms", &text) == 1);
	consume(text, 2);
	fclose(file);
}

static void streams(void)
{
	char *text;
	wchar_t *wide;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	CHECK(stream);
	for (int i = 0; i < 50000; i++)
		fprintf(stream, "%d,", i);
	CHECK(!fclose(stream) && length == 288890);
	consume(text, length + 1);
	stream = open_wmemstream(&wide, &length);
	CHECK(stream && fwprintf(stream, L"%ls", L"wide") == 4 && !fclose(stream));
	consume(wide, 5 * sizeof(wchar_t));
	stream = fmemopen(NULL, 100000, "w+");
	CHECK(stream && fputs("text", stream) >= 0 && !fclose(stream));
	stream = fopen("/dev/null", "w");
	CHECK(stream && !setvbuf(stream, NULL, _IOFBF, 1 << 20));
	CHECK(fputs("text", stream) >= 0 && !fclose(stream));
}

static void files(void)
{
	struct dirent **entries;
	int count = scandir("/usr/bin", &entries, NULL, alphasort);
	glob_t found;

	CHECK(count > 10);
	while (count--)
		free(entries[count]);
	consume(entries, sizeof(*entries));
	consume(realpath("/usr/../usr/bin/./", NULL), 9);
	consume(getcwd(NULL, 0), 2);
	consume(get_current_dir_name(), 2);
	CHECK(!glob("/usr/bin/[a-m]*", 0, NULL, &found) && found.gl_pathc > 5);
	globfree(&found);
	CHECK(!closedir(opendir("/")));
}

static void network(void)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE }, *addresses;
	struct if_nameindex *names = if_nameindex();
	struct ifaddrs *interfaces;

	CHECK(!getaddrinfo("127.0.0.1", "80", &hints, &addresses));
	freeaddrinfo(addresses);
	if (!getaddrinfo("localhost", NULL, NULL, &addresses))
		freeaddrinfo(addresses);
	CHECK(!getifaddrs(&interfaces));
	freeifaddrs(interfaces);
	if (names)
		if_freenameindex(names);
	gethostbyname("localhost");
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a < *(const int *)b ? -1 : *(const int *)a > *(const int *)b;
}

static void structures(void)
{
	struct obstack stack;
	regex_t regex;
	void *root = NULL;
	char *argz = NULL;
	size_t length = 0;
	int *numbers = calloc(100000, sizeof(*numbers));

	for (int i = 0; i < 5000; i++) {
		int *number = malloc(sizeof(*number));

		*number = i * 7919 % 10007;
		CHECK(tsearch(number, &root, compare));
	}
	tdestroy(root, free);
	obstack_init(&stack);
	for (int i = 1; i < 3000; i++)
		memset(obstack_alloc(&stack, i), i, (size_t)i);
	obstack_free(&stack, NULL);
	CHECK(!regcomp(&regex, "^(a|b)*c{2,40}[[:digit:]]+(x|y|zz)$", REG_EXTENDED));
	CHECK(!regexec(&regex, "ababacc123zz", 0, NULL, 0));
	regfree(&regex);
	for (int i = 0; i < 300; i++)
		CHECK(!argz_add(&argz, &length, "word"));
	consume(argz, length);
	CHECK(hcreate(5000));
	hdestroy();
	for (int i = 0; i < 100000; i++)
		numbers[i] = i * 7919 % 100003;
	qsort(numbers, 100000, sizeof(*numbers), compare);
	for (int i = 1; i < 100000; i++)
		CHECK(numbers[i - 1] < numbers[i]);
	free(numbers);
}

static void locales(void)
{
	locale_t locale = newlocale(LC_ALL_MASK, "C.UTF-8", NULL);
	iconv_t converter = iconv_open("UTF-16", "UTF-8");

	if (locale)
		freelocale(locale);
	CHECK(converter != (iconv_t)-1 && !iconv_close(converter));
	CHECK(setlocale(LC_ALL, "C.UTF-8") != NULL);
	CHECK(setenv("TEST_VALUE", "something", 1) == 0 && unsetenv("TEST_VALUE") == 0);
}

int main(void)
{
	for (int round = 0; round < 3; round++) {
		strings();
		streams();
		files();
		network();
		structures();
		locales();
	}
	return 0;
}
