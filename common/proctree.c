/* Walks /proc/PID/task/TID/children; see proctree.h. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/proctree.h"

#define PROCTREE_MAX	65536	/* processes: a fork bomb ends at its own limits first */
#define PROCTREE_ARGV	4096	/* bytes shown of a command line */

struct pids {
	pid_t	*v;
	size_t	 n, cap;
	pid_t	 but;		/* left out with all under it; 0: nobody */
};

static int
add_pid(struct pids *p, pid_t pid)
{
	pid_t	*v;

	if (p->n == PROCTREE_MAX)
		return -EOVERFLOW;
	if (p->n == p->cap) {
		v = reallocarray(p->v, p->cap * 2 + 16, sizeof *v);
		if (v == NULL)
			return -ENOMEM;
		p->v = v;
		p->cap = p->cap * 2 + 16;
	}
	p->v[p->n++] = pid;
	return 0;
}

static int
add_children_of_task(struct pids *p, pid_t pid, const char *tid)
{
	char	path[320];
	FILE	*f;
	int	 child, r = 0;

	(void)snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, tid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;	/* it has ended */
	while (r == 0 && fscanf(f, "%d", &child) == 1)
		r = child != p->but ? add_pid(p, (pid_t)child) : 0;
	(void)fclose(f);
	return r;
}

static int
add_children(struct pids *p, pid_t pid)
{
	struct dirent	*e;
	char		 path[64];
	DIR		*dir;
	int		 r = 0;

	(void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		return 0;
	while (r == 0 && (e = readdir(dir)) != NULL) {
		if (isdigit((unsigned char)e->d_name[0]))
			r = add_children_of_task(p, pid, e->d_name);
	}
	(void)closedir(dir);
	return r;
}

int
proctree_pids_but(pid_t root, pid_t but, pid_t **ret_pids, size_t *ret_n)
{
	struct pids	p = { .but = but };
	int		r;

	r = add_children(&p, root);
	/* The list grows behind the cursor until the tree is walked. */
	for (size_t i = 0; i < p.n && r == 0; i++)
		r = add_children(&p, p.v[i]);
	if (r == -EOVERFLOW)
		r = 0;		/* the caller's next round takes the rest */
	if (r != 0) {
		free(p.v);
		return r;
	}
	*ret_pids = p.v;
	*ret_n = p.n;
	return 0;
}

int
proctree_pids(pid_t root, pid_t **ret_pids, size_t *ret_n)
{
	return proctree_pids_but(root, 0, ret_pids, ret_n);
}

/* Reads a small file of /proc/PID; how many bytes, 0 when it is gone. */
static size_t
read_proc(pid_t pid, const char *name, char *buf, size_t size)
{
	char	path[64];
	ssize_t	n;
	int	fd;

	(void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return 0;
	n = read(fd, buf, size);
	(void)close(fd);
	return n > 0 ? (size_t)n : 0;
}

static pid_t
parent_of(pid_t pid)
{
	char	 buf[512], *p;
	size_t	 n = read_proc(pid, "stat", buf, sizeof buf - 1);
	int	 parent = 0;

	buf[n] = '\0';
	p = strrchr(buf, ')');	/* the name before it may hold anything */
	if (p == NULL || sscanf(p, ") %*c %d", &parent) != 1)
		return 0;
	return (pid_t)parent;
}

static char *
argv_of(pid_t pid)
{
	char	buf[PROCTREE_ARGV];
	size_t	n = read_proc(pid, "cmdline", buf, sizeof buf);

	if (n == 0) {	/* a zombie, or a kernel thread: its name is left */
		n = read_proc(pid, "comm", buf, sizeof buf);
		while (n > 0 && buf[n - 1] == '\n')
			n--;
	}
	while (n > 0 && buf[n - 1] == '\0')
		n--;
	for (size_t i = 0; i < n; i++) {
		if (buf[i] == '\0')
			buf[i] = ' ';
	}
	return strndup(buf, n);
}

int
proctree_list_but(pid_t root, pid_t but, struct proc_entry **ret, size_t *ret_n)
{
	struct proc_entry	*v;
	pid_t			*pids;
	size_t			 n;
	int			 r;

	r = proctree_pids_but(root, but, &pids, &n);
	if (r != 0)
		return r;
	v = calloc(n + 1, sizeof *v);
	for (size_t i = 0; v != NULL && i < n; i++) {
		v[i].pid = pids[i];
		v[i].parent = parent_of(pids[i]);
		v[i].argv = argv_of(pids[i]);
		if (v[i].argv == NULL) {
			proctree_free(v, n);
			v = NULL;
		}
	}
	free(pids);
	if (v == NULL)
		return -ENOMEM;
	*ret = v;
	*ret_n = n;
	return 0;
}

int
proctree_list(pid_t root, struct proc_entry **ret, size_t *ret_n)
{
	return proctree_list_but(root, 0, ret, ret_n);
}

void
proctree_free(struct proc_entry *v, size_t n)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		free(v[i].argv);
	free(v);
}

int
proctree_kill(pid_t root, int sig)
{
	pid_t	*pids;
	size_t	 n;
	int	 sent = 0, r;

	r = proctree_pids(root, &pids, &n);
	if (r != 0)
		return r;
	for (size_t i = 0; i < n; i++)
		sent += kill(pids[i], sig) == 0;
	free(pids);
	return sent;
}
