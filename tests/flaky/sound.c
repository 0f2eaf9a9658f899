/*
 * sound CASE: tests with threads, memory, sockets and signals that look as if they were
 * flaky and are not.  Each does what the flaky ones do, and does it right.
 */
#include <math.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/flaky/flaky.h"

static pthread_mutex_t	lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t	changed = PTHREAD_COND_INITIALIZER;
static int		total, value;

static void *
add(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		(void)pthread_mutex_lock(&lock);
		total++;
		(void)pthread_mutex_unlock(&lock);
	}
	return arg;
}

/* A counter of two threads, with a lock. */
static int
locked(void)
{
	pthread_t	t[2];

	for (int i = 0; i < 2; i++) {
		if (pthread_create(&t[i], NULL, add, NULL) != 0)
			return 2;
	}
	for (int i = 0; i < 2; i++)
		(void)pthread_join(t[i], NULL);
	return total == 2000 ? 0 : failed("total is %d", total);
}

static void *
produce(void *arg)
{
	sleep_ms(5);
	(void)pthread_mutex_lock(&lock);
	value = 42;
	(void)pthread_cond_signal(&changed);
	(void)pthread_mutex_unlock(&lock);
	return arg;
}

/* A producer that is late, and waited for. */
static int
waited(void)
{
	pthread_t	t;

	if (pthread_create(&t, NULL, produce, NULL) != 0)
		return 2;
	(void)pthread_mutex_lock(&lock);
	while (value == 0)
		(void)pthread_cond_wait(&changed, &lock);
	(void)pthread_mutex_unlock(&lock);
	(void)pthread_join(t, NULL);
	return value == 42 ? 0 : failed("value is %d", value);
}

/* 32 MB, touched and read back. */
static int
memory(void)
{
	size_t	 n = 32 << 20, sum = 0;
	char	*p = malloc(n);

	if (p == NULL)
		return failed("malloc: %s", strerror(errno));
	memset(p, 1, n);
	for (size_t i = 0; i < n; i += 4096)
		sum += (size_t)p[i];
	free(p);
	return sum == n / 4096 ? 0 : failed("sum is %zu", sum);
}

/* A port that the kernel chooses. */
static int
port(void)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t		len = sizeof sin;
	int			server = socket(AF_INET, SOCK_STREAM, 0), fd;

	if (bind(server, (struct sockaddr *)&sin, sizeof sin) == -1 || listen(server, 1) == -1 ||
	    getsockname(server, (struct sockaddr *)&sin, &len) == -1)
		return failed("serve: %s", strerror(errno));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&sin, sizeof sin) == -1)
		return failed("connect: %s", strerror(errno));
	return accept(server, NULL, NULL) == -1 ? failed("accept: %s", strerror(errno)) : 0;
}

/* A socket in a folder of its own, by a path that is short wherever that lies. */
static int
local(void)
{
	struct sockaddr_un	sun = { .sun_family = AF_UNIX };
	const char		*dir = getenv("TMPDIR");
	int			 server = socket(AF_UNIX, SOCK_STREAM, 0);

	if (dir != NULL && chdir(dir) == -1)
		return failed("%s: %s", dir, strerror(errno));
	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "sock.%d", (int)getpid());
	if (bind(server, (struct sockaddr *)&sun, sizeof sun) == -1)
		return failed("bind: %s", strerror(errno));
	(void)unlink(sun.sun_path);
	return 0;
}

static volatile sig_atomic_t	got;

static void
on_signal(int sig)
{
	got = sig;
}

/* A signal of a child, blocked until it is waited for. */
static int
signals(void)
{
	struct sigaction	sa = { .sa_handler = on_signal };
	sigset_t		block, old;
	pid_t			parent = getpid(), child;

	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &block, &old);
	(void)sigaction(SIGUSR1, &sa, NULL);
	child = fork();
	if (child == 0) {
		(void)kill(parent, SIGUSR1);
		_exit(0);
	}
	while (!got)
		(void)sigsuspend(&old);
	(void)waitpid(child, NULL, 0);
	return 0;
}

/* A measured time of which only the lower bound is checked. */
static int
at_least(void)
{
	double	start = seconds(CLOCK_MONOTONIC), took;

	sleep_ms(10);
	took = seconds(CLOCK_MONOTONIC) - start;
	return took >= 0.01 ? 0 : failed("took %.6f s", took);
}

/* Sums in two orders, compared with a tolerance. */
static int
sums(void)
{
	double	v[1000], up = 0, down = 0;

	for (int i = 0; i < 1000; i++) {
		v[i] = uniform();
		up += v[i];
	}
	for (int i = 1000; i-- > 0;)
		down += v[i];
	return fabs(up - down) < 1e-9 ? 0 : failed("%.17g is not %.17g", up, down);
}

/* Children that end in any order, each waited for. */
static int
children(void)
{
	int	status, sum = 0;

	for (int i = 0; i < 10; i++) {
		if (fork() == 0)
			_exit(i);
	}
	while (wait(&status) > 0)
		sum += WEXITSTATUS(status);
	return sum == 45 ? 0 : failed("the sum of the exit codes is %d", sum);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char	*name;
		int		(*fn)(void);
	} cases[] = {
		{ "locked", locked }, { "waited", waited }, { "memory", memory },
		{ "port", port }, { "local", local }, { "signals", signals },
		{ "at-least", at_least }, { "sums", sums }, { "children", children },
	};

	for (size_t i = 0; argc > 1 && i < sizeof cases / sizeof cases[0]; i++) {
		if (strcmp(argv[1], cases[i].name) == 0)
			return cases[i].fn();
	}
	return 2;
}
