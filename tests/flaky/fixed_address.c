/*
 * fixed_address P port|name: serves for 10 ms on the port FLAKY_PORT, or on a socket of a
 * fixed name.  With the chance P another program has it already.
 *
 * Flaw: the address is the same for everybody on the machine.  Right: port 0 and
 * getsockname(), or a socket in TMPDIR.
 */
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/flaky/flaky.h"

static int
serve_port(void)
{
	const char		*port = getenv("FLAKY_PORT");
	struct sockaddr_in	 sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons((uint16_t)(port != NULL ? atoi(port) : 28461)) };
	int			 fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&sin, sizeof sin) == -1 || listen(fd, 1) == -1)
		return -1;
	return fd;
}

static int
serve_name(void)
{
	const char		*port = getenv("FLAKY_PORT");
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* Of the abstract name space; the port keeps two runs of the corpus apart. */
	(void)snprintf(sun.sun_path + 1, sizeof sun.sun_path - 1, "paratest-corpus-%s",
	    port != NULL ? port : "");
	if (bind(fd, (struct sockaddr *)&sun, sizeof sun) == -1 || listen(fd, 1) == -1)
		return -1;
	return fd;
}

int
main(int argc, char **argv)
{
	bool	taken = happens(chance(argc, argv, 1));
	int	(*serve)(void) = argc > 2 && strcmp(argv[2], "name") == 0 ? serve_name : serve_port;

	if (taken && serve() == -1)	/* the other program */
		return failed("bind: %s", strerror(errno));
	if (serve() == -1)
		return failed("bind: %s", strerror(errno));
	sleep_ms(10);
	return 0;
}
