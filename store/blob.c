/* Contents of outputs; see blob.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>
#include <zstd.h>

#include "store/blob.h"
#include "store/db.h"

#define PACK_LEVEL	1	/* of zstd: a test waits for the CPU more than for a disk */
#define PACK_KEEP	((size_t)1 << 20)	/* a larger buffer is given back */

struct packer {
	ZSTD_CCtx	*zstd;
	ZSTD_DCtx	*unpack;
	char		*buf;
	size_t		 cap;
};

struct packer *
packer_new(void)
{
	struct packer	*p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->zstd = ZSTD_createCCtx();
	p->unpack = ZSTD_createDCtx();
	if (p->zstd == NULL || p->unpack == NULL ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, PACK_LEVEL)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1))) {
		packer_free(p);
		return NULL;
	}
	return p;
}

void
packer_free(struct packer *p)
{
	if (p == NULL)
		return;
	(void)ZSTD_freeCCtx(p->zstd);
	(void)ZSTD_freeDCtx(p->unpack);
	free(p->buf);
	free(p);
}

static int
make_room(struct packer *p, size_t need)
{
	char	*buf;

	if (need <= p->cap && (p->cap <= PACK_KEEP || need > PACK_KEEP))
		return 0;
	buf = realloc(p->buf, need);
	if (buf == NULL)
		return -ENOMEM;
	p->buf = buf;
	p->cap = need;
	return 0;
}

int
packer_pack(struct packer *p, struct sv raw, struct sv *ret)
{
	size_t	n;

	if (make_room(p, ZSTD_compressBound(raw.n)) != 0)
		return -ENOMEM;
	n = ZSTD_compress2(p->zstd, p->buf, p->cap, raw.p, raw.n);
	if (ZSTD_isError(n))
		return -ENOMEM;	/* it can fail for no other reason */
	*ret = (struct sv){ p->buf, n };
	return 0;
}

int
packer_same(struct packer *p, struct sv packed, struct sv raw)
{
	size_t	n;

	if (make_room(p, raw.n + 1) != 0)
		return -ENOMEM;
	if (ZSTD_getFrameContentSize(packed.p, packed.n) != raw.n)
		return ZSTD_isError(ZSTD_getFrameContentSize(packed.p, packed.n)) ? -EBADMSG : 0;
	n = ZSTD_decompressDCtx(p->unpack, p->buf, raw.n, packed.p, packed.n);
	if (n != raw.n)
		return -EBADMSG;
	return memcmp(p->buf, raw.p, raw.n) == 0;
}

void
packer_hash(struct sv raw, unsigned seed, unsigned char ret[BLOB_HASH])
{
	XXH128_canonical_t	c;

	XXH128_canonicalFromHash(&c, XXH3_128bits_withSeed(raw.p, raw.n, seed));
	memcpy(ret, c.digest, BLOB_HASH);
}

void
blob_name(char ret[BLOB_NAME_MAX], const unsigned char hash[BLOB_HASH], uint64_t uid)
{
	char	hex[2 * BLOB_HASH + 1];

	for (int i = 0; i < BLOB_HASH; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	(void)snprintf(ret, BLOB_NAME_MAX, BLOB_DIR "/%.2s/%s-%" PRIu64, hex, hex, uid);
}

/* ---- files ---- */

/* The folder of a file, made when it is not there. */
static int
make_dirs(int dirfd, const char *name)
{
	char	 path[BLOB_NAME_MAX];
	char	*end;

	if (mkdirat(dirfd, BLOB_DIR, 0700) == -1 && errno != EEXIST)
		return -errno;
	(void)snprintf(path, sizeof path, "%s", name);
	end = strrchr(path, '/');
	*end = '\0';
	if (mkdirat(dirfd, path, 0700) == -1 && errno != EEXIST)
		return -errno;
	return 0;
}

static int
write_all(int fd, struct sv data)
{
	size_t	done = 0;
	ssize_t	n;

	while (done < data.n) {
		n = pwrite(fd, data.p + done, data.n - done, (off_t)done);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			return n == 0 ? -EIO : -errno;
	}
	/* As the log of the database, it waits for no disk: a file that a power cut
	 * emptied reads as damaged. */
	return 0;
}

static int
write_file(int dirfd, const char *name, struct sv data)
{
	char	tmp[BLOB_NAME_MAX + 8];
	int	fd, r;

	(void)snprintf(tmp, sizeof tmp, "%s.new", name);
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1 && errno == ENOENT) {
		r = make_dirs(dirfd, name);
		if (r != 0)
			return r;
		fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	}
	if (fd == -1)
		return -errno;
	r = write_all(fd, data);
	if (close(fd) == -1 && r == 0)
		r = -errno;
	if (r == 0 && renameat(dirfd, tmp, dirfd, name) == -1)
		r = -errno;
	if (r != 0)
		(void)unlinkat(dirfd, tmp, 0);
	return r;
}

/* A whole file of exactly n bytes. */
static int
read_file(int dirfd, const char *name, char *p, size_t n)
{
	struct stat	st;
	ssize_t		got = 0;
	size_t		done = 0;
	int		fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), r = 0;

	if (fd == -1)
		return -errno;
	if (fstat(fd, &st) == -1)
		r = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uint64_t)st.st_size != n)
		r = -EBADMSG;
	while (r == 0 && done < n) {
		got = pread(fd, p + done, n - done, (off_t)done);
		if (got > 0)
			done += (size_t)got;
		else if (got == 0 || errno != EINTR)
			r = got == 0 ? -EBADMSG : -errno;
	}
	(void)close(fd);
	return r;
}

/* ---- rows ---- */

static int
unpack(struct sv packed, size_t n, char **ret)
{
	*ret = malloc(n + 1);
	if (*ret == NULL)
		return -ENOMEM;
	if (ZSTD_decompress(*ret, n, packed.p, packed.n) == n)
		return 0;
	free(*ret);
	*ret = NULL;
	return -EBADMSG;
}

int
blob_load(struct db *db, int64_t id, char **ret, size_t *ret_n)
{
	static const char	 sql[] = "SELECT uid, hash, size_bytes, stored_bytes, data"
				    " FROM outputs WHERE id = ?1";
	char			 name[BLOB_NAME_MAX], *file = NULL;
	sqlite3_stmt		*st;
	struct sv		 data;
	uint64_t		 size, stored;
	int			 r = db_row(db, &st, sql, "i", id);

	*ret = NULL;
	if (r != 1)
		return r == 0 ? -ENOENT : r;
	size = (uint64_t)sqlite3_column_int64(st, 2);
	stored = (uint64_t)sqlite3_column_int64(st, 3);
	data = db_blob(st, 4);
	r = size > BLOB_MAX || stored > ZSTD_compressBound(BLOB_MAX) ||
	    db_blob(st, 1).n != BLOB_HASH ? -EBADMSG : 0;
	if (r == 0 && sqlite3_column_type(st, 4) == SQLITE_NULL) {
		blob_name(name, (const unsigned char *)db_blob(st, 1).p,
		    (uint64_t)sqlite3_column_int64(st, 0));
		file = malloc(stored + 1);
		r = file == NULL ? -ENOMEM : read_file(db->dirfd, name, file, stored);
		data = (struct sv){ file, stored };
	}
	if (r == 0)
		r = unpack(data, size, ret);
	*ret_n = size;
	db_done(st);
	free(file);
	return r;
}

/* ---- keeping ---- */

/* 1 and its id when this content is there already; 0 when its place is free, or what is
 * there is damaged; -EEXIST: it is another's. */
static int
find(struct db *db, uint64_t uid, struct sv hash, struct sv raw, int64_t *ret_id)
{
	static const char	 sql[] = "SELECT id, size_bytes FROM outputs"
				    " WHERE uid = ?1 AND hash = ?2";
	sqlite3_stmt		*st;
	uint64_t		 size;
	size_t			 n;
	char			*old;
	int			 r = db_row(db, &st, sql, "ub", uid, hash);

	if (r != 1)
		return r;
	*ret_id = sqlite3_column_int64(st, 0);
	size = (uint64_t)sqlite3_column_int64(st, 1);
	db_done(st);
	if (size != raw.n)
		return -EEXIST;
	r = blob_load(db, *ret_id, &old, &n);
	if (r != 0)
		return r == -EBADMSG || r == -ENOENT ? 0 : r;
	r = memcmp(old, raw.p, raw.n) == 0 ? 1 : -EEXIST;
	free(old);
	return r;
}

/* Into its row or its file, under this hash. */
static int
put(struct db *db, uint64_t uid, const unsigned char hash[BLOB_HASH], uint64_t size,
    struct sv packed, int64_t *ret_id)
{
	static const char	 sql[] = "INSERT INTO outputs"
				    " (uid, hash, size_bytes, stored_bytes, data)"
				    " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (uid, hash)"
				    " DO UPDATE SET stored_bytes = excluded.stored_bytes,"
				    " data = excluded.data RETURNING id";
	struct sv		 h = { (const char *)hash, BLOB_HASH };
	char			 name[BLOB_NAME_MAX];
	sqlite3_stmt		*st;
	int			 r = 0;

	if (packed.n > BLOB_INLINE) {
		blob_name(name, hash, uid);
		r = write_file(db->dirfd, name, packed);
	}
	if (r == 0)
		r = db_row(db, &st, sql, packed.n > BLOB_INLINE ? "ubuun" : "ubuub", uid, h, size,
		    (uint64_t)packed.n, packed);
	if (r != 1)
		return r == 0 ? -EIO : r;
	*ret_id = sqlite3_column_int64(st, 0);
	db_done(st);
	return 0;
}

int
blob_store(struct db *db, struct packer *p, uint64_t uid, struct sv raw, int64_t *ret_id,
    uint64_t *ret_bytes)
{
	unsigned char	hash[BLOB_HASH];
	struct sv	h = { (const char *)hash, sizeof hash }, packed;
	unsigned	seed = 0;
	int		r;

	*ret_bytes = 0;
	do {
		packer_hash(raw, seed++, hash);
		r = find(db, uid, h, raw, ret_id);
	} while (r == -EEXIST);
	if (r != 0)
		return r == 1 ? 0 : r;
	r = packer_pack(p, raw, &packed);
	if (r == 0)
		r = put(db, uid, hash, raw.n, packed, ret_id);
	if (r == 0)
		*ret_bytes = packed.n;
	return r;
}
