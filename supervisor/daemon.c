/* Words of paratestd's command line into options; see daemon.h. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/outcome.h"
#include "supervisor/config.h"
#include "supervisor/daemon.h"

#define SERVICE_SOCKET	"/run/paratest/control.sock"
#define SERVICE_STATE	"/var/lib/paratest"
#define SERVICE_SCRATCH	"/var/cache/paratest"

enum { O_SERVICE = OPTION_LONG, O_SOCKET, O_CONFIG, O_STATE, O_SCRATCH, O_IDLE_EXIT, O_READY_FD,
	O_ISOLATION, O_VERBOSE, O_VERSION, O_HELP };

static const char usage[] =
	"usage: paratestd --socket PATH [options]\n"
	"       paratestd --service [options]\n"
	"\n"
	"The supervisor: takes runs on the socket, starts workers, keeps results.\n";

const struct option_row daemon_rows[] = {
	{ "service", NULL, O_SERVICE, "for all users of this host: each run is run as whoever\n"
	    "submitted it; the socket is " SERVICE_SOCKET ", the\n"
	    "state in " SERVICE_STATE ", users' folders in\n"
	    SERVICE_SCRATCH ", unless other ones are named" },
	{ "socket", "PATH", O_SOCKET, "the control socket; its folder must exist; one that\n"
	    "systemd passes must be at this place" },
	{ "config", "FILE", O_CONFIG, "settings, as `paratestctl config get` lists them, in YAML;\n"
	    "SIGHUP and `paratestctl reload` read it again" },
	{ "state", "DIR", O_STATE, "the history and settings that last; the default is\n"
	    "$XDG_STATE_HOME/paratest or ~/.local/state/paratest" },
	{ "scratch", "DIR", O_SCRATCH, "of a service: where tests have their temporary folders" },
	{ "idle-exit", "DUR", O_IDLE_EXIT, "leave after so long without runs and clients, such as\n"
	    "10m; without it: never" },
	{ "ready-fd", "N", O_READY_FD, "write a newline to descriptor N when ready" },
	{ "isolation", "LEVEL", O_ISOLATION, "the setting `isolation`, whatever the files say: auto,\n"
	    "process, pid, cgroup or sandbox" },
	{ "verbose", NULL, O_VERBOSE, "log everything" },
	{ "version", NULL, O_VERSION, NULL },
	{ "help", NULL, O_HELP, NULL },
	{ NULL, NULL, 0, NULL }
};

static void __attribute__((noreturn))
bad_usage(const char *what)
{
	(void)fprintf(stderr, "paratestd: %s; see paratestd --help\n", what);
	exit(EXIT_USAGE);
}

static void
check_paths(const struct daemon_options *o)
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

static void
take_isolation(struct daemon_options *o, const char *text)
{
	char	why[ISOLATION_WHY];

	if (isolation_parse(sv_from(text), &o->isolation, why) != 0) {
		(void)fprintf(stderr, "paratestd: --isolation: %s\n", why);
		exit(EXIT_USAGE);
	}
	o->isolated = true;
}

static void
take(struct daemon_options *o, int c)
{
	const char	*why;

	switch (c) {
	case O_SOCKET:
		o->socket = optarg;
		break;
	case O_STATE:
		o->state = optarg;
		break;
	case O_SCRATCH:
		o->scratch = optarg;
		break;
	case O_SERVICE:
		o->service = true;
		break;
	case O_CONFIG:
		o->config = optarg;
		break;
	case O_IDLE_EXIT:
		if (config_parse(CONFIG_DURATION, sv_from(optarg), &o->idle_exit_ms) != 0)
			bad_usage("--idle-exit takes a duration such as 10m");
		break;
	case O_READY_FD:
		o->ready_fd = (int)strtonum(optarg, 3, 1023, &why);
		if (why != NULL)
			bad_usage("--ready-fd takes a descriptor");
		break;
	case O_ISOLATION:
		take_isolation(o, optarg);
		break;
	case O_VERBOSE:
		o->verbose = true;
		break;
	case O_VERSION:
		(void)puts("paratestd " PARATEST_VERSION);
		exit(EXIT_PASSED);
	case O_HELP:
		(void)fputs(usage, stdout);
		option_help(daemon_rows, stdout);
		exit(EXIT_PASSED);
	default:
		(void)fputs("see paratestd --help\n", stderr);
		exit(EXIT_USAGE);
	}
}

void
daemon_parse(int argc, char **argv, struct daemon_options *o)
{
	struct option	longs[OPTION_ROWS + 1];
	char		shorts[2 * OPTION_ROWS + 1];
	int		c;

	*o = (struct daemon_options){ .ready_fd = -1 };
	option_longs(daemon_rows, NULL, longs, shorts);
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1)
		take(o, c);
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
