/*
 * shared_name P NAME: writes its process id into NAME of the shared folder, works for
 * 4 ms, and reads it back.  With the chance P another program writes NAME meanwhile.
 *
 * Flaw: a fixed name in a folder that others use; a copy of the test beside it is
 * enough.  Right: mkstemp(), or a file in TMPDIR.
 */
#include "tests/flaky/flaky.h"

static bool
put(const char *path, int id)
{
	FILE	*f = fopen(path, "w");

	if (f == NULL)
		return false;
	(void)fprintf(f, "%d\n", id);
	return fclose(f) == 0;
}

int
main(int argc, char **argv)
{
	const char	*path = shared(argc > 2 ? argv[2] : "result");
	bool		 meets = happens(chance(argc, argv, 1));
	int		 seen = 0;
	FILE		*f;

	if (!put(path, (int)getpid()))
		return failed("%s: %s", path, strerror(errno));
	sleep_ms(4);
	if (meets && !put(path, (int)getppid()))
		return failed("%s: %s", path, strerror(errno));
	f = fopen(path, "r");
	if (f == NULL || fscanf(f, "%d", &seen) != 1)
		return failed("%s is empty", path);
	(void)fclose(f);
	return seen == (int)getpid() ? 0 : failed("%s has %d, expected %d", path, seen,
	    (int)getpid());
}
