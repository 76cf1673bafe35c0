// SPDX-License-Identifier: MIT
/*
 * Reads the tables of loaded objects; see elf.h.
 *
 * The list of objects may change while another thread runs dlopen() or dlclose(). The list is
 * therefore read only before a second thread exists, or inside dlopen(); next.c explains why.
 */
#define _GNU_SOURCE
#include "elf.h"

#include <stddef.h>
#include <sys/auxv.h>

/*
 * The dynamic linker's record for debuggers. C libraries other than glibc do not export _r_debug.
 */
extern struct r_debug _r_debug __attribute__((weak));
extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

/* From version 2 of struct r_debug on, the records of all namespaces form a linked list. */
struct chained_debug {
	struct r_debug debug;
	struct chained_debug *next;
};

bool pn_elf_is_self(const struct link_map *map)
{
	return map->l_ld == _DYNAMIC;
}

static bool contains_self(const struct link_map *first)
{
	for (const struct link_map *map = first; map; map = map->l_next)
		if (pn_elf_is_self(map))
			return true;
	return false;
}

const struct link_map *pn_elf_first(void)
{
	const struct chained_debug *record;

	if (!&_r_debug)
		return NULL;
	record = (const struct chained_debug *)&_r_debug;
	for (; record; record = record->debug.r_version >= 2 ? record->next : NULL)
		if (contains_self(record->debug.r_map))
			return record->debug.r_map;
	return NULL;
}

/*
 * Returns the address in @entry. The dynamic linker has already relocated the entry, unless the
 * dynamic section is read-only.
 */
static const void *address_of(const struct link_map *map, const ElfW(Dyn) * entry)
{
	uintptr_t address = entry->d_un.d_ptr;

	return (const void *)(address < map->l_addr ? address + map->l_addr : address);
}

bool pn_elf_open(struct pn_elf *elf, const struct link_map *map)
{
	*elf = (struct pn_elf){ .base = map->l_addr };
	for (const ElfW(Dyn) *entry = map->l_ld; entry && entry->d_tag != DT_NULL; entry++) {
		const void *address = address_of(map, entry);

		if (entry->d_tag == DT_SYMTAB)
			elf->symbols = address;
		else if (entry->d_tag == DT_STRTAB)
			elf->strings = address;
		else if (entry->d_tag == DT_VERSYM)
			elf->versions = address;
		else if (entry->d_tag == DT_GNU_HASH)
			elf->gnu_hash = address;
		else if (entry->d_tag == DT_HASH)
			elf->hash = address;
	}
	return elf->symbols && elf->strings && (elf->gnu_hash || elf->hash);
}

static bool is_same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* Returns whether symbol @index defines the function @name in its default version. */
static bool is_match(const struct pn_elf *elf, uint32_t index, const char *name)
{
	const ElfW(Sym) *symbol = &elf->symbols[index];
	unsigned int type = symbol->st_info & 0xf, binding = symbol->st_info >> 4;
	bool is_function = type == STT_FUNC || type == STT_NOTYPE || type == STT_GNU_IFUNC;
	bool is_old_version = elf->versions && elf->versions[index] & 0x8000;

	return is_function && !is_old_version && symbol->st_shndx != SHN_UNDEF &&
	       (binding == STB_GLOBAL || binding == STB_WEAK) &&
	       is_same(elf->strings + symbol->st_name, name);
}

/*
 * Returns false only if the object defines no symbol with this @hash. The table contains a Bloom
 * filter: each symbol that the object defines sets two bits in one word of the filter.
 */
static bool passes_filter(const uint32_t *table, uint32_t hash)
{
	const unsigned int bits = sizeof(ElfW(Addr)) * 8;
	const ElfW(Addr) *words = (const void *)(table + 4);
	ElfW(Addr) word = words[hash / bits & (table[2] - 1)];

	return word >> hash % bits & word >> (hash >> table[3]) % bits & 1;
}

/*
 * Returns the index of the symbol @name, or 0.
 *
 * The table consists of: the number of buckets, the index of the first hashed symbol, the number of
 * words in the Bloom filter, and the filter's shift; the filter; the buckets; and one hash for each
 * symbol, whose lowest bit marks the last symbol of a bucket.
 */
static uint32_t find_by_gnu_hash(const struct pn_elf *elf, const char *name)
{
	const uint32_t *table = elf->gnu_hash;
	uint32_t bucket_count = table[0], first = table[1], filter_words = table[2], hash = 5381;
	const uint32_t *buckets = table + 4 + filter_words * (sizeof(ElfW(Addr)) / 4);
	const uint32_t *hashes = buckets + bucket_count;
	uint32_t index;

	for (const char *at = name; *at; at++)
		hash = hash * 33 + (unsigned char)*at;
	if (!bucket_count || !passes_filter(table, hash))
		return 0;
	index = buckets[hash % bucket_count];
	if (index < first)
		return 0;
	for (;; index++) {
		if ((hashes[index - first] | 1) == (hash | 1) && is_match(elf, index, name))
			return index;
		if (hashes[index - first] & 1)
			return 0;
	}
}

/*
 * Returns the index of the symbol @name, or 0. The table consists of the number of buckets, the
 * number of symbols, the buckets, and the successor of each symbol in its bucket.
 */
static uint32_t find_by_hash(const struct pn_elf *elf, const char *name)
{
	uint32_t bucket_count = elf->hash[0], hash = 0, index;
	const uint32_t *buckets = elf->hash + 2, *successors = buckets + bucket_count;

	for (const char *at = name; *at; at++) {
		hash = (hash << 4) + (unsigned char)*at;
		hash = (hash ^ (hash >> 28 << 4)) & 0x0fffffff;
	}
	index = bucket_count ? buckets[hash % bucket_count] : 0;
	while (index && !is_match(elf, index, name))
		index = successors[index];
	return index;
}

void *pn_elf_find(const struct pn_elf *elf, const char *name)
{
	uint32_t index = elf->gnu_hash ? find_by_gnu_hash(elf, name) : find_by_hash(elf, name);
	const ElfW(Sym) *symbol = &elf->symbols[index];
	uintptr_t address = elf->base + symbol->st_value;

	if (!index)
		return NULL;
	if ((symbol->st_info & 0xf) == STT_GNU_IFUNC)
		address = ((uintptr_t(*)(unsigned long))address)(getauxval(AT_HWCAP));
	return (void *)address;
}

struct pn_elf_range pn_elf_range(const struct link_map *map)
{
	const ElfW(Ehdr) *header = (const void *)map->l_addr;
	const ElfW(Phdr) * segment;
	size_t end = 0;

	/* A program that is linked to fixed addresses has the base 0. */
	if (!header || header->e_ident[0] != ELFMAG0 || header->e_ident[1] != ELFMAG1)
		return (struct pn_elf_range){ 0 };
	segment = (const void *)(map->l_addr + header->e_phoff);
	for (unsigned int i = 0; i < header->e_phnum; i++)
		if (segment[i].p_type == PT_LOAD && segment[i].p_vaddr + segment[i].p_memsz > end)
			end = segment[i].p_vaddr + segment[i].p_memsz;
	return (struct pn_elf_range){ .start = map->l_addr, .size = end };
}
