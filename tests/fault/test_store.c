/*
 * A story is read into the history while the nth call fails, or kills the store, for each
 * n until nothing fails any more.  What fails is a clean error, nothing of it is on
 * record, and the next try, or the next store, makes the history whole: each attempt in
 * it once.
 */
#include "tests/unit/store_fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <event2/buffer.h>

#include "common/clock.h"
#include "common/fdutil.h"
#include "common/log.h"
#include "store/retain.h"
#include "store/service.h"
#include "tests/fault/fault.h"

#define DEADLINE_MS	20000
#define N_MAX		20000	/* of n: a scenario that never passes is a failure */

/* ---- SQLite's own calls ---- */

static sqlite3_mem_methods	memory;		/* as they were */

static void *
memory_malloc(int n)
{
	return fault_hits(FAULT_MEMORY, ENOMEM) ? NULL : memory.xMalloc(n);
}

static void *
memory_realloc(void *p, int n)
{
	return fault_hits(FAULT_MEMORY, ENOMEM) ? NULL : memory.xRealloc(p, n);
}

static ssize_t
disk_pwrite(int fd, const void *p, size_t n, off_t at)
{
	return pwrite(fd, p, n, at);	/* comes by fault.c */
}

static ssize_t
disk_write(int fd, const void *p, size_t n)
{
	return fault_hits(FAULT_WRITE, ENOSPC) ? -1 : write(fd, p, n);
}

static int
disk_truncate(int fd, off_t size)
{
	return fault_hits(FAULT_WRITE, EIO) ? -1 : ftruncate(fd, size);
}

static int
disk_unlink(const char *path)
{
	return fault_hits(FAULT_WRITE, EIO) ? -1 : unlink(path);
}

static void
wrap_sqlite(void)
{
	static const struct {
		const char		*name;
		sqlite3_syscall_ptr	 fn;
	} calls[] = {
		{ "write", (sqlite3_syscall_ptr)disk_write },
		{ "pwrite", (sqlite3_syscall_ptr)disk_pwrite },
		{ "pwrite64", (sqlite3_syscall_ptr)disk_pwrite },
		{ "ftruncate", (sqlite3_syscall_ptr)disk_truncate },
		{ "unlink", (sqlite3_syscall_ptr)disk_unlink },
	};
	sqlite3_mem_methods	 m;
	sqlite3_vfs		*vfs;

	assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory), SQLITE_OK);
	m = memory;
	m.xMalloc = memory_malloc;
	m.xRealloc = memory_realloc;
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &m), SQLITE_OK);
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
	vfs = sqlite3_vfs_find(NULL);
	assert_non_null(vfs);
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		if (vfs->xGetSystemCall(vfs, calls[i].name) != NULL)
			assert_int_equal(vfs->xSetSystemCall(vfs, calls[i].name, calls[i].fn),
			    SQLITE_OK);
	}
}

/* ---- the nth call fails ---- */

/* As the service does it: an error is let go of and tried again.  How many there were. */
static unsigned
tell(struct st *st)
{
	unsigned	faults = 0;
	msec_t		end = now_ms() + DEADLINE_MS;
	int		r = 1;

	while (r != 0) {
		assert_true(now_ms() < end);
		r = st->db.dir == NULL ? db_init(&st->db, st->dir) : 0;
		if (r == 0 && st->db.sql == NULL)
			r = db_open(&st->db);
		if (r == 0 && st->ingest == NULL) {
			st->ingest = ingest_new(&st->db, st_stored, st);
			r = st->ingest == NULL ? -ENOMEM : 0;
		}
		if (r == 0 && !st->over)
			r = ingest_announce(st->ingest, sv_from(st->run), st->journal.written,
			    true);
		if (r == 0)
			r = ingest_step(st->ingest);
		if (r >= 0)
			continue;
		assert_true(r != -EUCLEAN && r != -EINVAL && r != -EBADMSG);
		if (faults++ > 2)
			(void)fault_disarm();
		if (st->ingest != NULL)
			ingest_forget(st->ingest);
	}
	return faults;
}

static void
nth_call_fails(enum fault_kind kind, bool for_ever, unsigned stride)
{
	char		*want = st_reference(), *got;
	unsigned	 n, faults, seen = 0;
	uint64_t	 failed = 1;
	struct st	 st;

	for (n = 1; failed > 0; n += n < 40 ? 1 : stride) {
		assert_true(n < N_MAX);
		st_make_folder(&st);
		st_story(&st);
		fault_arm(kind, n, for_ever);
		faults = tell(&st);
		failed = fault_disarm();
		if (for_ever && faults > 0)
			failed = 1;
		seen += faults > 0;
		assert_true(st.over);
		got = st_dump(&st);
		assert_string_equal(got, want);
		free(got);
		st_close_db(&st);
		st_remove_folder(&st);
	}
	print_message("passed at n = %u, %u of them with an error\n", n, seen);
	assert_true(seen > 10);
	free(want);
}

static void
no_memory_once(void **state)
{
	(void)state;
	nth_call_fails(FAULT_MEMORY, false, 29);
}

static void
no_memory_for_a_while(void **state)
{
	(void)state;
	nth_call_fails(FAULT_MEMORY, true, 101);
}

static void
no_disk_once(void **state)
{
	(void)state;
	nth_call_fails(FAULT_WRITE, false, 1);
}

static void
no_disk_for_a_while(void **state)
{
	(void)state;
	nth_call_fails(FAULT_WRITE, true, 1);
}

/* ---- the nth call kills ---- */

struct child {
	pid_t			 pid;
	int			 fd;
	struct evbuffer		*in;
	struct msg_reader	*reader;
	bool			 over;		/* STORED over came */
	unsigned		 faults;
};

static void
start_store(struct child *c, const struct st *st, uint64_t kill_at)
{
	int	fds[2];

	memset(c, 0, sizeof *c);
	assert_int_equal(fd_socketpair(fds), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (c->pid == 0) {
		(void)close(fds[0]);
		fault_kills();
		if (kill_at > 0)
			fault_arm(FAULT_WRITE, kill_at, false);
		_exit(service_run(st->dir, fds[1]));
	}
	(void)close(fds[1]);
	c->fd = fds[0];
	c->in = evbuffer_new();
	c->reader = msg_reader_new();
}

/* How it ended: 0, or the signal. */
static int
end_store(struct child *c)
{
	int	status;

	(void)close(c->fd);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	evbuffer_free(c->in);
	msg_reader_free(c->reader);
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	assert_int_equal(WEXITSTATUS(status), 0);
	return 0;
}

/* To one that may be dead already. */
static void
send_store(struct child *c, enum msg_type type, const void *m)
{
	struct evbuffer	*b = evbuffer_new();
	size_t		 n;

	assert_int_equal(msg_put(b, type, 0, m), 0);
	n = evbuffer_get_length(b);
	(void)send(c->fd, evbuffer_pullup(b, -1), n, MSG_NOSIGNAL);
	evbuffer_free(b);
}

static int
on_message(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct child	*c = arg;

	(void)id;
	if (type == MSG_STORED)
		c->over = c->over || m->stored.over;
	else if (type == MSG_STORE_FAULT)
		c->faults += m->store_fault.text.n > 0;
	return 0;
}

/* Until all is stored, or it is dead. */
static void
follow_store(struct child *c)
{
	struct pollfd	p = { .fd = c->fd, .events = POLLIN };
	msec_t		end = now_ms() + DEADLINE_MS;
	int		n = 1;

	while (!c->over && n > 0) {
		assert_true(now_ms() < end);
		if (poll(&p, 1, 100) <= 0)
			continue;
		n = evbuffer_read(c->in, c->fd, 65536);
		assert_int_equal(msg_drain(c->in, MSG_DIR_D2S, c->reader, on_message, c, NULL), 0);
	}
}

static void
ask_to_store(struct child *c, const struct st *st, uint64_t part)
{
	struct msg_store_setup	setup = { .version = MSG_VERSION };
	struct msg_journal	journal = { .run = sv_from(st->run), .size = part };
	struct msg_store_idle	idle = { 0 };

	send_store(c, MSG_STORE_SETUP, &setup);
	send_store(c, MSG_JOURNAL, &journal);
	send_store(c, MSG_STORE_IDLE, &idle);	/* and so it is read at once */
	journal.size = st->journal.written;
	journal.over = true;
	send_store(c, MSG_JOURNAL, &journal);
	follow_store(c);
}

/* Where a record ends, about in the middle of the story. */
static uint64_t
middle(const struct st *st)
{
	struct journal_reader	rd;
	enum msg_type		type;
	struct sv		body;
	uint64_t		at;

	journal_reader_init(&rd, st->journal.fd, 0, st->journal.written - ST_LARGE);
	while (journal_next(&rd, &type, &body) == 1)
		;
	at = rd.at;
	journal_reader_free(&rd);
	return at;
}

static void
a_death_at_any_write_loses_nothing(void **state)
{
	char		*want = st_reference(), *got;
	struct child	 c;
	struct st	 st;
	unsigned	 n;
	int		 sig = SIGKILL;

	(void)state;
	for (n = 1; sig == SIGKILL; n++) {
		assert_true(n < N_MAX);
		st_make_folder(&st);
		st_story(&st);
		start_store(&c, &st, n);
		ask_to_store(&c, &st, middle(&st));
		sig = end_store(&c);
		/* Dead or not, the next one finds out. */
		start_store(&c, &st, 0);
		ask_to_store(&c, &st, st.journal.written);
		assert_true(c.over);
		assert_int_equal(c.faults, 0);
		assert_int_equal(end_store(&c), 0);
		st_open_db(&st);
		got = st_dump(&st);
		assert_string_equal(got, want);
		free(got);
		st_close_db(&st);
		st_remove_folder(&st);
	}
	assert_int_equal(sig, 0);
	print_message("killed at %u writes\n", n - 2);
	assert_true(n > 20);
	free(want);
}

/* ---- pruning ---- */

/* Steps until there is nothing to remove; an error is tried again. */
static void
prune(struct st *st, struct retain *rt)
{
	int	r = 1;

	for (unsigned i = 0; r != 0; i++) {
		assert_true(i < ST_STEPS);
		r = retain_step(&st->db, rt, ST_START_MS + 1000000);
		if (r < 0)
			rt->folder = 0;
	}
}

static void
pruning_fails_and_goes_on(enum fault_kind kind, unsigned stride)
{
	uint64_t	failed = 1;
	struct retain	rt;
	struct st	st;

	for (unsigned n = 1; failed > 0; n += stride) {
		assert_true(n < N_MAX);
		st_make_folder(&st);
		st_story(&st);
		(void)tell(&st);
		retain_init(&rt, 1000, 0, 0);
		fault_arm(kind, n, false);
		prune(&st, &rt);
		failed = fault_disarm();
		assert_int_equal(st_number(&st, "SELECT (SELECT count(*) FROM runs)"
		    " + (SELECT count(*) FROM attempts) + (SELECT count(*) FROM run_tests)"
		    " + (SELECT count(*) FROM specs) + (SELECT count(*) FROM outputs)"
		    " + (SELECT count(*) FROM event_log)"), 0);
		st_close_db(&st);
		st_remove_folder(&st);
	}
}

static void
pruning_without_memory(void **state)
{
	(void)state;
	pruning_fails_and_goes_on(FAULT_MEMORY, 11);
}

static void
pruning_without_a_disk(void **state)
{
	(void)state;
	pruning_fails_and_goes_on(FAULT_WRITE, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_memory_once),
		cmocka_unit_test(no_memory_for_a_while),
		cmocka_unit_test(no_disk_once),
		cmocka_unit_test(no_disk_for_a_while),
		cmocka_unit_test(a_death_at_any_write_loses_nothing),
		cmocka_unit_test(pruning_without_memory),
		cmocka_unit_test(pruning_without_a_disk),
	};

	fault_init();
	log_init("test_store", LOG_LEVEL_ERROR, false);
	wrap_sqlite();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
