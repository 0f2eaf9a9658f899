/*
 * What a program finds when it starts, a line each: descriptors, session, group,
 * blocked and ignored signals, umask, folder, the mode of TMPDIR, variables of ours.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char	**environ;

static void
descriptors(void)
{
	DIR		*dir = opendir("/proc/self/fd");
	struct dirent	*e;
	unsigned long	 open_fds = 0;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		int	fd;

		if (sscanf(e->d_name, "%d", &fd) == 1 && fd != dirfd(dir) && fd < 64)
			open_fds |= 1ul << fd;
	}
	if (dir != NULL)
		(void)closedir(dir);
	(void)printf("descriptors %lx\n", open_fds);
}

static void
signals(void)
{
	struct sigaction	sa;
	sigset_t		set;
	int			blocked = 0, ignored = 0;

	(void)sigprocmask(SIG_BLOCK, NULL, &set);
	for (int sig = 1; sig < 32; sig++) {
		blocked += sigismember(&set, sig) == 1;
		if (sigaction(sig, NULL, &sa) == 0)
			ignored += sa.sa_handler == SIG_IGN;
	}
	(void)printf("signals %d %d\n", blocked, ignored);
}

int
main(void)
{
	const char	*tmp = getenv("TMPDIR");
	struct stat	 st;
	char		 cwd[4096] = "", link[256] = "";
	mode_t		 mask = umask(0);

	(void)alarm(60);
	descriptors();
	signals();
	(void)!readlink("/proc/self/fd/0", link, sizeof link - 1);
	(void)printf("stdin %s\n", link);
	(void)printf("leader %d\n", getsid(0) == getpid() && getpgrp() == getpid());
	(void)printf("umask %03o\n", (unsigned)mask);
	(void)printf("cwd %s\n", getcwd(cwd, sizeof cwd));
	if (tmp != NULL && stat(tmp, &st) == 0)
		(void)printf("tmpdir %03o\n", (unsigned)(st.st_mode & 07777));
	for (char **e = environ; *e != NULL; e++) {
		if (strncmp(*e, "PARATEST_", 9) == 0 || strncmp(*e, "T_", 2) == 0)
			(void)printf("env %s\n", *e);
	}
	return 0;
}
