/*
 * A whole supervisor in memory: no socket, no worker, and no time but what a test
 * gives it.  Clients are connections without a descriptor; what they send is fed to
 * the supervisor, what it answers is kept decoded, in order.
 */
#ifndef TESTS_UNIT_SERVER_FIXTURE_H
#define TESTS_UNIT_SERVER_FIXTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "common/event.h"
#include "common/msg.h"
#include "common/rmtree.h"
#include "supervisor/control.h"
#include "supervisor/server.h"

#define SX_UID		1000	/* whom the supervisor belongs to */
#define SX_OTHER	2000
#define SX_CLIENTS	24

struct sx_frame {
	enum msg_type		 type;
	uint32_t		 id;
	union msg_body		 body;		/* borrows from data and reader */
	char			*data;
	struct msg_reader	*reader;
};

struct sx_client {
	struct conn		*conn;		/* NULL: the connection is over */
	struct sx_frame		**frames;	/* each stays where it is */
	size_t			 n, next;	/* next: the first that was not looked at */
};

struct sx {
	struct server		 server;
	struct msg_reader	*reader;
	struct sx_client	 clients[SX_CLIENTS];
	size_t			 nclients;
	char			 dir[32];
};

static inline void
sx_need(int ok)
{
	if (!ok) {
		(void)fputs("the fixture itself failed\n", stderr);
		abort();
	}
}

/* `state`: the folder of what is kept, NULL: none. */
static inline void
sx_open_all(struct sx *sx, const char *worker_program, const char *state, const char *store)
{
	const struct isolation_want level = { .level = ISOLATION_PROCESS };
	struct server_setup	setup = { .socket_fd = -1, .state = state, .store = store,
	    .isolation = &level };

	memset(sx, 0, sizeof *sx);
	(void)snprintf(sx->dir, sizeof sx->dir, "/tmp/paratest-unit.XXXXXX");
	sx_need(mkdtemp(sx->dir) != NULL);
	sx->reader = msg_reader_new();
	sx_need(sx->reader != NULL);
	setup.worker = worker_program;
	setup.scratch = sx->dir;
	server_init(&sx->server, &setup);
	sx->server.uid = sx->server.runs.owner = SX_UID;
}

static inline void
sx_open_with(struct sx *sx, const char *worker_program, const char *state)
{
	sx_open_all(sx, worker_program, state, "/nonexistent/paratest-store");
}

static inline void
sx_open(struct sx *sx)
{
	sx_open_with(sx, "/nonexistent/paratest-worker", NULL);
	pool_stop(sx->server.pool, false);	/* it starts no process */
}

/* With a folder in which its journals are. */
static inline void
sx_open_state(struct sx *sx, const char *state)
{
	sx_open_with(sx, "/nonexistent/paratest-worker", state);
	pool_stop(sx->server.pool, false);
}

static inline struct sx_client *
sx_connect(struct sx *sx, uid_t uid)
{
	struct sx_client	*c = &sx->clients[sx->nclients++];

	sx_need(sx->nclients <= SX_CLIENTS);
	c->conn = control_add(sx->server.control, -1, uid, 4711);
	sx_need(c->conn != NULL);
	return c;
}

static inline int
sx_keep(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct sx_client	*c = arg;
	struct sx_frame		*f;
	size_t			 len;

	c->frames = reallocarray(c->frames, c->n + 1, sizeof *c->frames);
	f = calloc(1, sizeof *f);
	sx_need(c->frames != NULL && f != NULL);
	c->frames[c->n++] = f;
	f->type = type;
	f->id = id;
	f->reader = msg_reader_new();
	sx_need(f->reader != NULL && msg_encode(type, m, &f->data, &len) == 0 &&
	    msg_decode(f->reader, type, f->data, len, &f->body, NULL) == 0);
	return 0;
}

/* Forgets the last frame. */
static inline void
sx_drop(struct sx_client *c)
{
	struct sx_frame	*f = c->frames[--c->n];

	msg_reader_free(f->reader);
	free(f->data);
	free(f);
}

/* Takes what the supervisor has for this client. */
static inline void
sx_collect(struct sx *sx, struct sx_client *c)
{
	if (c->conn != NULL)
		sx_need(msg_drain(peer_buffer(c->conn->peer), MSG_DIR_S2C, sx->reader, sx_keep,
		    c, NULL) == 0);
}

/* What is due in the loop, and the turn after it, without waiting. */
static inline void
sx_step(struct sx *sx)
{
	sx_need(event_base_loop(sx->server.base, EVLOOP_NONBLOCK) >= 0);
	for (size_t i = 0; i < sx->nclients; i++) {
		struct sx_client	*c = &sx->clients[i];

		if (c->conn != NULL && c->conn->gone) {
			sx_collect(sx, c);
			c->conn = NULL;		/* freed by the turn */
		}
	}
	server_turn(&sx->server);
}

/* Steps until all that was asked is answered and what is over is gone. */
static inline void
sx_turn(struct sx *sx)
{
	for (int i = 0; i < 3; i++) {
		for (size_t k = 0; k < sx->nclients; k++)
			sx_collect(sx, &sx->clients[k]);
		sx_step(sx);
	}
	for (size_t k = 0; k < sx->nclients; k++)
		sx_collect(sx, &sx->clients[k]);
}

static inline void
sx_feed(struct sx_client *c, const void *data, size_t len)
{
	if (c->conn != NULL)
		peer_feed(c->conn->peer, data, len);
}

/* A message as one frame, in `out`. */
static inline void
sx_frame(struct evbuffer *out, enum msg_type type, uint32_t id, const void *body)
{
	sx_need(msg_put(out, type, id, body) == 0);
}

static inline void
sx_feed_buffer(struct sx_client *c, struct evbuffer *b)
{
	sx_feed(c, evbuffer_pullup(b, -1), evbuffer_get_length(b));
	evbuffer_free(b);
}

static inline void
sx_send(struct sx_client *c, enum msg_type type, uint32_t id, const void *body)
{
	struct evbuffer	*b = evbuffer_new();

	sx_need(b != NULL);
	sx_frame(b, type, id, body);
	sx_feed_buffer(c, b);
}

/* The next answer that was not looked at, or NULL. */
static inline const struct sx_frame *
sx_next(struct sx_client *c)
{
	return c->next < c->n ? c->frames[c->next++] : NULL;
}

static inline struct sx_client *
sx_greeted(struct sx *sx, uid_t uid)
{
	struct msg_hello	 m = { .version = MSG_VERSION, .program = SV_LIT("test") };
	struct sx_client	*c = sx_connect(sx, uid);
	const struct sx_frame	*f;

	sx_send(c, MSG_HELLO, 1, &m);
	sx_turn(sx);
	f = sx_next(c);
	sx_need(f != NULL && f->type == MSG_HELLO_OK);
	return c;
}

static inline void
sx_begin(struct sx_client *c, bool detach)
{
	struct msg_run_begin	m = { .jobs = 2, .detach = detach, .seed = 7 };

	sx_send(c, MSG_RUN_BEGIN, 2, &m);
}

static inline void
sx_add(struct sx_client *c, const char *name)
{
	const struct sv		argv[] = { SV_LIT("/bin/true") };
	struct msg_test_add	m = { .name = sv_from(name), .argv = { argv, 1 },
	    .cwd = SV_LIT("/") };

	sx_send(c, MSG_TEST_ADD, 3, &m);
}

static inline void
sx_commit(struct sx_client *c, uint64_t tests)
{
	struct msg_run_commit	m = { .tests = tests };

	sx_send(c, MSG_RUN_COMMIT, 4, &m);
}

/* Submits n tests, t0 and so on; the id of the run, to be freed, or NULL. */
static inline char *
sx_submit(struct sx *sx, struct sx_client *c, unsigned n, bool detach)
{
	const struct sx_frame	*f;
	char			 name[16];

	sx_begin(c, detach);
	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(name, sizeof name, "t%u", i);
		sx_add(c, name);
	}
	sx_commit(c, n);
	sx_turn(sx);
	f = sx_next(c);
	if (f == NULL || f->type != MSG_RUN_OK)
		return NULL;
	return strndup(f->body.run_ok.run.p, f->body.run_ok.run.n);
}

static inline void
sx_close(struct sx *sx)
{
	server_free(&sx->server);
	for (size_t i = 0; i < sx->nclients; i++) {
		while (sx->clients[i].n > 0)
			sx_drop(&sx->clients[i]);
		free(sx->clients[i].frames);
	}
	msg_reader_free(sx->reader);
	(void)rmtree_at(AT_FDCWD, sx->dir);
}

#endif
