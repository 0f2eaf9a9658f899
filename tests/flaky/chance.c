/* chance P: exit code 0 with the chance P, else 1; the trigger of the shell programs. */
#include "tests/flaky/flaky.h"

int
main(int argc, char **argv)
{
	return happens(chance(argc, argv, 1)) ? 0 : 1;
}
