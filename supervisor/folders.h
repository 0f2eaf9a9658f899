/* What users' workers left in the folders of a service that is gone. */
#ifndef SUPERVISOR_FOLDERS_H
#define SUPERVISOR_FOLDERS_H

struct runs;

/*
 * After all runs are read back: removes what is in `scratch` (see POOL_USER), each user's
 * with his rights, but for that of users whose runs go on and may find something there.
 */
void	folders_sweep(struct runs *, const char *scratch);

#endif
