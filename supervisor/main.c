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

#include "common/journald.h"
#include "common/log.h"
#include "common/outcome.h"
#include "common/privilege.h"
#include "common/xalloc.h"
#include "supervisor/activation.h"
#include "supervisor/listen.h"
#include "supervisor/server.h"

#define SERVICE_SOCKET	"/run/paratest/control.sock"
#define SERVICE_STATE	"/var/lib/paratest"
#define SERVICE_SCRATCH	"/var/cache/paratest"

static const char usage[] =
	"usage: paratestd --socket PATH [--state DIR] [--idle-exit DURATION] [--ready-fd N]\n"
	"                 [--config FILE] [--isolation LEVEL] [--verbose]\n"
	"       paratestd --service [--socket PATH] [--state DIR] [--scratch DIR] ...\n"
	"\n"
	"The supervisor: takes runs on the socket, starts workers, keeps results.\n"
	"  --service             for all users of this host: each run is run as whoever\n"
	"                        submitted it; the socket is /run/paratest/control.sock, the\n"
	"                        state in /var/lib/paratest, users' folders in\n"
	"                        /var/cache/paratest, unless other ones are named\n"
	"  --socket PATH         the control socket; its folder must exist; one that systemd\n"
	"                        passes must be at this place\n"
	"  --config FILE         settings, as `paratestctl config get` lists them, in YAML;\n"
	"                        SIGHUP and `paratestctl reload` read it again\n"
	"  --state DIR           the history and settings that last; the default is\n"
	"                        $XDG_STATE_HOME/paratest or ~/.local/state/paratest\n"
	"  --scratch DIR         of a service: where tests have their temporary folders\n"
	"  --idle-exit DURATION  leave after so long without runs and clients (10m)\n"
	"  --ready-fd N          write a newline to descriptor N when ready\n"
	"  --isolation LEVEL     the setting `isolation`, whatever the files say: auto, process,\n"
	"                        pid, cgroup or sandbox\n"
	"  --verbose             log everything\n"
	"  --version\n";

struct options {
	const char	*socket, *state, *scratch, *config;
	bool		 service;
	uint64_t	 idle_exit_ms;
	int		 ready_fd;	/* -1: none */
	bool		 verbose, isolated;
	struct isolation_want isolation;	/* when `isolated` */
};

static void __attribute__((noreturn))
bad_usage(const char *what)
{
	(void)fprintf(stderr, "paratestd: %s; see paratestd --help\n", what);
	exit(EXIT_USAGE);
}

static void
check_paths(const struct options *o)
{
	if (o->socket == NULL)
		bad_usage("--socket is missing");
	if (o->socket[0] != '/')
		bad_usage("--socket takes an absolute path");
	if (o->state != NULL && o->state[0] != '/')
		bad_usage("--state takes an absolute path");
	if (o->scratch != NULL && o->scratch[0] != '/')
		bad_usage("--scratch takes an absolute path");
	if (o->config != NULL && o->config[0] != '/')
		bad_usage("--config takes an absolute path");
}

static const struct option longs[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "state", required_argument, NULL, 'S' },
	{ "scratch", required_argument, NULL, 't' },
	{ "service", no_argument, NULL, 'a' },
	{ "config", required_argument, NULL, 'c' },
	{ "idle-exit", required_argument, NULL, 'i' },
	{ "ready-fd", required_argument, NULL, 'r' },
	{ "isolation", required_argument, NULL, 'l' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

static void
take_isolation(struct options *o, const char *text)
{
	char	why[ISOLATION_WHY];

	if (isolation_parse(sv_from(text), &o->isolation, why) != 0) {
		(void)fprintf(stderr, "paratestd: --isolation: %s\n", why);
		exit(EXIT_USAGE);
	}
	o->isolated = true;
}

static void
parse_options(int argc, char **argv, struct options *o)
{
	const char	*why;
	int		 c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			o->socket = optarg;
			break;
		case 'S':
			o->state = optarg;
			break;
		case 't':
			o->scratch = optarg;
			break;
		case 'a':
			o->service = true;
			break;
		case 'c':
			o->config = optarg;
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
		case 'l':
			take_isolation(o, optarg);
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
	if (o->scratch != NULL && !o->service)
		bad_usage("--scratch is an option of --service");
	if (o->service) {
		o->socket = o->socket != NULL ? o->socket : SERVICE_SOCKET;
		o->state = o->state != NULL ? o->state : SERVICE_STATE;
		o->scratch = o->scratch != NULL ? o->scratch : SERVICE_SCRATCH;
	}
	check_paths(o);
}

/* The programs that we start stand beside us. */
static char *
program_beside(const char *name)
{
	char	self[PATH_MAX];
	ssize_t	n = readlink("/proc/self/exe", self, sizeof self - 1);
	char	*path;

	if (n <= 0)
		fatal("start", "cannot find my own program: %s", strerror(errno));
	self[n] = '\0';
	path = xasprintf("%s/%s", dirname(self), name);
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

/* Before anything is opened: who cannot act for its users serves nobody. */
static void
take_privileges(void)
{
	char	why[PRIVILEGE_WHY];

	if (privilege_take(why) != 0)
		fatal("start", "a service cannot be started here: %s", why);
}

static char *
service_scratch(const char *path)
{
	int	r = listen_scratch_for_all(path);

	if (r == -EPERM)
		fatal("start", "%s is not a folder of mine that only I can change", path);
	if (r == -EBUSY)
		fatal("start", "%s is used by another service", path);
	if (r != 0)
		fatal("start", "cannot make the folder %s: %s", path, strerror(-r));
	return xstrdup(path);
}

/* The socket: one that was passed to us, or our own; of a service everybody may knock. */
static int
open_socket(const struct options *o, bool *ret_passed)
{
	char	why[ACTIVATION_WHY];
	int	fd, r;

	if (activation_take(o->socket, o->service ? 0666 : 0600, &fd, why) != 0)
		fatal("start", "%s", why);
	*ret_passed = fd != -1;
	r = fd != -1 ? listen_lock(o->socket) :
	    o->service ? listen_for_all(o->socket) : listen_on(o->socket);
	if (r == -EADDRINUSE) {
		(void)fprintf(stderr, "paratestd: another supervisor has %s\n", o->socket);
		exit(EXIT_INTERNAL);
	}
	if (r == -EPERM && o->service)
		fatal("start", "the folder of %s is a link, or others than I and root can change it",
		    o->socket);
	if (r < 0)
		fatal("start", "cannot listen on %s: %s", o->socket, strerror(-r));
	return fd != -1 ? fd : r;
}

/* The administrator's settings.  No service comes up with half of them. */
static void
read_config(const char *path, struct config *c)
{
	char	why[CONFIG_FILE_WHY];

	config_init(c);
	if (path == NULL || config_file_read(path, c, why) == 0)
		return;
	(void)fprintf(stderr, "paratestd: %s\n", why);
	exit(EXIT_USAGE);
}

static void
open_manager(struct notify *n)
{
	int	r = notify_open(n);

	if (r != 0)
		log_warn("start", "the service manager cannot be told: %s", strerror(-r));
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
	struct options		o = { .ready_fd = -1 };
	struct server_setup	setup = { .state = NULL };
	struct server		server;
	struct notify		notify;
	struct config		config;
	char			*worker, *store, *scratch, *state;

	parse_options(argc, argv, &o);
	log_init("paratestd", o.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
	    JOURNALD_SOCKET);
	if (o.ready_fd != -1)
		(void)fcntl(o.ready_fd, F_SETFD, FD_CLOEXEC);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	open_manager(&notify);
	read_config(o.config, &config);
	setup.notify = &notify;
	setup.config = &config;
	setup.config_path = o.config;
	setup.isolation = o.isolated ? &o.isolation : NULL;
	setup.socket_path = o.socket;
	if (o.service)
		take_privileges();
	setup.service = o.service;
	setup.socket_fd = open_socket(&o, &setup.socket_kept);
	setup.worker = worker = program_beside("paratest-worker");
	setup.store = store = program_beside("paratest-store");
	setup.scratch = scratch = o.service ? service_scratch(o.scratch) : make_scratch();
	state = o.state != NULL ? xstrdup(o.state) : state_default();
	setup.state = state;
	if (chdir("/") == -1)
		fatal("start", "chdir: %s", strerror(errno));
	server_init(&server, &setup);
	if (state == NULL)
		server.runs.no_history = "no history is kept: neither XDG_STATE_HOME nor HOME is set";
	server.idle_exit_ms = o.idle_exit_ms;
	say_ready(&o);
	manager_ready(server.manager);
	server_loop(&server);
	server_free(&server);
	notify_close(&notify);
	free(state);
	free(scratch);
	free(store);
	free(worker);
	return EXIT_PASSED;
}
