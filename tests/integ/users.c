/* A service and its users for one test; see users.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
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
#include "tests/integ/users.h"

#define CAPS	"setuid,+setgid,+kill,+chown"
#define MORE	",+sys_admin,+net_admin,+setpcap"	/* for namespaces */

const struct user	the_daemon = { 4000, 4000, 0, { 0 } };
const struct user	alice = { 4001, 4001, 2, { 4001, ALICES_GROUP } };
const struct user	bob = { 4002, 4002, 1, { 4002 } };
const struct user	carol = { 4003, 4003, 2, { 4003, CAROLS_GROUP } };
const struct user	root_user = { 0, 0, 0, { 0 } };

const char *
users_program(struct users *u, const char *name)
{
	static char	path[160];

	(void)snprintf(path, sizeof path, "%s/bin/%s", u->dir, name);
	return path;
}

const char *
users_home(struct users *u, const struct user *user)
{
	static char	path[160];

	(void)snprintf(path, sizeof path, "%s/h.%u", u->dir, (unsigned)user->uid);
	return path;
}

const char *
users_file(struct users *u, const struct user *user, const char *name, const char *text)
{
	static char	path[256];
	FILE		*f;

	(void)snprintf(path, sizeof path, "%s/%s", users_home(u, user), name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chown(path, user->uid, user->gid), 0);
	return path;
}

static void
make_folder(struct users *u, const char *name, const struct user *owner, mode_t mode)
{
	char	path[160];

	(void)snprintf(path, sizeof path, "%s/%s", u->dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, mode), 0);
	assert_int_equal(chown(path, owner->uid, owner->gid), 0);
}

static void
copy_program(struct users *u, const char *name)
{
	const char	*slash = strrchr(name, '/');
	char		 buf[65536];
	int		 from = open(service_program(name), O_RDONLY | O_CLOEXEC), to;
	ssize_t		 n;

	to = open(users_program(u, slash != NULL ? slash + 1 : name), O_WRONLY | O_CREAT |
	    O_CLOEXEC, 0755);
	assert_true(from != -1 && to != -1);
	while ((n = read(from, buf, sizeof buf)) > 0)
		assert_int_equal(write(to, buf, (size_t)n), n);
	(void)close(from);
	assert_int_equal(fchmod(to, 0755), 0);
	(void)close(to);
}

/* ---- processes ---- */

static pid_t
start(const struct user *user, const char *cwd, const char *program, char *const argv[],
    char *const envp[], const int fds[4])
{
	pid_t	pid = fork();

	assert_true(pid != -1);
	if (pid != 0)
		return pid;
	for (int i = 0; i < 4; i++) {
		if (fds[i] != -1)
			(void)dup2(fds[i], i);
	}
	(void)close_range(fds[3] != -1 ? 4 : 3, ~0u, 0);
	(void)umask(027);
	if (chdir(cwd) == -1 || setgroups(user->ngroups, user->groups) == -1 ||
	    setresgid(user->gid, user->gid, user->gid) == -1 ||
	    setresuid(user->uid, user->uid, user->uid) == -1)
		_exit(126);
	(void)execve(program, argv, envp);
	_exit(127);
}

/* A file without a name for what a program prints; kept open in a table by pid. */
static struct output {
	pid_t	pid;
	int	fds[2];
} outputs[512];

static int
nameless(struct users *u)
{
	int	fd = open(u->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char	path[160];

	if (fd != -1)
		return fd;
	(void)snprintf(path, sizeof path, "%s/out.XXXXXX", u->dir);
	fd = mkostemp(path, O_CLOEXEC);
	(void)unlink(path);
	return fd;
}

pid_t
users_spawn(struct users *u, const struct user *user, const char *cwd, const char *program,
    const char *const *args)
{
	const char	*slash = strrchr(program, '/');
	char		*argv[64], *env[8];
	struct output	*out = outputs;
	size_t		 n = 0;
	int		 null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	while (out->pid != 0)
		assert_true(++out < outputs + sizeof outputs / sizeof outputs[0]);
	argv[n++] = xstrdup(slash != NULL ? slash + 1 : program);
	for (; args != NULL && *args != NULL; args++) {
		assert_true(n < 63);
		argv[n++] = xstrdup(*args);
	}
	argv[n] = NULL;
	env[0] = xasprintf("HOME=%s", users_home(u, user));
	env[1] = xasprintf("XDG_RUNTIME_DIR=%s", users_home(u, user));
	env[2] = xstrdup("PATH=/usr/bin:/bin");
	env[3] = xasprintf("PARATEST_SOCKET=%s", u->socket);
	env[4] = xasprintf("WHOSE=%u", (unsigned)user->uid);
	env[5] = NULL;
	out->fds[0] = nameless(u);
	out->fds[1] = nameless(u);
	out->pid = start(user, cwd != NULL ? cwd : "/", program, argv, env,
	    (const int []){ null, out->fds[0], out->fds[1], -1 });
	(void)close(null);
	for (size_t i = 0; i < n; i++)
		free(argv[i]);
	for (size_t i = 0; env[i] != NULL; i++)
		free(env[i]);
	return out->pid;
}

static char *
take_output(int fd, size_t *ret_len)
{
	struct stat	 st;
	char		*text;

	assert_int_equal(fstat(fd, &st), 0);
	text = xcalloc(1, (size_t)st.st_size + 1);
	assert_int_equal(pread(fd, text, (size_t)st.st_size, 0), st.st_size);
	*ret_len = (size_t)st.st_size;
	(void)close(fd);
	return text;
}

static int
reap(pid_t pid)
{
	msec_t	end = now_ms() + SERVICE_DEADLINE_MS;
	int	status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now_ms() > end) {
			(void)kill(pid, SIGKILL);
			fail_msg("process %d did not end", (int)pid);
		}
		(void)poll(NULL, 0, 1);
	}
	return status;
}

void
users_wait(struct users *u, pid_t pid, struct ran *r)
{
	struct output	*out = outputs;
	int		 status = reap(pid);

	(void)u;
	while (out->pid != pid)
		assert_true(++out < outputs + sizeof outputs / sizeof outputs[0]);
	memset(r, 0, sizeof *r);
	r->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	r->out = take_output(out->fds[0], &r->out_len);
	r->err = take_output(out->fds[1], &r->err_len);
	out->pid = 0;
}

void
users_ctl(struct users *u, const struct user *user, struct ran *r, const char *const *args)
{
	char	*home = xstrdup(users_home(u, user));

	users_wait(u, users_spawn(u, user, home, users_program(u, "paratestctl"), args), r);
	free(home);
}

/* ---- the supervisor ---- */

/* Its arguments: setpriv, which gives it its capabilities, and what it is to run. */
static size_t
daemon_words(struct users *u, const char *without, char **argv)
{
	const char	*more = u->over_host ? MORE : "";
	const char	*less = without != NULL ? without : "";
	const char	*comma = without != NULL ? "," : "";
	size_t		 n = 0;

	argv[n++] = xstrdup("setpriv");
	argv[n++] = xasprintf("--reuid=%u", (unsigned)the_daemon.uid);
	argv[n++] = xasprintf("--regid=%u", (unsigned)the_daemon.gid);
	argv[n++] = xstrdup("--clear-groups");
	argv[n++] = xstrdup("--no-new-privs");
	argv[n++] = xasprintf("--inh-caps=-all,+" CAPS "%s%s%s", more, comma, less);
	argv[n++] = xasprintf("--ambient-caps=-all,+" CAPS "%s%s%s", more, comma, less);
	argv[n++] = xasprintf("--bounding-set=-all,+" CAPS "%s%s%s", more, comma, less);
	argv[n++] = xstrdup(users_program(u, "paratestd"));
	argv[n++] = xstrdup("--service");
	argv[n++] = xstrdup("--socket");
	argv[n++] = xstrdup(u->socket);
	argv[n++] = xstrdup("--state");
	argv[n++] = xasprintf("%s/state", u->dir);
	argv[n++] = xstrdup("--scratch");
	argv[n++] = xasprintf("%s/scratch", u->dir);
	argv[n++] = xstrdup("--isolation");
	argv[n++] = xstrdup(u->isolation);
	argv[n] = NULL;
	return n;
}

void
users_refused(struct users *u, struct ran *r, const char *without, const char *const *options)
{
	char		*words[32];
	const char	*args[32] = { NULL };
	size_t		 n = daemon_words(u, without, words), i;

	for (i = 0; i < n; i++)
		args[i] = words[i];
	for (; options != NULL && *options != NULL; options++)
		args[i++] = *options;
	args[i] = NULL;
	users_wait(u, users_spawn(u, &root_user, "/", "/usr/bin/setpriv", args + 1), r);
	for (i = 0; i < n; i++)
		free(words[i]);
}

void
users_again(struct users *u)
{
	char		*argv[32], *env[] = { xstrdup("PATH=/usr/bin:/bin"),
	    xstrdup("SECRET_OF_THE_SUPERVISOR=1"), NULL }, log[96], c;
	size_t		 n = daemon_words(u, NULL, argv);
	int		 fds[2], out;
	struct pollfd	 p;

	assert_int_equal(u->pid, 0);
	argv[n++] = xstrdup("--ready-fd");
	argv[n++] = xstrdup("3");
	argv[n] = NULL;
	(void)snprintf(log, sizeof log, "%s/log", u->dir);
	out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	u->pid = start(&root_user, "/", "/usr/bin/setpriv", argv, env,
	    (const int []){ -1, out, out, fds[1] });
	(void)close(fds[1]);
	(void)close(out);
	p = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	assert_int_equal(poll(&p, 1, SERVICE_DEADLINE_MS), 1);
	if (read(fds[0], &c, 1) != 1)
		fail_msg("the service did not start; see %s", log);
	(void)close(fds[0]);
	for (size_t i = 0; i < n; i++)
		free(argv[i]);
	free(env[0]);
	free(env[1]);
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

void
users_crash(struct users *u)
{
	assert_int_equal(kill(u->pid, SIGKILL), 0);
	u->pid = 0;
	service_until(no_children, NULL, "what the supervisor started does not end");
}

static int
setup(void **state, const char *isolation, int over_host)
{
	static const char *const	programs[] = { "paratestd", "paratest-worker",
	    "paratest-store", "paratestctl", "tests/helpers/attack" };
	struct users			*u;

	if (geteuid() != 0 || access("/usr/bin/setpriv", X_OK) == -1)
		return 0;
	u = xcalloc(1, sizeof *u);
	u->isolation = isolation;
	u->over_host = over_host;
	(void)snprintf(u->dir, sizeof u->dir, "/tmp/paratest-users.XXXXXX");
	assert_non_null(mkdtemp(u->dir));
	assert_int_equal(chmod(u->dir, 0711), 0);
	(void)snprintf(u->socket, sizeof u->socket, "%s/run/control.sock", u->dir);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	make_folder(u, "bin", &root_user, 0755);
	make_folder(u, "run", &the_daemon, 0755);
	make_folder(u, "state", &the_daemon, 0700);
	make_folder(u, "scratch", &the_daemon, 0755);
	make_folder(u, "h.0", &root_user, 0700);
	make_folder(u, "h.4000", &the_daemon, 0700);
	make_folder(u, "h.4001", &alice, 0700);
	make_folder(u, "h.4002", &bob, 0700);
	make_folder(u, "h.4003", &carol, 0700);
	for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
		copy_program(u, programs[i]);
	users_again(u);
	*state = u;
	return 0;
}

int
users_setup(void **state)
{
	return setup(state, "process", 0);
}

int
users_setup_apart(void **state)
{
	return setup(state, "pid", 1);
}

int
users_teardown(void **state)
{
	struct users	*u = *state;
	struct ran	 r;
	int		 status;

	if (u == NULL)
		return 0;
	if (u->pid != 0) {
		AS(u, &root_user, &r, "shutdown");
		assert_int_equal(r.code, 0);
		ran_free(&r);
		status = reap(u->pid);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("paratestd ended with status %#x; see %s/log", status, u->dir);
	}
	service_until(no_children, NULL, "what the supervisor started does not end");
	assert_int_equal(rmtree_at(AT_FDCWD, u->dir), 0);
	free(u);
	return 0;
}
