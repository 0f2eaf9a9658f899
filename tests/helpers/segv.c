/* Ends by a signal: segv [NUMBER], SEGV without one.  Leaves no core file. */
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/helpers/number.h"

int
main(int argc, char **argv)
{
	const struct rlimit	none = { 0, 0 };
	int			sig = (int)number(argc, argv, 1, SIGSEGV);

	(void)alarm(60);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)signal(sig, SIG_DFL);	/* a sanitizer may have taken it */
	(void)raise(sig);
	return 0;
}
