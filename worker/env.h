/*
 * The environment of a test: the run's, the test's on top, and what the worker
 * sets.  The run's part is sorted once, so that an attempt copies pointers only.
 */
#ifndef WORKER_ENV_H
#define WORKER_ENV_H

#include "common/sv.h"

/* The variables of one run. */
struct env;

struct env	*env_new(struct svs run_env);	/* copies */
void		 env_free(struct env *);

/*
 * The list for execve: the run's, then `test` on top, then `own` on top of both
 * (n_own complete "K=V" strings, borrowed by the result).  Of a name that comes
 * twice in one list the last counts.  Free the result with env_list_free().
 */
char	**env_list(const struct env *, struct svs test, char *const *own, size_t n_own);
void	  env_list_free(char **);

/* The value of a variable in such a list, or NULL. */
const char	*env_get(char *const *list, const char *name);

#endif
