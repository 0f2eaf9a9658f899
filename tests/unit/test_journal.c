/* Unit tests of common/journal.c: what was appended is read back, whole records only. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/journal.h"
#include "common/rmtree.h"

struct fx {
	char		 dir[40];
	int		 fd;	/* of dir */
	struct journal	 j;
};

static int
open_journal(void **state)
{
	struct fx	*fx = calloc(1, sizeof *fx);

	if (fx == NULL)
		return 1;
	(void)snprintf(fx->dir, sizeof fx->dir, "/tmp/paratest-unit.XXXXXX");
	if (mkdtemp(fx->dir) == NULL)
		return 1;
	fx->fd = open(fx->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = fx;
	return fx->fd == -1 || journal_create(&fx->j, fx->fd, "run") != 0;
}

static int
close_journal(void **state)
{
	struct fx	*fx = *state;

	journal_close(&fx->j);
	(void)close(fx->fd);
	assert_int_equal(rmtree_at(AT_FDCWD, fx->dir), 0);
	free(fx);
	return 0;
}

/* Record i: of its own length and bytes. */
static size_t
fill(char *buf, unsigned i)
{
	size_t	n = i * 7 % 40;

	memset(buf, (int)(i + 1), n);
	return n;
}

static void
append(struct fx *fx, unsigned from, unsigned to)
{
	char		buf[64];
	uint64_t	at, size;

	for (unsigned i = from; i < to; i++) {
		size = journal_size(&fx->j);
		assert_int_equal(journal_append(&fx->j, MSG_EVENT, buf, fill(buf, i), &at), 0);
		assert_int_equal(at, size + MSG_HEADER);
	}
}

/* How many records there are, each as it was appended; where they end. */
static unsigned
count(int fd, uint64_t end, uint64_t *ret_at)
{
	struct journal_reader	rd;
	enum msg_type		type;
	struct sv		body;
	char			want[64];
	unsigned		n = 0;
	int			r;

	journal_reader_init(&rd, fd, 0, end);
	while ((r = journal_next(&rd, &type, &body)) == 1) {
		assert_int_equal(type, MSG_EVENT);
		assert_int_equal(body.n, fill(want, n));
		assert_memory_equal(body.p, want, body.n);
		n++;
	}
	assert_int_equal(r, 0);
	assert_int_equal(journal_next(&rd, &type, &body), 0);
	if (ret_at != NULL)
		*ret_at = rd.at;
	journal_reader_free(&rd);
	return n;
}

static void
what_is_flushed_is_read(void **state)
{
	struct fx	*fx = *state;
	struct stat	 st;

	assert_int_equal(count(fx->j.fd, UINT64_MAX, NULL), 0);
	append(fx, 0, 5);
	assert_int_equal(count(fx->j.fd, UINT64_MAX, NULL), 0);
	assert_int_equal(journal_flush(&fx->j), 0);
	assert_int_equal(count(fx->j.fd, UINT64_MAX, NULL), 5);
	append(fx, 5, 3000);	/* more than a reader takes at a time */
	assert_int_equal(journal_flush(&fx->j), 0);
	assert_int_equal(journal_flush(&fx->j), 0);
	assert_int_equal(count(fx->j.fd, UINT64_MAX, NULL), 3000);
	assert_int_equal(fstat(fx->j.fd, &st), 0);
	assert_int_equal(st.st_size, journal_size(&fx->j));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fcntl(fx->j.fd, F_GETFD), FD_CLOEXEC);
}

/* For each length of the file and each bound: the records that are whole. */
static void
a_torn_tail_is_the_end(void **state)
{
	struct fx	*fx = *state;
	uint64_t	 ends[13] = { 0 }, at;
	unsigned	 whole;

	for (unsigned i = 0; i < 12; i++) {
		append(fx, i, i + 1);
		ends[i + 1] = journal_size(&fx->j);
	}
	assert_int_equal(journal_flush(&fx->j), 0);
	for (uint64_t size = ends[12]; size-- > 0;) {
		for (whole = 0; whole < 12 && ends[whole + 1] <= size; whole++)
			;
		assert_int_equal(count(fx->j.fd, size, &at), whole);
		assert_int_equal(at, ends[whole]);
		assert_int_equal(ftruncate(fx->j.fd, (off_t)size), 0);
		assert_int_equal(count(fx->j.fd, UINT64_MAX, &at), whole);
		assert_int_equal(at, ends[whole]);
	}
}

static void
a_wrong_byte_anywhere_ends_it_before(void **state)
{
	struct fx	*fx = *state;
	uint64_t	 ends[13] = { 0 };
	unsigned	 whole;
	char		 c;

	for (unsigned i = 0; i < 12; i++) {
		append(fx, i, i + 1);
		ends[i + 1] = journal_size(&fx->j);
	}
	assert_int_equal(journal_flush(&fx->j), 0);
	for (uint64_t at = 0; at < ends[12]; at++) {
		for (int bit = 0; bit < 8; bit++) {
			assert_int_equal(pread(fx->j.fd, &c, 1, (off_t)at), 1);
			c = (char)(c ^ 1 << bit);
			assert_int_equal(pwrite(fx->j.fd, &c, 1, (off_t)at), 1);
			for (whole = 0; ends[whole + 1] <= at; whole++)
				;
			assert_int_equal(count(fx->j.fd, UINT64_MAX, NULL), whole);
			c = (char)(c ^ 1 << bit);
			assert_int_equal(pwrite(fx->j.fd, &c, 1, (off_t)at), 1);
		}
	}
	assert_int_equal(count(fx->j.fd, UINT64_MAX, NULL), 12);
}

/* What a file system leaves where it did not write. */
static void
zeros_are_no_records(void **state)
{
	struct fx	*fx = *state;

	append(fx, 0, 3);
	assert_int_equal(journal_flush(&fx->j), 0);
	assert_int_equal(ftruncate(fx->j.fd, 100000), 0);
	assert_int_equal(count(fx->j.fd, UINT64_MAX, NULL), 3);
}

static void
an_old_one_goes_on_behind_its_last_whole_record(void **state)
{
	struct fx	*fx = *state;
	uint64_t	 at;

	append(fx, 0, 8);
	assert_int_equal(journal_flush(&fx->j), 0);
	assert_int_equal(ftruncate(fx->j.fd, (off_t)journal_size(&fx->j) - 1), 0);
	assert_int_equal(count(fx->j.fd, UINT64_MAX, &at), 7);
	journal_close(&fx->j);
	assert_int_equal(journal_create(&fx->j, fx->fd, "run"), -EEXIST);
	assert_int_equal(journal_open(&fx->j, fx->fd, "other", 0), -ENOENT);
	assert_int_equal(journal_open(&fx->j, fx->fd, "run", at), 0);
	append(fx, 7, 20);
	assert_int_equal(journal_flush(&fx->j), 0);
	assert_int_equal(count(fx->j.fd, UINT64_MAX, NULL), 20);
}

/* A reader that was at the end goes on there. */
static void
a_reader_goes_on_with_what_comes(void **state)
{
	struct fx		*fx = *state;
	struct journal_reader	 rd;
	enum msg_type		 type;
	struct sv		 body;
	char			 want[64];

	journal_reader_init(&rd, fx->j.fd, 0, 0);
	for (unsigned i = 0; i < 300; i++) {
		assert_int_equal(journal_next(&rd, &type, &body), 0);
		append(fx, i, i + 1);
		assert_int_equal(journal_flush(&fx->j), 0);
		assert_int_equal(journal_next(&rd, &type, &body), 0);
		rd.end = journal_size(&fx->j);
		assert_int_equal(journal_next(&rd, &type, &body), 1);
		assert_int_equal(body.n, fill(want, i));
	}
	journal_reader_free(&rd);
}

/* Bytes in the file, in memory, and across the two. */
static void
what_is_not_written_yet_is_read_too(void **state)
{
	struct fx	*fx = *state;
	char		 all[4000], got[4000];
	uint64_t	 size;

	append(fx, 0, 20);
	assert_int_equal(journal_flush(&fx->j), 0);
	append(fx, 20, 40);
	size = journal_size(&fx->j);
	assert_true(fx->j.written < size && size < sizeof all);
	assert_int_equal(journal_read(&fx->j, 0, all, size), 0);
	for (uint64_t at = 0; at <= size; at += 3) {
		for (uint64_t n = 0; n <= size - at; n += 11) {
			assert_int_equal(journal_read(&fx->j, at, got, n), 0);
			assert_memory_equal(got, all + at, n);
		}
		assert_int_equal(journal_read(&fx->j, at, got, size - at + 1), -EIO);
	}
	assert_int_equal(journal_read(&fx->j, UINT64_MAX, got, 2), -EIO);
	assert_int_equal(journal_flush(&fx->j), 0);
	assert_int_equal(journal_read(&fx->j, 0, got, size), 0);
	assert_memory_equal(got, all, size);
}

static void
the_largest_record_passes_and_no_larger(void **state)
{
	struct fx		*fx = *state;
	uint32_t		 max = msg_desc(MSG_JRN_RUN)->max_len;
	char			*big = malloc(max + 1);
	struct journal_reader	 rd;
	enum msg_type		 type;
	struct sv		 body;

	assert_non_null(big);
	memset(big, 'b', max + 1);
	assert_int_equal(journal_append(&fx->j, MSG_JRN_RUN, big, max + 1, NULL), -EMSGSIZE);
	assert_int_equal(journal_append(&fx->j, (enum msg_type)0x7f, big, 1, NULL), -EINVAL);
	assert_int_equal(journal_size(&fx->j), 0);
	append(fx, 0, 1);
	assert_int_equal(journal_append(&fx->j, MSG_JRN_RUN, big, max, NULL), 0);
	append(fx, 1, 2);
	assert_int_equal(journal_flush(&fx->j), 0);
	journal_reader_init(&rd, fx->j.fd, 0, UINT64_MAX);
	assert_int_equal(journal_next(&rd, &type, &body), 1);
	assert_int_equal(journal_next(&rd, &type, &body), 1);
	assert_int_equal(type, MSG_JRN_RUN);
	assert_int_equal(body.n, max);
	assert_memory_equal(body.p, big, max);
	assert_int_equal(journal_next(&rd, &type, &body), 1);
	assert_int_equal(journal_next(&rd, &type, &body), 0);
	journal_reader_free(&rd);
	free(big);
}

static void
a_struct_is_put_as_its_body(void **state)
{
	struct fx		*fx = *state;
	struct msg_jrn_commit	 m = { .tests = 3, .start_ms = 1234 };
	struct msg_jrn_output	 out = { .test = 1, .attempt = 2, .stream = 1,
	    .data = SV_LIT("printed") };
	struct msg_reader	*reader = msg_reader_new();
	struct journal_reader	 rd;
	enum msg_type		 type;
	union msg_body		 got;
	struct sv		 body;
	char			 data[8];
	uint64_t		 at;

	assert_int_equal(journal_put(&fx->j, MSG_JRN_COMMIT, &m, NULL), 0);
	assert_int_equal(journal_put(&fx->j, MSG_JRN_OUTPUT, &out, &at), 0);
	/* The data are the last bytes of it: so the supervisor reads them in place. */
	assert_int_equal(journal_read(&fx->j, journal_size(&fx->j) - 7, data, 7), 0);
	assert_memory_equal(data, "printed", 7);
	assert_int_equal(journal_flush(&fx->j), 0);
	journal_reader_init(&rd, fx->j.fd, 0, UINT64_MAX);
	assert_int_equal(journal_next(&rd, &type, &body), 1);
	assert_int_equal(msg_decode(reader, type, body.p, body.n, &got, NULL), 0);
	assert_int_equal(got.jrn_commit.start_ms, 1234);
	assert_int_equal(journal_next(&rd, &type, &body), 1);
	assert_int_equal(rd.at - body.n, at);
	journal_reader_free(&rd);
	msg_reader_free(reader);
}

static void
one_without_a_name_leaves_no_file(void **state)
{
	struct fx	*fx = *state;

	journal_close(&fx->j);
	assert_int_equal(unlinkat(fx->fd, "run", 0), 0);
	assert_int_equal(journal_create(&fx->j, fx->fd, NULL), 0);
	append(fx, 0, 9);
	assert_int_equal(journal_flush(&fx->j), 0);
	assert_int_equal(count(fx->j.fd, UINT64_MAX, NULL), 9);
	assert_int_equal(rmdir(fx->dir), 0);	/* nothing is in it */
	assert_int_equal(mkdir(fx->dir, 0700), 0);
}

/* A disk that takes so much and no more: what did not fit waits, in order. */
static void
a_full_disk_loses_nothing(void **state)
{
	struct fx	*fx = *state;
	struct rlimit	 old, small;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	for (rlim_t limit = 0; limit < 400; limit += 37) {
		small = (struct rlimit){ limit, old.rlim_max };
		append(fx, 0, 20);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		assert_int_equal(journal_flush(&fx->j), -EFBIG);
		assert_int_equal(fx->j.written, limit);
		append(fx, 20, 22);
		assert_int_equal(journal_flush(&fx->j), -EFBIG);
		assert_int_equal(fx->j.error, -EFBIG);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		assert_true(count(fx->j.fd, UINT64_MAX, NULL) < 20);
		assert_int_equal(journal_flush(&fx->j), 0);
		assert_int_equal(fx->j.error, 0);
		assert_int_equal(count(fx->j.fd, UINT64_MAX, NULL), 22);
		journal_close(&fx->j);
		assert_int_equal(journal_open(&fx->j, fx->fd, "run", 0), 0);
	}
	(void)signal(SIGXFSZ, SIG_DFL);
}

static void
what_waits_for_a_disk_is_bounded(void **state)
{
	struct fx	*fx = *state;
	static char	 big[100000];
	struct rlimit	 old, none;
	size_t		 n = 0;
	int		 r;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	none = (struct rlimit){ 0, old.rlim_max };
	append(fx, 0, 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(journal_flush(&fx->j), -EFBIG);
	while ((r = journal_append(&fx->j, MSG_EVENT, big, sizeof big, NULL)) == 0)
		n += sizeof big;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	(void)signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(r, -EFBIG);
	assert_true(n <= JOURNAL_HELD_MAX && n + 2 * sizeof big > JOURNAL_HELD_MAX);
	assert_int_equal(journal_flush(&fx->j), 0);
	assert_true(fx->j.cap <= 1 << 20);	/* and the memory is given back */
	/* What follows a record that is not there would be a journal with a gap. */
	assert_int_equal(journal_append(&fx->j, MSG_EVENT, big, sizeof big, NULL), -EFBIG);
	assert_int_equal(journal_size(&fx->j), fx->j.written);
}

static void
a_zeroed_one_is_closed(void **state)
{
	struct journal	j = { 0 };

	(void)state;
	journal_close(&j);
	assert_int_equal(j.fd, -1);
	journal_close(&j);
}

#define WITH_JOURNAL(f)	cmocka_unit_test_setup_teardown(f, open_journal, close_journal)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_JOURNAL(what_is_flushed_is_read),
		WITH_JOURNAL(a_torn_tail_is_the_end),
		WITH_JOURNAL(a_wrong_byte_anywhere_ends_it_before),
		WITH_JOURNAL(zeros_are_no_records),
		WITH_JOURNAL(an_old_one_goes_on_behind_its_last_whole_record),
		WITH_JOURNAL(a_reader_goes_on_with_what_comes),
		WITH_JOURNAL(what_is_not_written_yet_is_read_too),
		WITH_JOURNAL(the_largest_record_passes_and_no_larger),
		WITH_JOURNAL(a_struct_is_put_as_its_body),
		WITH_JOURNAL(one_without_a_name_leaves_no_file),
		WITH_JOURNAL(a_full_disk_loses_nothing),
		WITH_JOURNAL(what_waits_for_a_disk_is_bounded),
		cmocka_unit_test(a_zeroed_one_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
