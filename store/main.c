/*
 * paratest-store: the process that owns the history; see docs/history.md.  Speaks with
 * its supervisor on descriptor 3 and ends with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fdutil.h"
#include "common/journald.h"
#include "common/log.h"
#include "common/outcome.h"
#include "store/service.h"

#define STORE_FD	3

static void
take_descriptors(void)
{
	if (fcntl(STORE_FD, F_GETFD) == -1) {
		(void)fprintf(stderr, "paratest-store: descriptor 3 is not open; "
		    "it is paratestd that starts it\n");
		exit(EXIT_USAGE);
	}
	(void)close_range(STORE_FD + 1, ~0u, 0);
	if (fd_nonblock(STORE_FD, 1) != 0 || fcntl(STORE_FD, F_SETFD, FD_CLOEXEC) == -1)
		fatal("store", "descriptor 3: %s", strerror(errno));
}

/* It ends with its socket and by nothing that is meant for the supervisor; a write that
 * cannot be done is an error and no death. */
static void
take_signals(void)
{
	static const int	ignored[] = { SIGPIPE, SIGXFSZ, SIGTERM, SIGINT, SIGHUP };
	sigset_t		none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		(void)signal(ignored[i], SIG_IGN);
}

int
main(int argc, char **argv)
{
	if (argc != 2 || argv[1][0] == '\0' || argv[1][0] == '-') {
		(void)fprintf(stderr, "usage: paratest-store DIR\n"
		    "It is started by paratestd, with a socket as descriptor 3.\n");
		return EXIT_USAGE;
	}
	take_descriptors();
	log_init("paratest-store", LOG_LEVEL_WARN, JOURNALD_SOCKET);
	take_signals();
	(void)umask(077);
	return service_run(argv[1], STORE_FD);
}
