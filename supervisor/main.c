/* paratestd: options, start-up in order, the loop, an ordered end. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/outcome.h"
#include "common/xalloc.h"
#include "supervisor/listen.h"
#include "supervisor/server.h"

static const char usage[] =
	"usage: paratestd --socket PATH [--idle-exit DURATION] [--ready-fd N] [--verbose]\n"
	"\n"
	"The supervisor: takes runs on the socket, starts workers, keeps results.\n"
	"  --socket PATH         the control socket; its folder must exist\n"
	"  --idle-exit DURATION  leave after so long without runs and clients (10m)\n"
	"  --ready-fd N          write a newline to descriptor N when ready\n"
	"  --verbose             log everything\n"
	"  --version\n";

struct options {
	const char	*socket;
	uint64_t	 idle_exit_ms;
	int		 ready_fd;	/* -1: none */
	bool		 verbose;
};

static void __attribute__((noreturn))
bad_usage(const char *what)
{
	(void)fprintf(stderr, "paratestd: %s; see paratestd --help\n", what);
	exit(EXIT_USAGE);
}

static void
parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "idle-exit", required_argument, NULL, 'i' },
		{ "ready-fd", required_argument, NULL, 'r' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	const char	*why;
	int		 c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			o->socket = optarg;
			break;
		case 'i':
			if (config_parse(CONFIG_DURATION, sv_from(optarg), &o->idle_exit_ms) != 0)
				bad_usage("--idle-exit takes a duration such as 10m");
			break;
		case 'r':
			o->ready_fd = (int)strtonum(optarg, 3, 1023, &why);
			if (why != NULL)
				bad_usage("--ready-fd takes a descriptor");
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'V':
			(void)puts("paratestd " PARATEST_VERSION);
			exit(EXIT_PASSED);
		case 'h':
			(void)fputs(usage, stdout);
			exit(EXIT_PASSED);
		default:
			(void)fputs("see paratestd --help\n", stderr);
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc)
		bad_usage("it takes no arguments");
	if (o->socket == NULL)
		bad_usage("--socket is missing");
}

/* paratest-worker stands beside us. */
static char *
worker_program(void)
{
	char	self[PATH_MAX];
	ssize_t	n = readlink("/proc/self/exe", self, sizeof self - 1);
	char	*path;

	if (n <= 0)
		fatal("start", "cannot find my own program: %s", strerror(errno));
	self[n] = '\0';
	path = xasprintf("%s/paratest-worker", dirname(self));
	if (access(path, X_OK) == -1)
		fatal("start", "cannot run %s: %s", path, strerror(errno));
	return path;
}

static char *
make_scratch(void)
{
	const char	*tmp = getenv("TMPDIR");
	char		*base, *scratch = NULL;
	int		 r;

	if (tmp == NULL || tmp[0] != '/')
		tmp = "/tmp";
	base = xasprintf("%s/paratest-%u", tmp, (unsigned)geteuid());
	r = listen_scratch(base, &scratch);
	if (r == -EPERM)
		fatal("start", "%s is not a folder of mine that only I can use: remove it", base);
	if (r != 0)
		fatal("start", "cannot make a scratch folder in %s: %s", base, strerror(-r));
	free(base);
	return scratch;
}

static void
say_ready(const struct options *o)
{
	if (o->ready_fd == -1)
		return;
	if (write(o->ready_fd, "\n", 1) != 1)
		log_warn("start", "nobody reads --ready-fd");
	(void)close(o->ready_fd);
}

int
main(int argc, char **argv)
{
	struct options	o = { .ready_fd = -1 };
	struct server	server;
	char		*program, *scratch;
	int		fd;

	parse_options(argc, argv, &o);
	log_init("paratestd", o.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, false);
	if (o.socket[0] != '/')
		bad_usage("--socket takes an absolute path");
	if (o.ready_fd != -1)
		(void)fcntl(o.ready_fd, F_SETFD, FD_CLOEXEC);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	fd = listen_on(o.socket);
	if (fd == -EADDRINUSE) {
		(void)fprintf(stderr, "paratestd: another supervisor has %s\n", o.socket);
		return EXIT_INTERNAL;
	}
	if (fd < 0)
		fatal("start", "cannot listen on %s: %s", o.socket, strerror(-fd));
	program = worker_program();
	scratch = make_scratch();
	if (chdir("/") == -1)
		fatal("start", "chdir: %s", strerror(errno));
	server_init(&server, fd, o.socket, program, scratch);
	server.idle_exit_ms = o.idle_exit_ms;
	say_ready(&o);
	server_loop(&server);
	server_free(&server);
	free(scratch);
	free(program);
	return EXIT_PASSED;
}
