// SPDX-License-Identifier: MIT
/*
 * Call stacks, by libgcc's unwinder. A C++ program has loaded the unwinder already; into other
 * programs we load it when a profile is wanted. We do not link to it: every program under the shim
 * would load it then, and a program with another C library could not start.
 *
 * Frame pointers would be faster, but the libraries of most distributions are built without them.
 */
#include "profile/callers.h"

#include <dlfcn.h>
#include <sys/auxv.h>
#include <unwind.h>

/* On 32-bit ARM the unwinder has no function for the address alone, only one for any register. */
#ifdef __ARM_EABI_UNWINDER__
#define GET_REGISTER _Unwind_VRS_Get
#define GET_REGISTER_NAME "_Unwind_VRS_Get"
#pragma weak _Unwind_VRS_Get
#else
#define GET_REGISTER _Unwind_GetIP
#define GET_REGISTER_NAME "_Unwind_GetIP"
#pragma weak _Unwind_GetIP
#endif
#pragma weak _Unwind_Backtrace
#pragma weak dlopen
#pragma weak dlsym

typedef _Unwind_Reason_Code backtrace_fn(_Unwind_Trace_Fn visit, void *argument);
typedef __typeof__(GET_REGISTER) get_register_fn;

static backtrace_fn *backtrace;
static get_register_fn *get_register;

static uintptr_t address_of(struct _Unwind_Context *context)
{
#ifdef __ARM_EABI_UNWINDER__
	uint32_t pc = 0;

	get_register(context, _UVRSC_CORE, 15, _UVRSD_UINT32, &pc);
	/* The lowest bit says that the code is Thumb code. */
	return pc & ~1U;
#else
	return get_register(context);
#endif
}

/*
 * The first byte and the end of the code of the object that contains this file: the library, or a
 * program that is linked statically with it. The linker defines them.
 */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));

struct walk {
	uintptr_t *addresses;
	size_t count;
	size_t most;
	bool is_inside;
};

/*
 * Returns true if this library is an object of its own. In a program that is linked statically with
 * it, the program's code cannot be told apart from the library's.
 */
static bool is_own_library(void)
{
	return getauxval(AT_PHDR) - (uintptr_t)__ehdr_start >= 4096;
}

static bool is_inside(uintptr_t address)
{
	return address - (uintptr_t)__ehdr_start < (uintptr_t)etext - (uintptr_t)__ehdr_start;
}

static _Unwind_Reason_Code visit(struct _Unwind_Context *context, void *argument)
{
	struct walk *walk = argument;
	uintptr_t address = address_of(context);

	if (walk->is_inside && is_inside(address))
		return _URC_NO_REASON;
	walk->is_inside = false;
	if (!address || walk->count == walk->most)
		return _URC_END_OF_STACK;
	walk->addresses[walk->count++] = address;
	return _URC_NO_REASON;
}

void pn_callers_prepare(void)
{
	backtrace_fn *found = _Unwind_Backtrace;
	void *library;

	get_register = GET_REGISTER;
	if (!found || !get_register) {
		library = dlopen && dlsym ? dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_LOCAL) : NULL;
		if (!library)
			return;
		get_register = (get_register_fn *)dlsym(library, GET_REGISTER_NAME);
		found = (backtrace_fn *)dlsym(library, "_Unwind_Backtrace");
	}
	if (get_register)
		__atomic_store_n(&backtrace, found, __ATOMIC_RELEASE);
}

size_t pn_callers_get(uintptr_t *addresses, size_t most)
{
	backtrace_fn *walk_stack = __atomic_load_n(&backtrace, __ATOMIC_ACQUIRE);
	struct walk walk = {
		.addresses = addresses,
		.most = most,
		.is_inside = is_own_library(),
	};

	if (walk_stack)
		walk_stack(visit, &walk);
	return walk.count;
}
