/*
 * libc has no clone3() that takes a stack, so that the call is made here for machines that
 * tests run on.  Where it is not to be had (another machine, an old kernel, valgrind) the
 * child enters the group itself, which costs a tenth of a start.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/clone.h"

struct entry {
	int	(*fn)(void *);
	void	*arg;
	int	 group;
	int	 error;
};

#if defined(__x86_64__)
static long
clone3(struct clone_args *args, int (*fn)(void *), void *arg)
{
	register int	(*r8)(void *) __asm__("r8") = fn;
	register void	*r9 __asm__("r9") = arg;
	long		 ret;

	/* The child begins on its own stack, with our registers. */
	__asm__ volatile(
	    "syscall\n\t"
	    "testq %%rax, %%rax\n\t"
	    "jnz 1f\n\t"
	    "xorl %%ebp, %%ebp\n\t"
	    "movq %%r9, %%rdi\n\t"
	    "callq *%%r8\n\t"
	    "movl %%eax, %%edi\n\t"
	    "movl %[exit], %%eax\n\t"
	    "syscall\n\t"
	    "hlt\n"
	    "1:"
	    : "=a"(ret)
	    : "0"((long)SYS_clone3), "D"(args), "S"(sizeof *args), "r"(r8), "r"(r9),
	      [exit] "i"(SYS_exit)
	    : "rcx", "r11", "cc", "memory");
	if (ret < 0) {
		errno = (int)-ret;
		ret = -1;
	}
	return ret;
}
#elif defined(__aarch64__)
static long
clone3(struct clone_args *args, int (*fn)(void *), void *arg)
{
	register long	x0 __asm__("x0") = (long)args;
	register long	x1 __asm__("x1") = sizeof *args;
	register long	x8 __asm__("x8") = SYS_clone3;
	register int	(*x10)(void *) __asm__("x10") = fn;
	register void	*x11 __asm__("x11") = arg;

	__asm__ volatile(
	    "svc #0\n\t"
	    "cbnz x0, 1f\n\t"
	    "mov x29, #0\n\t"
	    "mov x0, x11\n\t"
	    "blr x10\n\t"
	    "mov x8, %[exit]\n\t"
	    "svc #0\n"
	    "1:"
	    : "+r"(x0)
	    : "r"(x1), "r"(x8), "r"(x10), "r"(x11), [exit] "i"(SYS_exit)
	    : "cc", "memory");
	if (x0 < 0) {
		errno = (int)-x0;
		return -1;
	}
	return x0;
}
#else
static long
clone3(struct clone_args *args, int (*fn)(void *), void *arg)
{
	(void)args;
	(void)fn;
	(void)arg;
	errno = ENOSYS;
	return -1;
}
#endif

/* It may not run anywhere else. */
static int
enter(void *arg)
{
	struct entry	*e = arg;
	int		 fd = openat(e->group, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	if (fd == -1 || write(fd, "0", 1) != 1) {
		e->error = errno;
		_exit(127);
	}
	return e->fn(e->arg);
}

pid_t
clone_into(int (*fn)(void *), char *stack, size_t size, void *arg, int group)
{
	struct entry		e = { fn, arg, group, 0 };
	struct clone_args	args = { .flags = CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP,
				    .exit_signal = SIGCHLD, .stack = (uint64_t)(uintptr_t)stack,
				    .stack_size = size, .cgroup = (uint64_t)group };
	long			pid = clone3(&args, fn, arg);

	if (pid != -1 || errno != ENOSYS)
		return (pid_t)pid;
	pid = clone(enter, stack + size, CLONE_VM | CLONE_VFORK | SIGCHLD, &e);
	if (pid != -1 && e.error != 0) {
		(void)waitpid((pid_t)pid, NULL, 0);
		errno = e.error;
		pid = -1;
	}
	return (pid_t)pid;
}
