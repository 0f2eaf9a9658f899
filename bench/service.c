/* One supervisor and its clients; see service.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench/service.h"
#include "common/fdutil.h"
#include "common/proctree.h"

static const char *
program(const struct bench *b, const char *name, char path[BENCH_PATH])
{
	(void)snprintf(path, BENCH_PATH, "%s/%s", b->bin, name);
	return path;
}

static int
await_ready(int fd)
{
	struct pollfd	p = { .fd = fd, .events = POLLIN };
	char		c;

	if (poll(&p, 1, SERVICE_SHORT_MS) != 1)
		return -ETIMEDOUT;
	return read(fd, &c, 1) == 1 ? 0 : -EPIPE;
}

int
service_start(struct bench *b, const char *name, struct service *s)
{
	char	dir[BENCH_PATH], state[BENCH_PATH];

	if (snprintf(state, sizeof state, "%s/state", bench_path(b, name, dir)) >=
	    (int)sizeof state)
		return bench_fail(-ENAMETOOLONG, "%s: too long; set TMPDIR", dir);
	return service_start_at(b, name, state, s);
}

int
service_start_at(struct bench *b, const char *name, const char *state, struct service *s)
{
	char			dir[BENCH_PATH], path[BENCH_PATH], log[BENCH_PATH];
	const char		*const argv[] = { program(b, "paratestd", path), "--socket",
	    s->socket, "--state", state, "--idle-exit", "10m", "--ready-fd", "3", NULL };
	struct proc		p = { .argv = argv, .err = log };
	struct proc_usage	u;
	int			fds[2], r;

	memset(s, 0, sizeof *s);
	(void)bench_path(b, name, dir);
	if (mkdir(dir, 0700) == -1 && errno != EEXIST)
		return bench_fail(-errno, "%s: %s", dir, strerror(errno));
	if (snprintf(s->socket, sizeof s->socket, "%s/sock", dir) >=
	    (int)sizeof((struct sockaddr_un *)0)->sun_path ||
	    snprintf(log, sizeof log, "%s/log", dir) >= (int)sizeof log)
		return bench_fail(-ENAMETOOLONG, "%s: too long for a socket; set TMPDIR", dir);
	if (pipe2(fds, O_CLOEXEC) == -1)
		return bench_fail(-errno, "pipe: %s", strerror(errno));
	p.ready_fd = fds[1];
	r = proc_start(&p, &s->pid);
	fd_close(&fds[1]);
	if (r == 0) {
		r = await_ready(fds[0]);
		if (r != 0) {
			(void)bench_fail(r, "the supervisor did not start: %s", strerror(-r));
			(void)kill(s->pid, SIGKILL);
			(void)proc_wait(b, s->pid, SERVICE_SHORT_MS, &u);
			s->pid = 0;
		}
	}
	fd_close(&fds[0]);
	return r;
}

int
service_stop(struct bench *b, struct service *s, struct proc_usage *ret)
{
	struct service_call	call = { .timeout_ms = SERVICE_SHORT_MS };
	struct proc_usage	u = { 0 };
	int			r, r1;

	if (s->pid == 0)
		return 0;
	r = ASK(b, s, &call, NULL, "shutdown");
	if (r != 0)
		(void)kill(s->pid, SIGTERM);
	r1 = proc_wait(b, s->pid, SERVICE_SHORT_MS, &u);
	s->pid = 0;
	if (r == 0 && r1 == 0 && u.code != 0)
		r1 = bench_fail(-EIO, "the supervisor ended with code %d", u.code);
	u.cpu_us += call.usage.cpu_us;
	if (ret != NULL)
		*ret = u;
	return r != 0 ? r : r1;
}

/* What a program complained about, for one line. */
static void
first_line(const char *path, char *line, int size)
{
	FILE	*f = fopen(path, "re");

	if (f == NULL || fgets(line, size, f) == NULL)
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (f != NULL)
		(void)fclose(f);
}

int
service_ask(struct bench *b, const struct service *s, struct service_call *call,
    const char *const *words, json_t **ret)
{
	char		 path[BENCH_PATH], out[BENCH_PATH], err[BENCH_PATH], line[400];
	const char	*argv[32] = { program(b, "paratestctl", path) };
	struct proc	 p = { .argv = argv, .in = call->in, .err = bench_path(b, "err", err) };
	json_error_t	 je;
	size_t		 n = 1;
	int		 r;

	if (s != NULL) {
		argv[n++] = "--socket";
		argv[n++] = s->socket;
	}
	for (; *words != NULL && n + 1 < sizeof argv / sizeof argv[0]; words++)
		argv[n++] = *words;
	argv[n] = NULL;
	if (ret != NULL)
		p.out = bench_path(b, "out", out);
	r = proc_run(b, &p, call->timeout_ms, &call->usage);
	if (r != 0)
		return r;
	if (call->usage.code != 0 && !(call->may_fail && call->usage.code == 1) &&
	    !(call->may_refuse && call->usage.code == 2)) {
		first_line(err, line, sizeof line);
		return bench_fail(-EIO, "paratestctl %s: exit code %d: %s", argv[s != NULL ? 3 : 1],
		    call->usage.code, line);
	}
	if (ret == NULL)
		return 0;
	*ret = json_load_file(out, 0, &je);
	return *ret != NULL ? 0 : bench_fail(-EBADMSG, "paratestctl printed no JSON: %s", je.text);
}

double
service_number(const json_t *doc, const char *object, const char *key)
{
	if (object != NULL)
		doc = json_object_get(doc, object);
	return json_number_value(json_object_get(doc, key));
}

uint64_t
service_worker_peak(const struct service *s)
{
	uint64_t	 peak = 0, one;
	pid_t		*pids = NULL;
	size_t		 n = 0;

	if (proctree_pids(s->pid, &pids, &n) != 0)
		n = 0;
	for (size_t i = 0; i < n; i++) {
		one = proc_peak(pids[i]);
		if (one > peak)
			peak = one;
	}
	free(pids);
	return peak;
}
