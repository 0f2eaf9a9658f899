/* Burning, touching, syncing; see stress.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "worker/stress.h"

#define PLACE_WAIT_MS	50	/* until it is asked again for a place */
#define LOOK_SPINS	2000	/* between two looks at the clock */
#define PAUSE_MS	5	/* after each round: the machine is others' too */
#define DISK_PAUSE_MS	20	/* 25 MB/s at most: a disk wears out */

/* ---- what all of them are ---- */

static void __attribute__((noreturn))
idle(void)
{
	for (;;)
		(void)pause();
}

static void
become(int parent, const char *name)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	(void)prctl(PR_SET_NAME, name);
	(void)close_range(STDERR_FILENO + 1, ~0u, 0);
	(void)!nice(STRESS_NICE);
}

/* Who runs out of memory is to be we, not the test. */
static void
volunteer(void)
{
	int	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd == -1)
		return;
	(void)!write(fd, "1000", 4);
	(void)close(fd);
}

/* ---- CPUs ---- */

bool
stress_is_on(uint64_t ms, uint64_t *ret_left_ms)
{
	uint64_t	period = ms / STRESS_PERIOD_MS, at = ms % STRESS_PERIOD_MS;
	/* Multiplicative hashing: ever another length, the same for all who look. */
	uint64_t	on = 48 + (period * UINT64_C(0x9e3779b97f4a7c15) >> 32) % 49;

	*ret_left_ms = (at < on ? on : STRESS_PERIOD_MS) - at;
	return at < on;
}

/* A place among those of this host is an abstract socket's name: the kernel knows who
 * has it, and gives it back whatever becomes of us. */
int
stress_place(void)
{
	struct sockaddr_un	 sa = { .sun_family = AF_UNIX };
	long			 n = sysconf(_SC_NPROCESSORS_ONLN) * STRESS_PLACES;
	int			 fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), len;

	if (fd == -1)
		return -1;
	for (long i = 0; i < n; i++) {
		len = snprintf(sa.sun_path + 1, sizeof sa.sun_path - 1, "paratest-burner-%ld", i);
		if (bind(fd, (struct sockaddr *)&sa, (socklen_t)(offsetof(struct sockaddr_un,
		    sun_path) + 1 + (size_t)len)) == 0)
			return fd;
		if (errno != EADDRINUSE)
			break;
	}
	(void)close(fd);
	return -1;
}

void
stress_burn(int parent)
{
	volatile unsigned	x = 0;
	uint64_t		left;

	become(parent, "paratest-burner");
	while (stress_place() == -1)
		(void)poll(NULL, 0, PLACE_WAIT_MS);
	for (;;) {
		if (!stress_is_on(now_ms(), &left))
			(void)poll(NULL, 0, (int)left);
		for (int i = 0; i < LOOK_SPINS; i++)
			x = x * 1664525 + 1013904223;
	}
}

/* ---- memory ---- */

uint64_t
stress_memory_size(const char *meminfo)
{
	const char		*at = strstr(meminfo, "\nMemAvailable:");
	unsigned long long	 kib;

	if (at == NULL || sscanf(at, "\nMemAvailable: %llu kB", &kib) != 1)
		return 0;
	kib /= 10;
	return kib < STRESS_MEMORY_MAX / 1024 ? kib * 1024 : STRESS_MEMORY_MAX;
}

static uint64_t
memory_size(void)
{
	char	buf[4096];
	ssize_t	n;
	int	fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return 0;
	n = read(fd, buf, sizeof buf - 1);
	(void)close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return stress_memory_size(buf);
}

void
stress_memory(int parent)
{
	size_t		 n;
	unsigned char	*p;

	become(parent, "paratest-memory");
	volunteer();
	n = (size_t)memory_size();
	if (n == 0)
		idle();
	for (unsigned round = 0;; round++) {
		p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			idle();
		for (int twice = 0; twice < 2; twice++)
			memset(p, (int)(round + (unsigned)twice), n);
		(void)munmap(p, n);
		(void)poll(NULL, 0, PAUSE_MS);
	}
}

/* ---- disk ---- */

#define BLOCK		(UINT64_C(64) << 10)
#define ROUND		8	/* blocks, each synced: that is what others wait for */

/* In whole rounds. */
static uint64_t
file_size(int fd)
{
	struct statvfs	st;
	uint64_t	n;

	if (fstatvfs(fd, &st) == -1)
		return 0;
	n = (uint64_t)st.f_bavail * st.f_frsize / 100;
	if (n > STRESS_FILE_MAX)
		n = STRESS_FILE_MAX;
	return n / (ROUND * BLOCK) * (ROUND * BLOCK);
}

static void
move_round(int fd, uint64_t at)
{
	static char	block[BLOCK];

	memset(block, (int)at, sizeof block);
	for (unsigned i = 0; i < ROUND; i++) {
		(void)!pwrite(fd, block, sizeof block, (off_t)(at + i * BLOCK));
		(void)fdatasync(fd);
	}
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);	/* read it, not the cache */
	for (unsigned i = 0; i < ROUND; i++)
		(void)!pread(fd, block, sizeof block, (off_t)(at + i * BLOCK));
}

void
stress_disk(int parent, const char *dir)
{
	char	path[4096];
	int	fd;

	become(parent, "paratest-disk");
	(void)snprintf(path, sizeof path, "%s/busy", dir);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1 || file_size(fd) == 0)
		idle();
	for (;;) {
		uint64_t	n = file_size(fd);

		for (uint64_t at = 0; at < n; at += ROUND * BLOCK) {
			move_round(fd, at);
			(void)poll(NULL, 0, DISK_PAUSE_MS);
		}
		(void)ftruncate(fd, 0);
		(void)poll(NULL, 0, DISK_PAUSE_MS);
	}
}
