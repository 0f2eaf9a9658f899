/*
 * paratest-store as its supervisor sees it: a process of its own with a socket.
 */
#include "tests/unit/store_fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <event2/buffer.h>

#include "common/clock.h"
#include "common/fdutil.h"
#include "common/log.h"

#define DEADLINE_MS	20000

struct sv_seen {
	struct st		 st;
	pid_t			 pid;
	int			 fd;
	struct evbuffer		*in;
	struct msg_reader	*reader;
	unsigned		 ready, stored, answers, ends, estimates, faults, mended;
	unsigned		 over;		/* runs that are stored whole */
	bool			 gone;
	unsigned		 errors;
	uint64_t		 rows, error, values[6];
	char			 fault[256];
};

static int
on_answer(struct sv_seen *s, const struct msg_answer *m)
{
	struct msg_reader	*rd = msg_reader_new();
	union msg_body		 body;

	assert_int_equal(msg_decode(rd, (enum msg_type)m->type, m->body.p, m->body.n, &body, NULL),
	    0);
	s->answers++;
	s->rows += m->type == MSG_RUN_ROW;
	if (m->type == MSG_ERROR) {
		s->errors++;
		s->error = body.error.code;
		assert_true(body.error.text.n > 0);
	}
	msg_reader_free(rd);
	return 0;
}

static int
on_message(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct sv_seen	*s = arg;

	switch (type) {
	case MSG_STORE_READY:
		s->ready++;
		break;
	case MSG_STORED:
		s->stored++;
		s->over += m->stored.over;
		break;
	case MSG_ANSWER:
		assert_int_equal(id, 77);
		return on_answer(s, &m->answer);
	case MSG_ANSWER_END:
		assert_int_equal(id, 77);
		s->ends++;
		break;
	case MSG_ESTIMATES:
		s->estimates++;
		for (uint32_t i = 0; i < m->estimates.values.n && i < 6; i++)
			s->values[i] = m->estimates.values.v[i];
		break;
	case MSG_STORE_FAULT:
		(void)snprintf(s->fault, sizeof s->fault, SV_FMT, SV_ARG(m->store_fault.text));
		*(m->store_fault.text.n > 0 ? &s->faults : &s->mended) += 1;
		break;
	default:
		fail_msg("an unexpected message %d", (int)type);
	}
	return 0;
}

/* Reads until *what is more than `than`, or the store is gone. */
static void
await(struct sv_seen *s, const unsigned *what, unsigned than)
{
	struct pollfd	p = { .fd = s->fd, .events = POLLIN };
	msec_t		end = now_ms() + DEADLINE_MS;

	while (*what <= than && !s->gone) {
		assert_true(now_ms() < end);
		if (poll(&p, 1, 100) <= 0)
			continue;
		s->gone = evbuffer_read(s->in, s->fd, 65536) <= 0;
		assert_int_equal(msg_drain(s->in, MSG_DIR_D2S, s->reader, on_message, s, NULL), 0);
	}
	assert_true(*what > than);
}

static void
send_store(struct sv_seen *s, enum msg_type type, const void *m)
{
	struct evbuffer	*b = evbuffer_new();

	assert_int_equal(msg_put(b, type, 77, m), 0);
	assert_int_equal(evbuffer_write(b, s->fd) > 0, 1);
	assert_int_equal(evbuffer_get_length(b), 0);
	evbuffer_free(b);
}

/* The program, with nothing but its socket. */
static void
exec_store(const char *dir, int fd)
{
	const char	*bin = getenv("BIN");
	char		 path[256];

	(void)snprintf(path, sizeof path, "%s/paratest-store", bin != NULL ? bin : "build");
	if (dup2(fd, 3) == 3)
		(void)execl(path, path, dir, (char *)NULL);
	_exit(97);
}

/* limit: bytes that a file may have, 0: any. */
static void
start_store(struct sv_seen *s, rlim_t limit)
{
	struct msg_store_setup	setup = { .version = MSG_VERSION, .keep_runs = 1 };
	int			fds[2];

	assert_int_equal(fd_socketpair(fds), 0);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		struct rlimit	r = { limit, RLIM_INFINITY };

		(void)close(fds[0]);
		fd_close(&s->fd);	/* that of another, which is to see its end */
		if (limit > 0 && setrlimit(RLIMIT_FSIZE, &r) != 0)
			_exit(98);
		exec_store(s->st.dir, fds[1]);
	}
	(void)close(fds[1]);
	s->fd = fds[0];
	s->gone = false;
	send_store(s, MSG_STORE_SETUP, &setup);
	await(s, &s->ready, s->ready);
}

static void
end_store(struct sv_seen *s)
{
	int	status;

	fd_close(&s->fd);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	s->pid = 0;
}

static int
open_folder(void **state)
{
	struct sv_seen	*s = calloc(1, sizeof *s);

	assert_non_null(s);
	st_make_folder(&s->st);
	s->fd = -1;
	s->in = evbuffer_new();
	s->reader = msg_reader_new();
	*state = s;
	return 0;
}

static int
close_folder(void **state)
{
	struct sv_seen	*s = *state;

	if (s->pid > 0) {	/* a test failed */
		(void)kill(s->pid, SIGKILL);
		(void)waitpid(s->pid, NULL, 0);
	}
	evbuffer_free(s->in);
	msg_reader_free(s->reader);
	st_remove_folder(&s->st);
	free(s);
	return 0;
}

static void
announce(struct sv_seen *s, bool over)
{
	struct msg_journal	m = { .run = sv_from(s->st.run),
	    .size = journal_size(&s->st.journal), .over = over };

	send_store(s, MSG_JOURNAL, &m);
}

static void
ask(struct sv_seen *s, enum msg_type type, const void *question)
{
	struct msg_ask	m = { .uid = 1000, .type = type };
	char		*body;

	assert_int_equal(msg_encode(type, question, &body, &m.body.n), 0);
	m.body.p = body;
	send_store(s, MSG_ASK, &m);
	free(body);
	await(s, &s->ends, s->ends);
}

/* What it left is the story, whole. */
static void
assert_whole(struct sv_seen *s)
{
	char	*want = st_reference(), *got;

	st_open_db(&s->st);
	got = st_dump(&s->st);
	assert_string_equal(got, want);
	free(got);
	free(want);
	st_close_db(&s->st);
}

static void
a_journal_is_stored(void **state)
{
	struct sv_seen	*s = *state;

	st_story(&s->st);
	start_store(s, 0);
	announce(s, false);
	await(s, &s->stored, 0);
	assert_int_equal(s->over, 0);
	announce(s, true);
	await(s, &s->over, 0);
	assert_int_equal(s->faults, 0);
	end_store(s);
	assert_whole(s);
}

static void
an_answer_has_what_was_announced(void **state)
{
	struct sv_seen		*s = *state;
	struct msg_run_list	 list = { 0 };
	struct sv		 tests[] = { SV_LIT("s"), SV_LIT("t4"), SV_LIT("s"), SV_LIT("no") };
	struct msg_estimate	 estimate = { .uid = 1000, .tests = { tests, 4 } };

	st_story(&s->st);
	start_store(s, 0);
	announce(s, true);		/* and the question at once behind it */
	ask(s, MSG_RUN_LIST, &list);
	assert_int_equal(s->rows, 1);
	send_store(s, MSG_ESTIMATE, &estimate);
	await(s, &s->estimates, 0);
	assert_true(s->values[0] > 5000 && s->values[0] < 8000);	/* of 5 ms, with a spread */
	assert_int_equal(s->values[3], 0);
	end_store(s);
}

static void
what_is_no_question_gets_an_error(void **state)
{
	struct sv_seen		*s = *state;
	struct msg_ask		 m = { .uid = 1000, .type = MSG_STORED, .body = SV_LIT("\200") };
	struct msg_ping		 ping = { 0 };
	struct msg_journal	 bad = { .run = SV_LIT("../../etc"), .size = 1 };

	start_store(s, 0);
	send_store(s, MSG_ASK, &m);
	await(s, &s->ends, 0);
	assert_int_equal(s->error, MSG_ERR_BAD);
	s->error = 0;
	m.type = UINT64_MAX;
	send_store(s, MSG_ASK, &m);
	await(s, &s->ends, 1);
	assert_int_equal(s->error, MSG_ERR_BAD);
	s->error = 0;
	ask(s, MSG_PING, &ping);
	assert_int_equal(s->error, MSG_ERR_BAD);
	send_store(s, MSG_JOURNAL, &bad);	/* it does not bear with such a peer */
	end_store(s);
}

static void
a_full_disk_is_said_once_and_mended(void **state)
{
	struct sv_seen		*s = *state;
	struct msg_run_list	 list = { 0 };
	struct rlimit		 none = { RLIM_INFINITY, RLIM_INFINITY };

	st_story(&s->st);
	start_store(s, 20000);
	announce(s, true);
	await(s, &s->faults, 0);
	assert_int_equal(s->stored, 0);
	ask(s, MSG_RUN_LIST, &list);		/* it answers all the same */
	assert_int_equal(prlimit(s->pid, RLIMIT_FSIZE, &none, NULL), 0);
	await(s, &s->mended, 0);
	await(s, &s->over, 0);
	assert_int_equal(s->faults, 1);
	end_store(s);
	assert_whole(s);
}

static unsigned
damaged_files(struct sv_seen *s, bool remove_them)
{
	char		name[DB_DAMAGED_MAX];
	struct db	db;
	unsigned	n = 0;

	assert_int_equal(db_init(&db, s->st.dir), 0);
	while (db_find_damaged(&db, name)) {
		n++;
		assert_non_null(strstr(s->fault, "damaged"));
		if (!remove_them)
			break;
		assert_int_equal(unlinkat(db.dirfd, name, 0), 0);
	}
	db_free(&db);
	return n;
}

static void
a_damaged_database_is_set_aside_and_said_until_it_is_gone(void **state)
{
	struct sv_seen		*s = *state;
	struct msg_store_idle	 idle = { 0 };
	char			 path[64];
	FILE			*f;

	(void)snprintf(path, sizeof path, "%s/history.db", s->st.dir);
	f = fopen(path, "w");
	assert_non_null(f);
	for (int i = 0; i < 500; i++)
		(void)fprintf(f, "no database %d\n", i);
	assert_int_equal(fclose(f), 0);
	st_story(&s->st);
	start_store(s, 0);
	await(s, &s->faults, 0);
	announce(s, true);
	await(s, &s->over, 0);
	end_store(s);
	/* Another store says it, too. */
	s->faults = 0;
	start_store(s, 0);
	await(s, &s->faults, 0);
	assert_int_equal(s->mended, 0);
	assert_int_equal(damaged_files(s, true), 1);
	send_store(s, MSG_STORE_IDLE, &idle);
	await(s, &s->mended, 0);
	end_store(s);
	assert_whole(s);
}

/* What a question is the first to meet: one ERROR, and a new database for the next. */
static void
damage_met_by_a_question_is_set_aside(void **state)
{
	struct sv_seen		*s = *state;
	struct msg_run_list	 list = { 0 };
	struct sv		 tests[] = { SV_LIT("s"), SV_LIT("t4") };
	struct msg_estimate	 estimate = { .uid = 1000, .tests = { tests, 2 } };
	static char		 junk[4096];
	char			 path[64];
	off_t			 page;
	int			 fd;

	memset(junk, 0x5a, sizeof junk);
	for (int round = 0; round < 2; round++) {
		st_open_db(&s->st);
		st_story(&s->st);
		st_announce(&s->st, journal_size(&s->st.journal), true);
		st_settle(&s->st);
		page = st_number(&s->st, round == 0 ? "SELECT rootpage FROM sqlite_schema"
		    " WHERE name = 'runs_by_time'" : "SELECT rootpage FROM sqlite_schema"
		    " WHERE name = 'sqlite_autoindex_tests_1'");
		s->st.stored = 0;
		st_close_db(&s->st);
		journal_close(&s->st.journal);
		assert_int_equal(unlinkat(s->st.dirfd, s->st.run, 0), 0);
		(void)snprintf(path, sizeof path, "%s/history.db", s->st.dir);
		fd = open(path, O_RDWR | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(pwrite(fd, junk, sizeof junk, (page - 1) * 4096), sizeof junk);
		(void)close(fd);
		s->errors = s->faults = 0;
		start_store(s, 0);
		if (round == 0) {
			ask(s, MSG_RUN_LIST, &list);
			assert_int_equal(s->errors, 1);
			assert_int_equal(s->error, MSG_ERR_INTERNAL);
		} else {
			send_store(s, MSG_ESTIMATE, &estimate);
			await(s, &s->estimates, 0);
			assert_int_equal(s->values[0], 0);
		}
		await(s, &s->faults, 0);
		assert_non_null(strstr(s->fault, "damaged"));
		ask(s, MSG_RUN_LIST, &list);
		assert_int_equal(s->errors, round == 0);
		assert_int_equal(s->rows, 0);
		end_store(s);
		assert_true(damaged_files(s, true) > 0);	/* with its log */
		assert_int_equal(unlink(path), 0);
	}
}

/* The folder of another, or one that others may enter. */
static void
a_folder_that_is_not_ours_alone_is_refused(void **state)
{
	struct sv_seen	*s = *state;
	int		 fds[2], status;

	assert_int_equal(chmod(s->st.dir, 0755), 0);
	assert_int_equal(fd_socketpair(fds), 0);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0)
		exec_store(s->st.dir, fds[1]);
	(void)close(fds[1]);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	s->pid = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_INTERNAL);
	assert_int_equal(faccessat(s->st.dirfd, "../history.db", F_OK, 0), -1);
	(void)close(fds[0]);
}

/* Only one of them may write; the other waits for its end. */
static void
a_second_store_waits_for_the_first(void **state)
{
	struct sv_seen	*s = *state, first;

	st_story(&s->st);
	start_store(s, 0);
	first = *s;
	start_store(s, 0);
	await(s, &s->faults, 0);
	announce(s, true);
	end_store(&first);
	await(s, &s->over, 0);
	end_store(s);
	assert_whole(s);
}

#define WITH_FOLDER(f)	cmocka_unit_test_setup_teardown(f, open_folder, close_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(a_journal_is_stored),
		WITH_FOLDER(an_answer_has_what_was_announced),
		WITH_FOLDER(what_is_no_question_gets_an_error),
		WITH_FOLDER(a_full_disk_is_said_once_and_mended),
		WITH_FOLDER(a_damaged_database_is_set_aside_and_said_until_it_is_gone),
		WITH_FOLDER(damage_met_by_a_question_is_set_aside),
		WITH_FOLDER(a_folder_that_is_not_ours_alone_is_refused),
		WITH_FOLDER(a_second_store_waits_for_the_first),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_init("test_store", LOG_LEVEL_ERROR, false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
