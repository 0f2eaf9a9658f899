/*
 * The journal of one run: a file to which the supervisor appends what happens, so
 * that it survives the supervisor, and from which the store fills the database.
 * Records are frames as on the wire (msg.h) with a checksum where a frame has its
 * id: JRN_RUN, the TEST_ADDs of the plan, JRN_COMMIT, then EVENTs and JRN_OUTPUTs.
 *
 * Appends are gathered in memory and written by journal_flush(), once a turn of the
 * loop, before anybody hears of what they say.  A write makes it survive the death
 * of the process and not that of the machine: nothing here waits for a disk.  What a
 * death cuts off in the middle of a record fails its checksum, and the journal ends
 * before it.
 */
#ifndef COMMON_JOURNAL_H
#define COMMON_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"

#define JOURNAL_HELD_MAX	((size_t)32 << 20)	/* bytes that may wait for a disk */

struct journal {
	int		 fd;		/* -1: none */
	uint64_t	 written;	/* bytes in the file */
	char		*buf;		/* what follows them */
	size_t		 len, cap;
	int		 error;		/* -errno of the write that failed; 0: well */
	int		 ended;		/* -errno of the record that was not kept: no other
					 * follows it, since a journal has no gap; 0 */
};

/* A new journal `name` in the folder `dirfd`; or a nameless one in it (NULL).
 * 0 or -errno. */
int	journal_create(struct journal *, int dirfd, const char *name);

/* An old one, to go on with at `size`; what is behind that is cut off. */
int	journal_open(struct journal *, int dirfd, const char *name, uint64_t size);
void	journal_close(struct journal *);		/* flushes nothing; takes a zeroed one */

/*
 * Appends a record whose body is encoded already; *ret_at (may be NULL) is where the
 * body starts in the file.  0; -EINVAL, -EMSGSIZE; -ENOMEM; or the error of an earlier
 * flush when JOURNAL_HELD_MAX bytes wait for the disk: the record is not kept then, and
 * after -ENOMEM or such an error no later one is either.
 */
int	journal_append(struct journal *, enum msg_type, const void *body, size_t len,
	    uint64_t *ret_at);
/* The same for the struct of a message.  Also errors as msg_encode(). */
int	journal_put(struct journal *, enum msg_type, const void *msg, uint64_t *ret_at);

/* Writes what was appended.  0 or -errno (disk full): what could not be written
 * stays in memory up to a bound, and is tried again by the next flush.  The file may
 * end in a part of a record meanwhile. */
int	journal_flush(struct journal *);

/* Bytes written, and to be written. */
uint64_t journal_size(const struct journal *);

/* Reads exactly n bytes at `at`, also of those not yet written.  0 or -errno. */
int	journal_read(const struct journal *, uint64_t at, void *, size_t n);

/* ---- reading it from the start, record by record ---- */

struct journal_reader {
	int		 fd;		/* borrowed */
	uint64_t	 at;		/* of the next record */
	uint64_t	 end;		/* no record ends behind this */
	char		*buf;
	size_t		 from, len, cap;	/* what of buf is to be read */
};

/* Borrows fd.  `end`: UINT64_MAX for all there is. */
void	journal_reader_init(struct journal_reader *, int fd, uint64_t at, uint64_t end);
void	journal_reader_free(struct journal_reader *);

/*
 * The next record; *ret_body is borrowed until the next call.  1, or 0 at the end
 * (also before a record that is cut off or does not fit its checksum), or -errno.
 */
int	journal_next(struct journal_reader *, enum msg_type *ret_type, struct sv *ret_body);

#endif
