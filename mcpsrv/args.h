/* The options of paratest-mcp. */
#ifndef MCPSRV_ARGS_H
#define MCPSRV_ARGS_H

#include "common/option.h"

struct srv;

extern const struct option_row args_rows[];

/* Reads the words into *s and *policy, what they do not name stays.  -1 to go on, or the
 * exit code; what is wrong is printed. */
int	args_read(int argc, char **argv, struct srv *s, const char **policy);

#endif
