/* The child's side of a start, and what is made ready for it; see exec.h. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/xalloc.h"
#include "worker/clone.h"
#include "worker/env.h"
#include "worker/exec.h"

#define EXEC_TEXT_OF(n)	#n
#define EXEC_TEXT(n)	EXEC_TEXT_OF(n)
#define EXEC_NICE_TEXT	EXEC_TEXT(EXEC_NICE)
#define EXEC_PATH	"/usr/bin:/bin"	/* where the test has no PATH */

/* Shared with the child, which is over or has failed when clone() returns. */
struct start {
	const struct exec_command	*cmd;
	char			**files;	/* what argv[0] may be, in order */
	char			**script;	/* "/bin/sh", a place for the file, argv[1]... */
	bool			  has_cpus;
	cpu_set_t		  cpus;		/* with has_cpus: those to run on */
	struct rlimit		  limit;	/* FEW_FILES: what it is given */
	int			  error;
	enum exec_where		  where;
};

/* The paths that argv[0] stands for: one allocation, pointers first. */
static char **
candidates(const char *file, const char *path)
{
	size_t	  n = 1, file_len = strlen(file);
	char	**v, *p;

	if (strchr(file, '/') != NULL)
		path = "";
	else if (path == NULL)
		path = EXEC_PATH;
	for (const char *c = path; *c != '\0'; c++)
		n += *c == ':';
	v = xcalloc(1, (n + 1) * sizeof *v + strlen(path) + n * (file_len + 2));
	p = (char *)(v + n + 1);
	for (size_t i = 0; i < n; i++) {
		size_t	len = strcspn(path, ":");

		v[i] = p;
		memcpy(p, path, len);
		p += len;
		if (len > 0)
			*p++ = '/';
		memcpy(p, file, file_len + 1);
		p += file_len + 1;
		path += len + (path[len] == ':');
	}
	return v;
}

/* A file without "#!" is a shell's, as execvp has it. */
static void
exec_script(struct start *s, char *file)
{
	s->script[1] = file;
	(void)execve(s->script[0], s->script, s->cmd->envp);
}

/* Where the kernel shares the CPUs among sessions first (sched(7), autogroup), the
 * priority of a process counts within its own only. */
static void
give_way(void)
{
	int	fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);

	if (getpriority(PRIO_PROCESS, 0) < EXEC_NICE)
		(void)setpriority(PRIO_PROCESS, 0, EXEC_NICE);
	if (fd == -1)
		return;
	(void)!write(fd, EXEC_NICE_TEXT, sizeof EXEC_NICE_TEXT - 1);
	(void)close(fd);
}

/* What cannot be had is no reason not to run. */
static void
change(const struct start *s)
{
	switch (s->cmd->condition) {
	case FLAKE_LOW_PRIORITY:
	case FLAKE_LOADED:
		give_way();
		break;
	case FLAKE_FEW_FILES:
		(void)setrlimit(RLIMIT_NOFILE, &s->limit);
		break;
	case FLAKE_FIXED_LAYOUT:
		(void)personality(ADDR_NO_RANDOMIZE);
		break;
	default:
		break;
	}
}

static int
enter_groups(const struct start *s)
{
	const struct exec_limits	*l = s->cmd->limits;

	for (unsigned i = 0; l != NULL && i < l->nprocs; i++) {
		if (write(l->procs[i], "0", 1) != 1)
			return -1;
	}
	return 0;
}

/* Without all of its limits it does not run: 0 or -1. */
static int
confine(const struct start *s)
{
	const struct exec_limits	*l = s->cmd->limits;
	struct rlimit			 now;

	if (s->has_cpus && sched_setaffinity(0, sizeof s->cpus, &s->cpus) == -1 && l != NULL)
		return -1;
	for (unsigned i = 0; l != NULL && i < l->nrlimits; i++) {
		const struct exec_rlimit	*r = &l->rlimits[i];

		if (getrlimit(r->resource, &now) == -1)
			return -1;
		if (now.rlim_cur > r->most)
			now.rlim_cur = r->most;
		if (now.rlim_max > r->most)
			now.rlim_max = r->most;
		if (setrlimit(r->resource, &now) == -1)
			return -1;
	}
	return 0;
}

/* Only calls that are safe after a fork with shared memory. */
static int
child(void *arg)
{
	struct start			*s = arg;
	const struct exec_command	*cmd = s->cmd;
	int				 error = ENOENT;
	sigset_t			 none;

	(void)setsid();		/* cannot fail: we are no group's leader */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (cmd->in != -1)
		(void)dup2(cmd->in, STDIN_FILENO);
	(void)dup2(cmd->out, STDOUT_FILENO);
	(void)dup2(cmd->err, STDERR_FILENO);
	s->where = EXEC_CONFINE;
	if (enter_groups(s) == -1 || confine(s) == -1) {
		s->error = errno;
		_exit(127);
	}
	(void)close_range(STDERR_FILENO + 1, ~0u, 0);
	change(s);
	s->where = EXEC_CHDIR;
	if (chdir(cmd->cwd) == -1) {
		s->error = errno;
		_exit(127);
	}
	s->where = EXEC_EXEC;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (char **file = s->files; *file != NULL; file++) {
		(void)execve(*file, cmd->argv, cmd->envp);
		if (errno == ENOEXEC)
			exec_script(s, *file);
		if (errno == EACCES) {
			error = EACCES;		/* said when nothing later can be run */
		} else if (errno != ENOENT && errno != ENOTDIR) {
			error = errno;
			break;
		}
	}
	s->error = error;
	_exit(127);
}

/* `want` of the CPUs that we may use from the first-th on, counted round. */
static void
choose_cpus(struct start *s, unsigned first, unsigned want)
{
	cpu_set_t	all;
	unsigned	count;

	if (sched_getaffinity(0, sizeof all, &all) == -1 || (count = (unsigned)CPU_COUNT(&all)) == 0)
		return;
	CPU_ZERO(&s->cpus);
	for (unsigned i = 0, n = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &all))
			continue;
		if ((n++ + count - first % count) % count < want)
			CPU_SET(i, &s->cpus);
	}
	s->has_cpus = true;
}

static void
choose_files(struct start *s)
{
	if (getrlimit(RLIMIT_NOFILE, &s->limit) == 0 && s->limit.rlim_cur > EXEC_FEW_FILES)
		s->limit.rlim_cur = EXEC_FEW_FILES;
}

int
exec_start(const struct exec_command *cmd, pid_t *ret_pid, enum exec_where *ret_where)
{
	struct start	s = { .cmd = cmd, .where = EXEC_CLONE };
	size_t		n = 0;
	pid_t		pid;

	while (cmd->argv[n] != NULL)
		n++;
	s.files = candidates(cmd->argv[0], env_get(cmd->envp, "PATH"));
	s.script = xcalloc(n + 2, sizeof *s.script);
	s.script[0] = (char[]){ "/bin/sh" };
	memcpy(&s.script[2], &cmd->argv[1], n * sizeof *s.script);
	if (cmd->condition == FLAKE_ONE_CPU)
		choose_cpus(&s, cmd->cpu, 1);
	else if (cmd->limits != NULL && cmd->limits->cpus > 0)
		choose_cpus(&s, cmd->limits->first_cpu, cmd->limits->cpus);
	if (cmd->condition == FLAKE_FEW_FILES)
		choose_files(&s);
	pid = cmd->limits != NULL && cmd->limits->group > 0 ?
	    clone_into(child, cmd->stack, EXEC_STACK, &s, cmd->limits->group) :
	    clone(child, cmd->stack + EXEC_STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, &s);
	if (pid == -1)
		s.error = errno;
	else if (s.error != 0)
		(void)waitpid(pid, NULL, 0);
	free(s.script);
	free(s.files);
	if (s.error != 0) {
		*ret_where = s.where;
		return -s.error;
	}
	*ret_pid = pid;
	return 0;
}
