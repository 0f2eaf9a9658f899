/*
 * Contents of outputs: what both streams of an attempt printed, in order of arrival, as
 * records {u8 stream, u32 length big-endian, bytes}, compressed with zstd.  Each content
 * is kept once a user: a small one in its row, a large one as outputs/HH/HASH-UID, where
 * HASH is 32 hexadecimal digits and HH the first two of them.
 *
 * A content is found by its hash, and compared: whoever chooses what is printed can make
 * two of one hash.  The other one is then kept under the next of its hashes (the seed is
 * 1, 2 ...).  One that is damaged, by a power cut, say, is made whole when it comes again.
 *
 * A file is there before the row that refers to it is committed, and goes after its row
 * is gone for good; what a crash leaves between the two is swept (retain.h).
 */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H

#include <stddef.h>
#include <stdint.h>

#include "common/spec.h"
#include "common/sv.h"

#define BLOB_DIR	"outputs"
#define BLOB_INLINE	((size_t)16 << 10)	/* compressed bytes kept in the row */
#define BLOB_MAX	((size_t)(2 * SPEC_OUTPUT_MAX + (8 << 20)))	/* raw bytes */
#define BLOB_HASH	16			/* bytes */
#define BLOB_NAME_MAX	96			/* of a file, from the folder of the database */

struct db;
struct packer;

/* zstd (with a checksum) with its memory kept; NULL: no memory. */
struct packer	*packer_new(void);
void		 packer_free(struct packer *);
/* Compressed bytes, borrowed until the next call.  0 or -errno. */
int		 packer_pack(struct packer *, struct sv raw, struct sv *ret);
/* Is that what `packed` says?  1, 0, -EBADMSG when it is damaged; or -errno. */
int		 packer_same(struct packer *, struct sv packed, struct sv raw);
/* XXH3 of 128 bits with this seed. */
void		 packer_hash(struct sv raw, unsigned seed, unsigned char ret[BLOB_HASH]);

/* The row of a content, made when it is new; *ret_bytes: what that took, 0 when it was
 * there.  0 or -errno. */
int	blob_store(struct db *, struct packer *, uint64_t uid, struct sv raw, int64_t *ret_id,
	    uint64_t *ret_bytes);

/* The raw content of an output; *ret is malloc'ed and the caller's to free.  0, -ENOENT no
 * such row, or its file is gone; -EBADMSG it is damaged; or -errno. */
int	blob_load(struct db *, int64_t id, char **ret, size_t *ret_n);

/* The name of a content's file. */
void	blob_name(char ret[BLOB_NAME_MAX], const unsigned char hash[BLOB_HASH], uint64_t uid);

#endif
