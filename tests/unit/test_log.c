/* Unit tests of common/log.c and common/journald.c: where lines go, and in which form. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/journald.h"
#include "common/log.h"
#include "common/rmtree.h"

struct fx {
	char	dir[40], path[64];
	int	journal, fd;	/* its end, and ours */
	char	got[65536];
	ssize_t	n;
};

static int
open_journal(void **state)
{
	struct sockaddr_un	 sa = { .sun_family = AF_UNIX };
	struct fx		*fx = calloc(1, sizeof *fx);

	if (fx == NULL)
		return 1;
	(void)snprintf(fx->dir, sizeof fx->dir, "/tmp/paratest-unit.XXXXXX");
	*state = fx;
	if (mkdtemp(fx->dir) == NULL)
		return 1;
	(void)snprintf(fx->path, sizeof fx->path, "%s/journal", fx->dir);
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", fx->path);
	fx->journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(fx->journal, (struct sockaddr *)&sa, sizeof sa) == -1)
		return 1;
	fx->fd = journald_open(fx->path);
	return fx->fd < 0;
}

static int
close_journal(void **state)
{
	struct fx	*fx = *state;

	(void)close(fx->fd);
	(void)close(fx->journal);
	assert_int_equal(rmtree_at(AT_FDCWD, fx->dir), 0);
	free(fx);
	return 0;
}

static void
receive(struct fx *fx)
{
	fx->n = recv(fx->journal, fx->got, sizeof fx->got, 0);
}

static void
a_record_is_lines_of_fields(void **state)
{
	static const char	want[] = "MESSAGE=all is well\nPARATEST_TEST=\xff \x01=\nEMPTY=\n";
	const struct journald_field f[] = { { "MESSAGE", SV_LIT("all is well") },
	    { "PARATEST_TEST", SV_LIT("\xff \x01=") }, { "EMPTY", { NULL, 0 } } };
	struct fx		*fx = *state;

	assert_int_equal(fcntl(fx->fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(journald_send(fx->fd, f, 3), 0);
	receive(fx);
	assert_int_equal(fx->n, sizeof want - 1);
	assert_memory_equal(fx->got, want, sizeof want - 1);
}

/* Else a test's name could write fields of its own. */
static void
a_value_of_several_lines_has_its_length(void **state)
{
	static const char	want[] = "T\n\x08\0\0\0\0\0\0\0a\nUID=0\n\nM=x\n";
	const struct journald_field f[] = { { "T", SV_LIT("a\nUID=0\n") }, { "M", SV_LIT("x") } };
	struct fx		*fx = *state;

	assert_int_equal(journald_send(fx->fd, f, 2), 0);
	receive(fx);
	assert_int_equal(fx->n, sizeof want - 1);
	assert_memory_equal(fx->got, want, sizeof want - 1);
}

static void
a_record_is_bounded(void **state)
{
	struct fx		*fx = *state;
	char			*text = malloc(1 << 20);
	struct journald_field	 f[JOURNALD_FIELDS + 1];

	assert_non_null(text);
	memset(text, '\n', 1 << 20);
	for (size_t i = 0; i < JOURNALD_FIELDS + 1; i++)
		f[i] = (struct journald_field){ "F", { text, 1 << 20 } };
	assert_int_equal(journald_send(fx->fd, f, JOURNALD_FIELDS + 1), 0);
	receive(fx);
	assert_int_equal(fx->n, JOURNALD_FIELDS * (1 + 1 + 8 + JOURNALD_VALUE + 1));
	free(text);
}

static void
a_busy_journal_is_not_waited_for(void **state)
{
	const struct journald_field f = { "MESSAGE", SV_LIT("x") };
	struct fx		*fx = *state;
	int			 r = 0;

	for (int i = 0; i < 1000000 && r == 0; i++)
		r = journald_send(fx->fd, &f, 1);
	assert_int_equal(r, -EAGAIN);
	assert_int_equal(journald_open("/nonexistent/journal"), -ENOENT);
}

static void
standard_error_is_the_journal_when_it_is_the_same(void **state)
{
	struct fx	*fx = *state;
	struct stat	 st;
	char		 own[64], other[64];

	assert_int_equal(fstat(fx->fd, &st), 0);
	(void)snprintf(own, sizeof own, "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	(void)snprintf(other, sizeof other, "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino + 1);
	assert_true(journald_is(fx->fd, own));
	assert_false(journald_is(fx->fd, other));
	assert_false(journald_is(fx->fd, ""));
	assert_false(journald_is(fx->fd, NULL));
	assert_false(journald_is(-1, own));
}

/* What log_about() writes to a standard error that is a file. */
static void
a_line_says_program_and_part(void **state)
{
	struct fx		*fx = *state;
	struct log_subject	 about = { .run = "0123", .worker = 3 };
	char			 path[64], want[200], *text = malloc(8000);
	int			 fd, saved = fcntl(2, F_DUPFD_CLOEXEC, 10);

	(void)snprintf(path, sizeof path, "%s/err", fx->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && saved >= 0 && text != NULL);
	memset(text, 'x', 7999);
	text[7999] = '\0';
	(void)unsetenv("JOURNAL_STREAM");
	log_init("test_log", LOG_LEVEL_INFO, JOURNALD_SOCKET);
	(void)dup2(fd, 2);
	log_about(&about, LOG_LEVEL_INFO, "pool", "worker %d\n\x1b[2J", 3);
	log_debug("pool", "not this");
	log_warn("pool", "%s", text);
	(void)dup2(saved, 2);
	(void)close(saved);
	(void)snprintf(want, sizeof want, "test_log[%d]: pool: worker 3??[2J\n", (int)getpid());
	fx->n = pread(fd, fx->got, sizeof fx->got, 0);
	assert_true(fx->n > (ssize_t)strlen(want));
	assert_memory_equal(fx->got, want, strlen(want));
	assert_true(fx->n < 2500);		/* a line has its bound */
	assert_int_equal(fx->got[fx->n - 1], '\n');
	(void)close(fd);
	free(text);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, open_journal, close_journal)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_record_is_lines_of_fields),
		T(a_value_of_several_lines_has_its_length),
		T(a_record_is_bounded),
		T(a_busy_journal_is_not_waited_for),
		T(standard_error_is_the_journal_when_it_is_the_same),
		T(a_line_says_program_and_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
