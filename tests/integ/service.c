/* A supervisor for one test; see service.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/proctree.h"
#include "common/rmtree.h"
#include "common/xalloc.h"
#include "tests/integ/service.h"

const char *
service_program(const char *name)
{
	static char	path[4096];
	const char	*bin = getenv("BIN");
	char		*real;

	(void)snprintf(path, sizeof path, "%s/%s", bin != NULL ? bin : "build", name);
	real = realpath(path, NULL);
	if (real == NULL)
		fail_msg("%s is not built", path);
	(void)snprintf(path, sizeof path, "%s", real);
	free(real);
	return path;
}

void
service_until(int (*ok)(void *), void *arg, const char *what)
{
	msec_t	end = now_ms() + SERVICE_DEADLINE_MS;

	while (!ok(arg)) {
		if (now_ms() > end)
			fail_msg("waited in vain: %s", what);
		(void)poll(NULL, 0, 2);
	}
}

int
service_alive(pid_t pid)
{
	char	path[64], buf[512], *p;
	FILE	*f;
	size_t	n;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	n = fread(buf, 1, sizeof buf - 1, f);
	(void)fclose(f);
	buf[n] = '\0';
	p = strrchr(buf, ')');
	return p != NULL && p[2] != 'Z' && p[2] != 'X';
}

/* ---- the supervisor ---- */

/* Starts it in its folder, with `extra` in its environment. */
static int
launch(struct service *s, const char *const *extra)
{
	char				*argv[] = { xstrdup("paratestd"), xstrdup("--socket"),
	    xstrdup(s->socket), xstrdup("--ready-fd"), xstrdup("3"), xstrdup("--isolation"),
	    xstrdup(s->isolation), NULL };
	char				*env[12], c;
	posix_spawn_file_actions_t	 fa;
	struct pollfd			 p;
	char				 log[96];
	int				 fds[2], n = 4, ready;

	(void)snprintf(log, sizeof log, "%s/log", s->dir);
	env[0] = xasprintf("TMPDIR=%s", s->dir);
	env[1] = xstrdup("PATH=/usr/local/bin:/usr/bin:/bin");
	env[2] = xasprintf("ASAN_OPTIONS=%s", getenv("ASAN_OPTIONS") != NULL ?
	    getenv("ASAN_OPTIONS") : "");
	env[3] = xasprintf("XDG_STATE_HOME=%s/state", s->dir);
	for (; extra != NULL && *extra != NULL && n < 11; extra++)
		env[n++] = xstrdup(*extra);
	env[n] = NULL;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_addopen(&fa, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	(void)posix_spawn_file_actions_adddup2(&fa, fds[1], 3);
	assert_int_equal(posix_spawn(&s->pid, service_program("paratestd"), &fa, NULL, argv, env),
	    0);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)close(fds[1]);
	p = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	assert_int_equal(poll(&p, 1, SERVICE_DEADLINE_MS), 1);
	ready = read(fds[0], &c, 1) == 1;
	(void)close(fds[0]);
	for (size_t i = 0; argv[i] != NULL; i++)
		free(argv[i]);
	for (size_t i = 0; env[i] != NULL; i++)
		free(env[i]);
	return ready;
}

void
service_start(struct service *s)
{
	service_start_at(s, "process");
}

void
service_start_at(struct service *s, const char *isolation)
{
	memset(s, 0, sizeof *s);
	s->isolation = isolation;
	(void)snprintf(s->dir, sizeof s->dir, "/tmp/paratest-integ.XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	(void)snprintf(s->socket, sizeof s->socket, "%s/sock", s->dir);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_true(launch(s, NULL));
}

void
service_again(struct service *s)
{
	assert_int_equal(s->pid, 0);
	assert_true(launch(s, NULL));
}

int
service_again_with(struct service *s, const char *const *env)
{
	assert_int_equal(s->pid, 0);
	return launch(s, env);
}

/* Reaps `pid`; its status. */
static int
reap(pid_t pid)
{
	msec_t	end = now_ms() + SERVICE_DEADLINE_MS;
	int	status;
	pid_t	r;

	while ((r = waitpid(pid, &status, WNOHANG)) == 0) {
		if (now_ms() > end) {
			(void)kill(pid, SIGKILL);
			fail_msg("process %d did not end", (int)pid);
		}
		(void)poll(NULL, 0, 1);
	}
	assert_int_equal(r, pid);
	return status;
}

/* Nobody of the supervisor's is left: they would all be ours now. */
static int
no_children(void *arg)
{
	int	status;

	(void)arg;
	while (waitpid(-1, &status, WNOHANG) > 0)
		;
	return waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD;
}

static void
assert_no_scratch(const struct service *s)
{
	char		 path[160];
	struct dirent	*e;
	DIR		*dir;

	(void)snprintf(path, sizeof path, "%s/paratest-%u", s->dir, (unsigned)geteuid());
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (strncmp(e->d_name, "s.", 2) == 0)
			fail_msg("scratch folder %s/%s is left", path, e->d_name);
	}
	(void)closedir(dir);
}

static void
await_no_children(void)
{
	struct proc_entry	*v;
	size_t			 n;
	msec_t			 end = now_ms() + SERVICE_DEADLINE_MS;

	while (!no_children(NULL)) {
		if (now_ms() > end) {
			(void)proctree_list(getpid(), &v, &n);
			for (size_t i = 0; i < n; i++)
				print_error("left: %d %s\n", (int)v[i].pid, v[i].argv);
			(void)proctree_kill(getpid(), SIGKILL);
			fail_msg("%zu processes are left", n);
		}
		(void)poll(NULL, 0, 2);
	}
}

void
service_gone(struct service *s)
{
	await_no_children();
	s->pid = 0;
	assert_int_equal(rmtree_at(AT_FDCWD, s->dir), 0);
}

void
service_crash(struct service *s)
{
	assert_int_equal(kill(s->pid, SIGKILL), 0);
	service_crashed(s);
}

void
service_crashed(struct service *s)
{
	int	status = reap(s->pid);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	s->pid = 0;
	await_no_children();
}

void
service_stop(struct service *s)
{
	struct stat	st;
	struct ran	r;
	int		status;

	CTL(s, &r, NULL, "shutdown");
	assert_int_equal(r.code, 0);
	ran_free(&r);
	status = reap(s->pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("paratestd ended with status %#x", status);
	assert_int_equal(stat(s->socket, &st), -1);
	assert_no_scratch(s);
	service_gone(s);
}

int
service_setup(void **state)
{
	struct service	*s = xcalloc(1, sizeof *s);

	service_start(s);
	*state = s;
	return 0;
}

int
service_teardown(void **state)
{
	struct service	*s = *state;

	service_stop(s);
	free(s);
	return 0;
}

/* ---- paratestctl ---- */

const char *
service_file(struct service *s, const char *name, const char *text)
{
	static char	path[160];
	FILE		*f;

	(void)snprintf(path, sizeof path, "%s/%s", s->dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	return path;
}

pid_t
service_spawn(struct service *s, const char *input, const char *const *args)
{
	posix_spawn_file_actions_t	 fa;
	char				*argv[64], in[96], out[128], err[128];
	size_t				 n = 0;
	pid_t				 pid;
	static unsigned			 serial;

	argv[n++] = xstrdup("paratestctl");
	if (s->socket[0] != '\0') {	/* else it finds or starts its own */
		argv[n++] = xstrdup("--socket");
		argv[n++] = xstrdup(s->socket);
	}
	for (size_t i = 0; args[i] != NULL; i++) {
		assert_true(n < 63);
		argv[n++] = xstrdup(args[i]);
	}
	argv[n] = NULL;
	(void)snprintf(in, sizeof in, "in.%u", ++serial);
	if (input != NULL)
		(void)snprintf(in, sizeof in, "%s", service_file(s, in, input));
	/* Files are named after the process once it is known. */
	(void)snprintf(out, sizeof out, "%s/out", s->dir);
	(void)snprintf(err, sizeof err, "%s/err", s->dir);
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_addopen(&fa, 0, input != NULL ? in : "/dev/null",
	    O_RDONLY, 0);
	(void)posix_spawn_file_actions_addopen(&fa, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	(void)posix_spawn_file_actions_addopen(&fa, 2, err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(posix_spawn(&pid, service_program("paratestctl"), &fa, NULL, argv,
	    environ), 0);
	(void)posix_spawn_file_actions_destroy(&fa);
	for (size_t i = 0; i < n; i++)
		free(argv[i]);
	for (int i = 0; i < 2; i++) {
		char	to[160];

		(void)snprintf(to, sizeof to, "%s.%d", i == 0 ? out : err, (int)pid);
		assert_int_equal(rename(i == 0 ? out : err, to), 0);
	}
	return pid;
}

static char *
read_file(const char *path, size_t *ret_len)
{
	FILE	*f = fopen(path, "re");
	char	*text = NULL;
	size_t	 n = 0, got;

	assert_non_null(f);
	do {
		text = xreallocarray(text, n + 65537, 1);
		got = fread(text + n, 1, 65536, f);
		n += got;
	} while (got > 0);
	(void)fclose(f);
	text[n] = '\0';
	*ret_len = n;
	return text;
}

void
service_wait(struct service *s, pid_t pid, struct ran *r)
{
	char	path[160];
	msec_t	start = now_ms();
	int	status = reap(pid);

	r->elapsed_ms = now_ms() - start;
	r->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	(void)snprintf(path, sizeof path, "%s/out.%d", s->dir, (int)pid);
	r->out = read_file(path, &r->out_len);
	(void)unlink(path);
	(void)snprintf(path, sizeof path, "%s/err.%d", s->dir, (int)pid);
	r->err = read_file(path, &r->err_len);
	(void)unlink(path);
}

void
service_ctl(struct service *s, struct ran *r, const char *input, const char *const *args)
{
	service_wait(s, service_spawn(s, input, args), r);
}

void
ran_free(struct ran *r)
{
	free(r->out);
	free(r->err);
	memset(r, 0, sizeof *r);
}

json_t *
ran_document(const struct ran *r)
{
	json_error_t	 e;
	json_t		*doc = json_loadb(r->out, r->out_len, JSON_REJECT_DUPLICATES, &e);

	if (doc == NULL)
		fail_msg("no JSON: %s in <%s>, stderr <%s>", e.text, r->out, r->err);
	return doc;
}

json_int_t
ran_summary(json_t *doc, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(doc, "summary"), key));
}
