/* SPDX-License-Identifier: MIT */
/*
 * System calls by the machine instruction. The library makes all its system calls this way, because
 * a preloaded library may wrap syscall(), mmap(), open() or any other public name, look the real
 * one up by dlsym() and allocate meanwhile: torsocks wraps syscall() itself, and its wrapper waits
 * for an initialisation that allocates.
 *
 * None of these functions is a cancellation point, takes a lock, or allocates.
 */
#ifndef PN_SYSCALL_H
#define PN_SYSCALL_H

#include <errno.h>
#include <sys/syscall.h>

#if defined(__x86_64__)

/* Returns what the kernel answers: a result, or a negated errno from -4095 to -1. */
static inline long pn_syscall_raw(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#elif defined(__i386__)

/*
 * The sixth argument goes into ebp, which the compiler may need as its frame pointer: the first and
 * the sixth argument are passed in memory, and both registers are restored. Both are pushed before
 * the address of the pair, which is in eax, is overwritten by the number.
 */
static inline long pn_syscall_raw(long number, long a, long b, long c, long d, long e, long f)
{
	long memory[3] = { number, a, f };
	long result;

	__asm__ volatile("push %%ebx\n\t"
			 "push %%ebp\n\t"
			 "mov 4(%%eax), %%ebx\n\t"
			 "mov 8(%%eax), %%ebp\n\t"
			 "mov (%%eax), %%eax\n\t"
			 "int $0x80\n\t"
			 "pop %%ebp\n\t"
			 "pop %%ebx"
			 : "=a"(result)
			 : "a"(memory), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "memory");
	return result;
}

#elif defined(__aarch64__)

/* Returns what the kernel answers: a result, or a negated errno from -4095 to -1. */
static inline long pn_syscall_raw(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory", "cc");
	return x0;
}

#elif defined(__arm__)

/* The number goes into r7, which is the frame pointer of Thumb code: it is restored. */
static inline long pn_syscall_raw(long number, long a, long b, long c, long d, long e, long f)
{
	register long r0 __asm__("r0") = a;
	register long r1 __asm__("r1") = b;
	register long r2 __asm__("r2") = c;
	register long r3 __asm__("r3") = d;
	register long r4 __asm__("r4") = e;
	register long r5 __asm__("r5") = f;
	long saved;

	__asm__ volatile("mov %[saved], r7\n\t"
			 "mov r7, %[number]\n\t"
			 "svc 0\n\t"
			 "mov r7, %[saved]"
			 : "+r"(r0), [saved] "=&r"(saved)
			 : [number] "r"(number), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5)
			 : "memory", "cc");
	return r0;
}

#else

#error "os/syscall.h has no system call instruction for this architecture"

#endif

/* Returns as syscall(2) does: a result, or -1 with errno. */
static inline long pn_syscall_checked(long number, long a, long b, long c, long d, long e, long f)
{
	long result = pn_syscall_raw(number, a, b, c, d, e, f);

	if ((unsigned long)result < -4095UL)
		return result;
	errno = (int)-result;
	return -1;
}

/* pn_syscall(number, up to six arguments, integers or pointers): as syscall(2). */
#define PN_SYSCALL_PICK(number, a, b, c, d, e, f, ...)                                            \
	pn_syscall_checked((long)(number), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), \
			   (long)(f))
#define pn_syscall(...) PN_SYSCALL_PICK(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

#endif /* PN_SYSCALL_H */
