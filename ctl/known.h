/* paratestctl flaky --known: tests that are known to be flaky, by the history of ordinary
 * runs. */
#ifndef CTL_KNOWN_H
#define CTL_KNOWN_H

#include <stdbool.h>

#include "ctl/cmd.h"

extern const struct cmd_entry known_cmd;

/* Do the words of `flaky` ask for it? */
bool	known_asked(int argc, char **argv);

/* The verb with these words; the exit code. */
int	known_exec(const struct cmd_globals *, int argc, char **argv);

#endif
