// SPDX-License-Identifier: MIT
/*
 * The structures that pinnedctl can read in this process (os/watch.h), and the ELF note that leads
 * to the table of all entries. The entry of a variable that is static to a file is in that file.
 *
 * The note has the owner "pinned-mem" and the type 1, and contains two signed words: the distance
 * from the first word to the beginning of the table, and from the second word to the end of the
 * table.
 */
#include "os/watch.h"

#include "front/runtime.h"
#include "front/tcache.h"

PN_WATCH_CONSTANT(schema, 1);

PN_WATCH_CONSTANT(chunk_shift, PN_CHUNK_SHIFT);
PN_WATCH_CONSTANT(page_shift, PN_PAGE_SHIFT);
PN_WATCH_CONSTANT(classes_plain, PN_CLASSES_PLAIN);
PN_WATCH_CONSTANT(slot_empty, PN_SLOT_EMPTY);
PN_WATCH_CONSTANT(slot_pages, PN_SLOT_PAGES);
PN_WATCH_CONSTANT(slot_large, PN_SLOT_LARGE);
PN_WATCH_CONSTANT(slot_large_tail, PN_SLOT_LARGE_TAIL);
PN_WATCH_CONSTANT(slot_raw, PN_SLOT_RAW);

PN_WATCH_MEMBER(pn_fallback, requests);
PN_WATCH_MEMBER(pn_fallback, bytes);

PN_WATCH_VARIABLE(arena, pn_arena);
PN_WATCH_MEMBER(pn_arena, base);
PN_WATCH_MEMBER(pn_arena, size);
PN_WATCH_MEMBER(pn_arena, limit);
PN_WATCH_MEMBER(pn_arena, phys);
PN_WATCH_MEMBER(pn_arena, slabs);
PN_WATCH_MEMBER(pn_arena, slots);
PN_WATCH_MEMBER(pn_arena, epoch);

PN_WATCH_CONSTANT(sizeof_pn_slot, sizeof(struct pn_slot));
PN_WATCH_MEMBER(pn_slot, state);
PN_WATCH_MEMBER(pn_slot, longest);
PN_WATCH_MEMBER(pn_slot, epoch);
PN_WATCH_MEMBER(pn_slot, run);
PN_WATCH_MEMBER(pn_slot, heap);
PN_WATCH_MEMBER(pn_slot, free);

PN_WATCH_VARIABLE(heap, pn_heap);
PN_WATCH_MEMBER(pn_heap, pool);
PN_WATCH_MEMBER(pn_heap, limit_chunks);
PN_WATCH_MEMBER(pn_heap, decay_ms);
PN_WATCH_MEMBER(pn_heap, next);
PN_WATCH_MEMBER(pn_heap, stats);
PN_WATCH_MEMBER(pn_pool, backend);
PN_WATCH_MEMBER(pn_pool, memory);
PN_WATCH_MEMBER(pn_memory, type);
PN_WATCH_MEMBER(pn_memory, node);
PN_WATCH_MEMBER(pn_memory, max_phys);
PN_WATCH_MEMBER(pn_backend, name);

PN_WATCH_VARIABLE(classes, pn_classes);
PN_WATCH_CONSTANT(sizeof_pn_class, sizeof(struct pn_class));
PN_WATCH_MEMBER(pn_class, size);

PN_WATCH_CONSTANT(sizeof_pn_slab, sizeof(struct pn_slab));
PN_WATCH_MEMBER(pn_slab, count);
PN_WATCH_MEMBER(pn_slab, pages);
PN_WATCH_MEMBER(pn_slab, class);
PN_WATCH_MEMBER(pn_slab, size);
PN_WATCH_MEMBER(pn_slab, free);
PN_WATCH_MEMBER(pn_slab, returned);

PN_WATCH_CONSTANT(sizeof_pn_tcache, sizeof(struct pn_tcache));
PN_WATCH_MEMBER(pn_tcache, bins);
PN_WATCH_MEMBER(pn_tcache, medium_bytes);
PN_WATCH_MEMBER(pn_tcache, next);
PN_WATCH_CONSTANT(bin_others, PN_BIN_OTHERS);
PN_WATCH_CONSTANT(sizeof_pn_bin, sizeof(struct pn_bin));
PN_WATCH_MEMBER(pn_bin, count);

/*
 * The linker defines the symbols at the two ends of the table, because the section's name is a C
 * identifier.
 */
__asm__(".hidden __start_pn_watch\n"
	".hidden __stop_pn_watch\n"
	".pushsection .note.pinned_mem, \"a\", %note\n"
	".balign 4\n"
	".long 11, 8, 1\n"
	".asciz \"pinned-mem\"\n"
	".balign 4\n"
	".long __start_pn_watch - .\n"
	".long __stop_pn_watch - .\n"
	".popsection\n");
