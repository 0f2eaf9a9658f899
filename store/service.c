/* The store at work; see service.h. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/clock.h"
#include "common/history.h"
#include "common/log.h"
#include "common/outcome.h"
#include "common/peer.h"
#include "store/db.h"
#include "store/ingest.h"
#include "store/query.h"
#include "store/retain.h"
#include "store/service.h"

/* Each transaction writes every page that it touches, and the rows of a run lie all over
 * them: few large ones are cheaper. */
#define SERVICE_WAIT_MS		250			/* for more to come */
#define SERVICE_BATCH		((uint64_t)512 << 10)	/* bytes that wait for no timer */
#define SERVICE_ASK_MS		50	/* reads journals so long before a question */
#define SERVICE_RETRY_MS	250	/* after a fault, then twice as long */
#define SERVICE_RETRY_MAX_MS	30000
#define SERVICE_QUIET_MS	4000	/* the last store may take so long to end */
#define SERVICE_LOCK_MS		10	/* looks whether it has */
#define SERVICE_LOOK_MS		30000	/* for what is damaged */
#define SERVICE_ASIDE_MAX	3	/* databases set aside without one that works */

struct service {
	struct event_base	*base;
	struct peer_set		 set;
	struct peer		*peer;
	struct event		*work;
	msec_t			 due;		/* of work, when it is pending */
	struct msg_reader	*reader;
	struct db		 db;
	struct ingest		*ingest;
	struct retain		 retain;
	bool			 set_up, idle, over;
	bool			 looked;	/* for runs that have no journal */
	uint64_t		 retry_ms;	/* 0: there is no fault */
	msec_t			 retry_at;
	unsigned		 aside;
	char			 fault[256], said[256];
	char			 damaged[DB_DAMAGED_MAX];
};

static void
schedule(struct service *s, uint64_t ms)
{
	msec_t		now = now_ms(), due = now + ms;
	struct timeval	tv;

	if (s->retry_ms > 0 && due < s->retry_at)
		due = s->retry_at;
	if (event_pending(s->work, EV_TIMEOUT, NULL) && s->due <= due)
		return;
	s->due = due;
	tv = clock_timeval(due > now ? due - now : 0);
	(void)event_add(s->work, &tv);
}

/* ---- what is wrong ---- */

static void
say_fault(struct service *s)
{
	char			text[256];
	struct msg_store_fault	m;

	(void)snprintf(text, sizeof text, "%s", s->fault);
	if (s->retry_ms == 0 && s->damaged[0] != '\0')
		(void)snprintf(text, sizeof text, "a part of the history was damaged: it is now "
		    "%s, and a new one goes on; repair, move or remove it", s->damaged);
	if (strcmp(text, s->said) == 0)
		return;
	(void)snprintf(s->said, sizeof s->said, "%s", text);
	m = (struct msg_store_fault){ .text = sv_from(text) };
	(void)peer_send(s->peer, MSG_STORE_FAULT, 0, &m);
}

static void
look_for_damage(struct service *s)
{
	if (!db_find_damaged(&s->db, s->damaged))
		s->damaged[0] = '\0';
	say_fault(s);
}

static void
works(struct service *s)
{
	s->retry_ms = 0;
	s->aside = 0;
	s->fault[0] = '\0';
	say_fault(s);
}

/* 1: what was damaged is out of the way, and there is more to do; or r. */
static int
fails(struct service *s, int r)
{
	const char	*what = strerror(-r);

	ingest_forget(s->ingest);
	query_forget();
	s->retain.folder = 0;	/* what was written for nothing is swept */
	if (r == -EUCLEAN && s->aside < SERVICE_ASIDE_MAX) {
		s->aside++;
		r = db_set_aside(&s->db, s->damaged);
		what = strerror(-r);
		if (r == 0) {
			log_warn("store", "the database is damaged; it is now %s", s->damaged);
			say_fault(s);
			schedule(s, 0);
			return 1;
		}
	}
	if (r == -ENOTSUP)
		what = "the database was made by a newer version";
	else if (r == -EUCLEAN)
		what = "the database is damaged";
	else if (r == -EWOULDBLOCK)
		what = "another paratest-store has it open";
	s->retry_ms = s->retry_ms == 0 ? SERVICE_RETRY_MS : s->retry_ms * 2;
	if (s->retry_ms > SERVICE_RETRY_MAX_MS)
		s->retry_ms = SERVICE_RETRY_MAX_MS;
	s->retry_at = now_ms() + s->retry_ms;
	(void)snprintf(s->fault, sizeof s->fault, "the history cannot be kept: %s", what);
	say_fault(s);
	schedule(s, s->retry_ms);
	return r;
}

/* ---- the work ---- */

/*
 * One store a folder.  The last one may still be about to end, its supervisor lost: what
 * is asked meanwhile had better wait for that than be told that there is no history.
 */
static int
take_folder(struct service *s)
{
	msec_t	until = now_ms() + SERVICE_QUIET_MS;

	while (flock(s->db.dirfd, LOCK_EX | LOCK_NB) == -1) {
		if (errno != EWOULDBLOCK || s->retry_ms > 0 || now_ms() >= until)
			return -errno;
		(void)poll(NULL, 0, SERVICE_LOCK_MS);
	}
	return 0;
}

static int
open_db(struct service *s)
{
	int	r;

	if (s->db.sql != NULL)
		return 0;
	r = take_folder(s);
	if (r != 0)
		return r;
	r = db_open(&s->db);
	s->looked = false;
	if (r == 0)
		look_for_damage(s);
	return r;
}

/* A step, or an attempt to open the database.  As ingest_step(). */
static int
step(struct service *s)
{
	int	r = open_db(s);

	if (r == 0 && !s->looked) {
		r = ingest_end_lost(s->ingest);
		s->looked = r == 0;
	}
	if (r == 0)
		r = ingest_step(s->ingest);
	if (r < 0)
		return fails(s, r);
	if (s->retry_ms > 0 || s->aside > 0)
		works(s);
	return r;
}

static void
on_work(evutil_socket_t fd, short what, void *arg)
{
	struct service	*s = arg;
	int		 r;

	(void)fd;
	(void)what;
	if (s->over)
		return;
	r = step(s);
	if (r == 0 && s->idle) {
		r = retain_step(&s->db, &s->retain, wall_ms());
		s->idle = r == 1;
		if (r < 0)
			r = fails(s, r);
	}
	if (r == 1)
		schedule(s, 0);
	if (r >= 0 && s->damaged[0] != '\0') {
		look_for_damage(s);
		schedule(s, SERVICE_LOOK_MS);
	}
}

/* ---- questions ---- */

struct asker {
	struct service	*s;
	uint32_t	 id;
};

static int
send_answer(void *arg, enum msg_type type, const void *msg)
{
	struct asker		*a = arg;
	struct msg_answer	 m = { .type = type };
	char			*body;
	size_t			 n;
	int			 r = msg_encode(type, msg, &body, &n);

	if (r != 0)
		return r;
	m.body = (struct sv){ body, n };
	r = peer_send(a->s->peer, MSG_ANSWER, a->id, &m);
	free(body);
	return r;
}

static void
send_error(struct asker *a, enum msg_error_code code, const char *text)
{
	struct msg_error	m = { .code = code, .text = sv_from(text) };

	(void)send_answer(a, MSG_ERROR, &m);
}

/* What has been announced is in an answer. */
static bool
catch_up(struct service *s)
{
	msec_t	until = now_ms() + SERVICE_ASK_MS;

	if (s->retry_ms > 0 && now_ms() < s->retry_at)
		return s->db.sql != NULL;
	while (step(s) == 1 && now_ms() < until)
		;
	return s->db.sql != NULL;
}

static void
on_ask(struct service *s, uint32_t id, const struct msg_ask *m)
{
	const struct msg_desc	*d = msg_desc(m->type < MSG_TYPE_MAX ? (uint32_t)m->type : 0);
	struct asker		 a = { s, id };
	struct msg_answer_end	 end = { 0 };
	union msg_body		 question;
	int			 r = 0;

	if (d == NULL || d->dir != MSG_DIR_C2S ||
	    msg_decode(s->reader, (enum msg_type)m->type, m->body.p, m->body.n, &question,
	    NULL) != 0)
		send_error(&a, MSG_ERR_BAD, "this is no question to the history");
	else if (!catch_up(s))
		send_error(&a, MSG_ERR_INTERNAL, s->fault);
	else
		r = query_answer(&s->db, m->uid, (enum msg_type)m->type, &question, m->from,
		    send_answer, &a, &end.next);
	if (r == -EOPNOTSUPP)
		send_error(&a, MSG_ERR_BAD, "this is no question to the history");
	else if (r != 0 && r != -EIO && r != -EUCLEAN)	/* these were said */
		send_error(&a, MSG_ERR_INTERNAL, strerror(-r));
	if (r != 0)
		end.next = 0;
	(void)peer_send(s->peer, MSG_ANSWER_END, id, &end);
	if (r == -EUCLEAN)	/* a question may be the first to meet a damaged page */
		(void)fails(s, r);
}

/* Nothing is expected of what nothing is known of: so without a database, too. */
static int
on_estimate(struct service *s, uint32_t id, const struct msg_estimate *m)
{
	struct msg_estimates	 answer = { 0 };
	uint32_t		 n = m->tests.n / 2 * ESTIMATE_STRIDE;
	uint32_t		 ncosts = m->tests.n / 2 * COST_STRIDE;
	uint64_t		*values, *costs;
	int			 r = 0;

	if (m->tests.n % 2 != 0)
		return -EBADMSG;
	values = calloc((size_t)n + ncosts + 1, sizeof *values);
	if (values == NULL)
		return -ENOMEM;
	costs = values + n;
	if (catch_up(s))
		r = query_estimate(&s->db, m, values, costs);
	if (r == -EUCLEAN)
		(void)fails(s, r);
	if (r != 0)
		memset(values, 0, ((size_t)n + ncosts) * sizeof *values);
	answer.values = (struct nums){ values, n };
	answer.costs = (struct nums){ costs, ncosts };
	r = peer_send(s->peer, MSG_ESTIMATES, id, &answer);
	free(values);
	return r == -ENOMEM ? r : 0;
}

/* ---- messages ---- */

static int
on_setup(struct service *s, const struct msg_store_setup *m)
{
	struct msg_store_ready	ready = { .version = MSG_VERSION };

	if (m->version != MSG_VERSION)
		return -EBADMSG;
	retain_init(&s->retain, m->keep_ms, m->keep_runs, m->keep_bytes);
	retain_users(&s->retain, m->keep_user_bytes, getuid());
	if (!s->set_up)
		(void)peer_send(s->peer, MSG_STORE_READY, 0, &ready);
	s->set_up = true;
	(void)step(s);
	schedule(s, 0);
	return 0;
}

static int
on_journal(struct service *s, const struct msg_journal *m)
{
	int	r = ingest_announce(s->ingest, m->run, m->size, m->over);

	if (r != 0)
		return r == -EINVAL ? -EBADMSG : r;
	schedule(s, ingest_waiting(s->ingest) > SERVICE_BATCH ? 0 : SERVICE_WAIT_MS);
	return 0;
}

static int
on_frame(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct service	*s = arg;

	if (type == MSG_STORE_SETUP)
		return on_setup(s, &m->store_setup);
	if (!s->set_up)
		return -EBADMSG;
	switch (type) {
	case MSG_JOURNAL:
		return on_journal(s, &m->journal);
	case MSG_ASK:
		on_ask(s, id, &m->ask);
		return 0;
	case MSG_ESTIMATE:
		return on_estimate(s, id, &m->estimate);
	case MSG_STORE_IDLE:
		query_forget();
		s->idle = true;
		schedule(s, 0);
		return 0;
	default:
		return -EBADMSG;
	}
}

static void
on_gone(void *arg, int r, const char *why)
{
	struct service	*s = arg;

	if (r == -EBADMSG)
		log_warn("store", "the supervisor sent what is no sense: %s", why);
	s->over = true;
}

static void
on_stored(void *arg, const char *run, uint64_t size, bool over)
{
	struct service		*s = arg;
	struct msg_stored	 m = { .run = sv_from(run), .size = size, .over = over };

	(void)peer_send(s->peer, MSG_STORED, 0, &m);
}

/* ---- start and end ---- */

static const struct peer_ops peer_ops = { .frame = on_frame, .gone = on_gone };

static void
start(struct service *s, const char *dir, int fd)
{
	int	r = db_init(&s->db, dir);

	/* One thread: no locks, and no figures of memory that nobody asks for. */
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (r != 0)
		fatal("store", "%s: %s", dir, r == -EPERM ?
		    "it is not ours alone (owner, mode 0700)" : strerror(-r));
	if (mkdirat(s->db.dirfd, INGEST_DIR, 0700) == -1 && errno != EEXIST)
		fatal("store", "%s/" INGEST_DIR ": %s", dir, strerror(errno));
	s->base = event_base_new();
	peer_set_init(&s->set);
	s->reader = msg_reader_new();
	s->ingest = ingest_new(&s->db, on_stored, s);
	if (s->base == NULL || s->reader == NULL || s->ingest == NULL)
		fatal("store", "out of memory");
	s->work = event_new(s->base, -1, 0, on_work, s);
	s->peer = peer_new(s->base, &s->set, fd, MSG_DIR_S2D, &peer_ops, s);
	if (s->work == NULL || s->peer == NULL)
		fatal("store", "out of memory");
}

int
service_run(const char *dir, int fd)
{
	struct service	*s = calloc(1, sizeof *s);

	if (s == NULL)
		fatal("store", "out of memory");
	start(s, dir, fd);
	while (!s->over) {
		if (event_base_loop(s->base, EVLOOP_ONCE) == -1)
			fatal("store", "the event loop failed");
		peer_set_flush(&s->set);
	}
	query_forget();
	peer_free(s->peer);
	event_free(s->work);
	event_base_free(s->base);
	ingest_free(s->ingest);
	msg_reader_free(s->reader);
	db_free(&s->db);
	free(s);
	return EXIT_PASSED;
}
