/*
 * The temporary folder of an attempt.  One that an attempt left exactly as it was
 * given is given to the next one: making and removing a folder costs more than all
 * else that a worker does for a small test, on ext4 more with each one lately
 * removed.
 */
#ifndef WORKER_TMPDIR_H
#define WORKER_TMPDIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/clock.h"

struct tmpdir {
	int		 scratch_fd;	/* where it is; borrowed */
	char		 name[32];	/* in there; "": none */
	int		 fd;		/* of a folder that may be given again, or -1 */
	struct stat	 made;		/* how it was given */
	msec_t		 made_ms;
	bool		 settled;	/* whatever is changed now has another time of change */
	uint64_t	 serial;
};

void	tmpdir_init(struct tmpdir *, int scratch_fd);

/* Makes one, unless an untouched one is there: its name is then in `name`, empty,
 * mode 0700.  0 or -errno. */
int	tmpdir_take(struct tmpdir *);

/* An attempt is over: is it as it was given?  If not it is the caller's to remove,
 * by `name`, before the next tmpdir_take(). */
bool	tmpdir_untouched(struct tmpdir *);

void	tmpdir_free(struct tmpdir *);	/* removes nothing */

/*
 * The folder that all tests of a run share, in the folder `fd`: made where it is not
 * there yet, mode 0700, and otherwise as the last of them left it.  Its name goes into
 * ret_name (TMPDIR_NAME bytes).  It outlives the attempt and the worker: whoever started
 * us removes it when the run is over.  0; -EINVAL when `run` is no id, else -errno.
 */
#define TMPDIR_NAME	64
int	tmpdir_share(int fd, const char *run, char *ret_name);

#endif
