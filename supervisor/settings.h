/*
 * The settings that outlive a supervisor: the file `settings` in its folder, a line
 * KEY VALUE for each that `config set --persist` was asked for.
 */
#ifndef SUPERVISOR_SETTINGS_H
#define SUPERVISOR_SETTINGS_H

#include <stdbool.h>

#include "supervisor/config.h"
#include "supervisor/state.h"

/* Applies the file.  A line that makes no sense is logged and left as it is. */
void	settings_load(const struct state *, struct config *);

/* Puts one setting in, or changes it.  0, or -errno with one line in why. */
int	settings_keep(const struct state *, struct sv key, struct sv value, char why[STATE_WHY]);

/* Is it in the file? */
bool	settings_has(const struct state *, struct sv key);

#endif
