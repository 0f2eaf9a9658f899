/*
 * What a run keeps on disk while it is on show: output of attempts, old events.
 * One file without a name, so that it is gone when the supervisor is.
 */
#ifndef SUPERVISOR_SPOOL_H
#define SUPERVISOR_SPOOL_H

#include <stddef.h>
#include <stdint.h>

struct spool {
	int		 fd;		/* -1: nothing was written yet */
	const char	*dir;		/* borrowed: where the file is made */
	uint64_t	 size;
};

void	spool_init(struct spool *, const char *dir);
/* Appends; *ret_at is where.  0 or -errno (nothing is kept then). */
int	spool_append(struct spool *, const void *, size_t, uint64_t *ret_at);
/* Reads exactly n bytes.  0 or -errno. */
int	spool_read(const struct spool *, uint64_t at, void *, size_t n);
void	spool_free(struct spool *);

#endif
