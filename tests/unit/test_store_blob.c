/* Unit tests of store/blob.c and retain.c: outputs, and what is not kept any longer. */
#include "tests/unit/store_fixture.h"

#include "store/retain.h"

#define N(st, sql)	st_number(st, sql)

static struct packer	*packer;

static int
open_all(void **state)
{
	packer = packer_new();
	return packer == NULL ? 1 : st_open(state);
}

static int
close_all(void **state)
{
	packer_free(packer);
	return st_close(state);
}

static int64_t
keep(struct st *st, uint64_t uid, const void *p, size_t n)
{
	uint64_t	bytes;
	int64_t		id = 0;

	assert_int_equal(blob_store(&st->db, packer, uid, (struct sv){ p, n }, &id, &bytes), 0);
	assert_true(id > 0);
	return id;
}

static void
assert_kept(struct st *st, int64_t id, const void *want, size_t n)
{
	char	*got;
	size_t	 size;

	assert_int_equal(blob_load(&st->db, id, &got, &size), 0);
	assert_int_equal(size, n);
	assert_memory_equal(got, want, n);
	free(got);
}

static void
file_of(struct st *st, const void *p, size_t n, uint64_t uid, char name[BLOB_NAME_MAX])
{
	unsigned char	hash[BLOB_HASH];

	(void)st;
	packer_hash((struct sv){ p, n }, 0, hash);
	blob_name(name, hash, uid);
}

static bool
there(struct st *st, const char *name)
{
	return faccessat(st->db.dirfd, name, F_OK, 0) == 0;
}

/* ---- contents ---- */

static void
equal_contents_are_kept_once_a_user(void **state)
{
	static char	 large[ST_LARGE];
	struct st	*st = *state;
	int64_t		 a, b;

	st_large(large);
	a = keep(st, 1, "abc", 3);
	assert_int_equal(keep(st, 1, "abc", 3), a);
	assert_int_not_equal(keep(st, 2, "abc", 3), a);
	assert_int_not_equal(keep(st, 1, "abd", 3), a);
	b = keep(st, 1, large, sizeof large);
	assert_int_equal(keep(st, 1, large, sizeof large), b);
	assert_int_not_equal(keep(st, 2, large, sizeof large), b);
	assert_int_equal(N(st, "SELECT count(*) FROM outputs"), 5);
	assert_kept(st, a, "abc", 3);
	assert_kept(st, b, large, sizeof large);
}

static void
small_ones_are_in_their_row_and_large_ones_in_a_file(void **state)
{
	static char	 zeros[1000000], large[ST_LARGE];
	struct st	*st = *state;
	char		 name[BLOB_NAME_MAX];
	struct stat	 s;
	int64_t		 id;

	id = keep(st, 1, zeros, sizeof zeros);	/* by what it takes compressed */
	assert_kept(st, id, zeros, sizeof zeros);
	assert_int_equal(N(st, "SELECT count(*) FROM outputs WHERE data IS NULL"), 0);
	st_large(large);
	id = keep(st, 7, large, sizeof large);
	assert_int_equal(N(st, "SELECT count(*) FROM outputs WHERE data IS NULL"), 1);
	file_of(st, large, sizeof large, 7, name);
	assert_int_equal(fstatat(st->db.dirfd, name, &s, 0), 0);
	assert_int_equal(s.st_mode & 0777, 0600);
	assert_int_equal(s.st_size, N(st, "SELECT stored_bytes FROM outputs WHERE uid = 7"));
}

static void
a_lost_or_damaged_file_is_an_error(void **state)
{
	static char	 large[ST_LARGE];
	struct st	*st = *state;
	char		 name[BLOB_NAME_MAX], *got;
	size_t		 n;
	int64_t		 id;
	int		 fd;

	st_large(large);
	id = keep(st, 1, large, sizeof large);
	file_of(st, large, sizeof large, 1, name);
	fd = openat(st->db.dirfd, name, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "junk", 4, 0), 4);
	assert_int_equal(blob_load(&st->db, id, &got, &n), -EBADMSG);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(blob_load(&st->db, id, &got, &n), -EBADMSG);
	assert_int_equal(keep(st, 1, large, sizeof large), id);	/* it comes again: whole */
	assert_kept(st, id, large, sizeof large);
	(void)close(fd);
	fd = openat(st->db.dirfd, name, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "?", 1, ST_LARGE / 2), 1);	/* still of its size */
	(void)close(fd);
	assert_int_equal(blob_load(&st->db, id, &got, &n), -EBADMSG);
	assert_int_equal(unlinkat(st->db.dirfd, name, 0), 0);
	assert_int_equal(blob_load(&st->db, id, &got, &n), -ENOENT);
	assert_int_equal(blob_load(&st->db, id + 1, &got, &n), -ENOENT);
	assert_int_equal(symlinkat("../../history.db", st->db.dirfd, name), 0);
	assert_true(blob_load(&st->db, id, &got, &n) < 0);
}

/* As if somebody had found two contents of one hash. */
static void
another_content_of_the_same_hash_is_kept_beside_it(void **state)
{
	static char	 large[ST_LARGE];
	struct st	*st = *state;
	int64_t		 a = keep(st, 1, "abc", 3), other = keep(st, 1, "xyz", 3), b;
	char		 name[BLOB_NAME_MAX], from[BLOB_NAME_MAX];

	assert_int_equal(N(st, "UPDATE outputs SET data = (SELECT data FROM outputs WHERE id = 2)"
	    " WHERE id = 1 RETURNING 1"), 1);
	b = keep(st, 1, "abc", 3);
	assert_true(b != a && b != other);
	assert_kept(st, a, "xyz", 3);
	assert_kept(st, b, "abc", 3);
	assert_int_equal(keep(st, 1, "abc", 3), b);
	assert_int_equal(N(st, "UPDATE outputs SET size_bytes = 4 WHERE id = 3 RETURNING 1"), 1);
	assert_true(keep(st, 1, "abc", 3) > b);
	/* And in files. */
	st_large(large);
	a = keep(st, 1, large, sizeof large);
	file_of(st, large, sizeof large, 1, name);
	large[7] ^= 1;
	b = keep(st, 1, large, sizeof large);
	file_of(st, large, sizeof large, 1, from);
	assert_int_equal(renameat(st->db.dirfd, from, st->db.dirfd, name), 0);
	assert_kept(st, a, large, sizeof large);	/* as the other */
	large[7] ^= 1;
	b = keep(st, 1, large, sizeof large);
	assert_int_not_equal(b, a);
	assert_kept(st, b, large, sizeof large);
}

/* A row that claims more than there can be. */
static void
no_row_is_believed(void **state)
{
	struct st	*st = *state;
	char		*got;
	size_t		 n;
	int64_t		 id = keep(st, 1, "abc", 3);

	assert_int_equal(N(st, "UPDATE outputs SET size_bytes = 4 RETURNING 1"), 1);
	assert_int_equal(blob_load(&st->db, id, &got, &n), -EBADMSG);
	assert_int_equal(N(st, "UPDATE outputs SET size_bytes = 1 << 60 RETURNING 1"), 1);
	assert_int_equal(blob_load(&st->db, id, &got, &n), -EBADMSG);
	assert_int_equal(N(st, "UPDATE outputs SET size_bytes = -1 RETURNING 1"), 1);
	assert_int_equal(blob_load(&st->db, id, &got, &n), -EBADMSG);
	assert_int_equal(N(st, "UPDATE outputs SET size_bytes = 3, data = x'00' RETURNING 1"), 1);
	assert_int_equal(blob_load(&st->db, id, &got, &n), -EBADMSG);
}

/* ---- retention ---- */

/* Run number i, over at ST_START_MS + 9 + i hours. */
static void
tell_run(struct st *st, unsigned i)
{
	char	sql[128];

	(void)snprintf(st->run, sizeof st->run, "%032x", i + 1);
	st_story(st);
	st_announce(st, journal_size(&st->journal), true);
	st_settle(st);
	journal_close(&st->journal);
	(void)snprintf(sql, sizeof sql, "UPDATE runs SET end_ms = end_ms + 3600000 * %u"
	    " WHERE run = '%032x' RETURNING 1", i, i + 1);
	assert_int_equal(N(st, sql), 1);
	st->stored = 0;
}

static void
prune(struct st *st, uint64_t ms, uint64_t runs, uint64_t bytes, uint64_t now)
{
	struct retain	rt;
	int		r = 1;

	retain_init(&rt, ms, runs, bytes);
	for (unsigned i = 0; r == 1; i++) {
		assert_true(i < ST_STEPS);
		r = retain_step(&st->db, &rt, now);
	}
	assert_int_equal(r, 0);
	assert_int_equal(N(st, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

static void
the_oldest_runs_go_first(void **state)
{
	struct st	*st = *state;
	int64_t		 bytes;

	for (unsigned i = 0; i < 6; i++)
		tell_run(st, i);
	prune(st, 0, 0, 0, UINT64_MAX / 2);	/* no bound */
	assert_int_equal(N(st, "SELECT count(*) FROM runs"), 6);
	prune(st, 0, 5, 0, 0);
	assert_int_equal(N(st, "SELECT count(*) FROM runs"), 5);
	assert_int_equal(N(st, "SELECT count(*) FROM runs WHERE run LIKE '%1'"), 0);
	/* Older than two and a half hours, at the sixth hour. */
	prune(st, 9000000, 0, 0, ST_START_MS + 9 + 5 * 3600000);
	assert_int_equal(N(st, "SELECT count(*) FROM runs"), 3);
	assert_int_equal(N(st, "SELECT count(*) FROM runs WHERE run LIKE '%4'"), 1);
	bytes = N(st, "SELECT sum(size_bytes) FROM runs");
	assert_true(bytes > 0);
	prune(st, 0, 0, (uint64_t)bytes - 1, 0);
	assert_int_equal(N(st, "SELECT count(*) FROM runs"), 2);
	assert_int_equal(N(st, "SELECT count(*) FROM attempts"), 14);
	/* What a test came to is known still. */
	assert_int_equal(N(st, "SELECT sum(attempts) FROM tests"), 36);
}

static void
step_to_the_end(struct st *st, struct retain *rt)
{
	int	r = 1;

	for (unsigned i = 0; r == 1; i++) {
		assert_true(i < ST_STEPS);
		r = retain_step(&st->db, rt, 0);
	}
	assert_int_equal(r, 0);
}

/* Runs 1 to 6 by age: the second and the last are another user's, the fourth root's. */
static void
each_user_makes_room_for_himself(void **state)
{
	struct st	*st = *state;
	struct retain	 rt;

	for (unsigned i = 0; i < 6; i++)
		tell_run(st, i);
	(void)N(st, "UPDATE runs SET size_bytes = 1000 RETURNING 1");
	(void)N(st, "UPDATE runs SET uid = 2000 WHERE run LIKE '%2' OR run LIKE '%6' RETURNING 1");
	(void)N(st, "UPDATE runs SET uid = 0 WHERE run LIKE '%4' RETURNING 1");
	/* One user is beyond his bound, by one run: his oldest goes. */
	retain_init(&rt, 0, 0, 0);
	retain_users(&rt, 2000, 2000);
	step_to_the_end(st, &rt);
	assert_int_equal(N(st, "SELECT count(*) FROM runs"), 5);
	assert_int_equal(N(st, "SELECT count(*) FROM runs WHERE run LIKE '%1'"), 0);
	/* Root and the owner have no bound. */
	retain_init(&rt, 0, 0, 0);
	retain_users(&rt, 1, 2000);
	step_to_the_end(st, &rt);
	assert_int_equal(N(st, "SELECT count(*) FROM runs WHERE uid = 1000"), 0);
	assert_int_equal(N(st, "SELECT count(*) FROM runs"), 3);
	/* All together are too many: who has most makes room, though another's is older. */
	(void)N(st, "UPDATE runs SET uid = 1000 WHERE uid = 0 RETURNING 1");
	(void)N(st, "UPDATE runs SET end_ms = 1 WHERE uid = 1000 RETURNING 1");
	retain_init(&rt, 0, 2, 0);
	retain_users(&rt, 0, 1);
	step_to_the_end(st, &rt);
	assert_int_equal(N(st, "SELECT count(*) FROM runs WHERE uid = 1000"), 1);
	assert_int_equal(N(st, "SELECT count(*) FROM runs WHERE run LIKE '%6'"), 1);
	assert_int_equal(N(st, "SELECT count(*) FROM runs"), 2);
}

static void
what_runs_share_stays_until_the_last_goes(void **state)
{
	static char	 large[ST_LARGE + 5] = "\1\0\3\15\100";
	struct st	*st = *state;
	char		 name[BLOB_NAME_MAX];

	tell_run(st, 0);
	tell_run(st, 1);
	st_large(large + 5);
	file_of(st, large, sizeof large, 1000, name);
	assert_true(there(st, name));
	prune(st, 0, 1, 0, 0);
	assert_int_equal(N(st, "SELECT count(*) FROM specs"), 6);
	assert_int_equal(N(st, "SELECT count(*) FROM tests"), 6);
	assert_int_equal(N(st, "SELECT count(*) FROM outputs"), 3);
	assert_true(there(st, name));
	prune(st, 1, 0, 0, ST_START_MS * 2);
	assert_int_equal(N(st, "SELECT count(*) FROM runs"), 0);
	assert_int_equal(N(st, "SELECT count(*) FROM run_tests"), 0);
	assert_int_equal(N(st, "SELECT count(*) FROM attempts"), 0);
	assert_int_equal(N(st, "SELECT count(*) FROM event_log"), 0);
	assert_int_equal(N(st, "SELECT count(*) FROM specs"), 0);
	assert_int_equal(N(st, "SELECT count(*) FROM outputs"), 0);
	assert_int_equal(N(st, "SELECT count(*) FROM tests"), 0);
	assert_int_equal(N(st, "SELECT count(*) FROM recent"), 0);
	assert_false(there(st, name));
	/* The number of a run is not given again. */
	tell_run(st, 2);
	assert_int_equal(N(st, "SELECT id FROM runs"), 3);
}

static void
a_run_that_is_not_over_stays(void **state)
{
	struct st	*st = *state;

	st_plan(st, 1000, 2);
	st_start(st, 0, 1);
	assert_int_equal(journal_flush(&st->journal), 0);
	st_announce(st, journal_size(&st->journal), false);
	st_settle(st);
	prune(st, 1, 1, 1, ST_START_MS * 2);
	assert_int_equal(N(st, "SELECT count(*) FROM attempts"), 1);
}

static void
a_large_run_goes_in_small_pieces(void **state)
{
	struct st	*st = *state;
	struct retain	 rt;
	int64_t		 before;
	unsigned	 steps = 0;
	int		 r = 1;

	st_plan(st, 1000, 1000);
	for (unsigned i = 0; i < 1000; i++) {
		st_start(st, i, 1);
		st_print(st, i, 1, 1, &i, sizeof i);
		st_finish(st, i, 1, OUTCOME_PASS);
	}
	st_end(st, 1000);
	assert_int_equal(journal_flush(&st->journal), 0);
	st_announce(st, journal_size(&st->journal), true);
	st_settle(st);
	retain_init(&rt, 1, 0, 0);
	while (r == 1 && steps++ < ST_STEPS) {
		before = sqlite3_total_changes64(st->db.sql);
		r = retain_step(&st->db, &rt, ST_START_MS * 2);
		assert_true(r >= 0);
		assert_true(sqlite3_total_changes64(st->db.sql) - before <= 8 * 128);
	}
	assert_int_equal(r, 0);
	assert_int_equal(N(st, "SELECT count(*) FROM outputs"), 0);
	assert_true(N(st, "PRAGMA freelist_count") <= 256);	/* the rest was given back */
	assert_true(N(st, "PRAGMA page_count") < 512);
}

static void
make_file(struct st *st, const char *name)
{
	int	fd = openat(st->db.dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
}

static void
files_without_a_row_are_swept(void **state)
{
	static char	 large[ST_LARGE];
	struct st	*st = *state;
	char		 name[BLOB_NAME_MAX], half[BLOB_NAME_MAX + 8], other[BLOB_NAME_MAX];
	unsigned char	 hash[BLOB_HASH];
	int64_t		 id;

	st_large(large);
	packer_hash((struct sv){ large, sizeof large }, 0, hash);
	id = keep(st, 1, large, sizeof large);
	file_of(st, large, sizeof large, 1, name);
	(void)snprintf(half, sizeof half, "%s.new", name);
	blob_name(other, hash, 2);
	make_file(st, half);		/* not wholly written */
	make_file(st, other);		/* its row was never committed */
	prune(st, 0, 0, 0, 0);
	assert_true(there(st, name));
	assert_false(there(st, half));
	assert_false(there(st, other));
	assert_kept(st, id, large, sizeof large);
}

#define WITH_ALL(f)	cmocka_unit_test_setup_teardown(f, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ALL(equal_contents_are_kept_once_a_user),
		WITH_ALL(small_ones_are_in_their_row_and_large_ones_in_a_file),
		WITH_ALL(a_lost_or_damaged_file_is_an_error),
		WITH_ALL(another_content_of_the_same_hash_is_kept_beside_it),
		WITH_ALL(no_row_is_believed),
		WITH_ALL(the_oldest_runs_go_first),
		WITH_ALL(each_user_makes_room_for_himself),
		WITH_ALL(what_runs_share_stays_until_the_last_goes),
		WITH_ALL(a_run_that_is_not_over_stays),
		WITH_ALL(a_large_run_goes_in_small_pieces),
		WITH_ALL(files_without_a_row_are_swept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
