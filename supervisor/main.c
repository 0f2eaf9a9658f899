/* paratestd: start-up in order, the loop, an ordered end. */
#include <errno.h>
#include <fcntl.h>
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
#include "supervisor/daemon.h"
#include "supervisor/server.h"

/* The programs that we start stand beside us, or in the libexec folder of our own prefix. */
static char *
helper(const char *name)
{
	char	self[PATH_MAX], *dir, *beside, *apart;
	ssize_t	n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n <= 0)
		fatal("start", "cannot find my own program: %s", strerror(errno));
	self[n] = '\0';
	dir = dirname(self);
	beside = xasprintf("%s/%s", dir, name);
	apart = xasprintf("%s/../libexec/paratest/%s", dir, name);
	if (access(beside, X_OK) == -1 && access(apart, X_OK) == -1)
		fatal("start", "cannot run %s nor %s: %s", beside, apart, strerror(errno));
	if (access(beside, X_OK) == -1) {
		free(beside);
		return apart;
	}
	free(apart);
	return beside;
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
open_socket(const struct daemon_options *o, bool *ret_passed)
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
say_ready(const struct daemon_options *o)
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
	struct daemon_options		o;
	struct server_setup	setup = { .state = NULL };
	struct server		server;
	struct notify		notify;
	struct config		config;
	char			*worker, *store, *scratch, *state;

	daemon_parse(argc, argv, &o);
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
	setup.worker = worker = helper("paratest-worker");
	setup.store = store = helper("paratest-store");
	setup.scratch = scratch = o.service ? service_scratch(o.scratch) : make_scratch();
	state = o.state != NULL ? xstrdup(o.state) : state_default();
	setup.state = state;
	setup.host = getenv("PARATEST_HOST_ROOT");	/* of tests: see pressure.h */
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
