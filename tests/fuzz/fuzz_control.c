/*
 * Fuzz target of the control plane: a whole supervisor with a client of its owner
 * and one of another user, both in memory, and a pool that starts nothing.
 *
 * The input is a row of chunks, {u8 head, u8 n, n bytes}.  Bit 0 of the head says
 * which client speaks; bits 1 and 2 what the bytes are:
 *
 *	0  bytes of the stream
 *	1  the body of a message, whose type is bits 3..7: a header is put before it
 *	2  a sound message, number n of those in say(), with the bytes as its text
 *	3  nothing: the loop turns, and what was promised is looked at
 */
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/server_fixture.h"

#define CLIENTS	2

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uid_t	uids[CLIENTS] = { SX_UID, SX_OTHER };

static void
require(int ok)
{
	if (!ok)
		abort();
}

struct speaker {
	struct sx		*sx;
	struct sx_client	*c;
	uid_t			 uid;
	unsigned		 added;		/* tests of the plan that is open */
};

/* ---- what is promised ---- */

static struct sv
run_named_by(enum msg_type type, const union msg_body *m)
{
	switch (type) {
	case MSG_RUN_OK:
		return m->run_ok.run;
	case MSG_EVENT:
		return m->event.run;
	case MSG_LAGGED:
		return m->lagged.run;
	case MSG_LIVE:
		return m->live.run;
	case MSG_RUN_ROW:
		return m->run_row.run;
	default:
		return (struct sv){ NULL, 0 };
	}
}

/* Nobody hears of a run that is not his. */
static int
on_answer(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct speaker	*s = arg;
	struct sv	 name = run_named_by(type, m);
	struct run	*run;

	(void)id;
	TAILQ_FOREACH(run, &s->sx->server.runs.list, entry) {
		if (sv_is(name, run->id))
			require(run->uid == s->uid);
	}
	return 0;
}

static void
check(struct sx *sx)
{
	struct runs	*rs = &sx->server.runs;
	struct run	*run;
	uint32_t	 active = 0, over = 0;

	TAILQ_FOREACH(run, &rs->list, entry) {
		active += !run->over;
		over += run->over;
		require(run->log.next_seq > 1);
		require(run->plan.ntests <= 4000);
	}
	require(rs->nactive == active && rs->nover == over);
	require(active <= 4096 && over <= 10000);
	require(control_count(sx->server.control) <= CLIENTS);
	for (int i = 0; i < CLIENTS; i++) {
		struct conn	*c = sx->clients[i].conn;

		if (c != NULL && !c->gone)
			require(watch_count(&sx->server.watches, c->peer) <= CONTROL_WATCHES);
	}
}

static void
turn(struct speaker *speakers)
{
	struct sx	*sx = speakers[0].sx;

	for (int i = 0; i < CLIENTS; i++) {
		struct sx_client	*c = speakers[i].c;

		if (c->conn != NULL)
			require(msg_drain(peer_buffer(c->conn->peer), MSG_DIR_S2C, sx->reader,
			    on_answer, &speakers[i], NULL) == 0);
	}
	sx_step(sx);
	check(sx);
}

/* ---- what is said ---- */

static void
send_body(struct speaker *s, unsigned type, const uint8_t *data, size_t n)
{
	uint8_t	frame[MSG_HEADER + 255] = { 0, 0, 0, (uint8_t)n, 0, (uint8_t)type, 0, 0, 0, 0,
	    0, 9 };

	if (n > 0)
		memcpy(frame + MSG_HEADER, data, n);
	sx_feed(s->c, frame, MSG_HEADER + n);
}

/* The newest run of all, whose ever it is: a name that may be right. */
static struct sv
some_run(const struct speaker *s)
{
	struct run	*run = TAILQ_FIRST(&s->sx->server.runs.list);

	return run != NULL ? sv_from(run->id) : SV_LIT("00");
}

static void
say_run(struct speaker *s, unsigned what, struct sv text)
{
	uint64_t		 number = text.n > 0 ? (unsigned char)text.p[0] : 0;
	struct msg_run_cancel	 cancel = { .run = what % 2 ? text : some_run(s) };
	struct msg_run_watch	 watch = { .run = what % 2 ? text : some_run(s), .since = number,
	    .no_follow = number % 3 == 0, .live = true };
	struct msg_output_read	 output = { .run = some_run(s), .test = text,
	    .follow = what % 2 };
	struct msg_config_set	 set = { .key = SV_LIT("keep-runs"), .value = text };

	switch (what % 4) {
	case 0:
		sx_send(s->c, MSG_RUN_CANCEL, 21, &cancel);
		break;
	case 1:
		sx_send(s->c, MSG_RUN_WATCH, 22, &watch);
		break;
	case 2:
		sx_send(s->c, MSG_OUTPUT_READ, 23, &output);
		break;
	case 3:
		sx_send(s->c, MSG_CONFIG_SET, 24, &set);
		break;
	}
}

static void
say(struct speaker *s, unsigned what, struct sv text)
{
	struct msg_hello	 hello = { .version = MSG_VERSION };
	struct sv		 argv[] = { SV_LIT("/bin/true"), text };
	struct msg_test_add	 test = { .name = text, .argv = { argv, 2 }, .cwd = SV_LIT("/"),
	    .skip = what & 16 ? SV_LIT("no") : SV_LIT(""), .serial = what & 32,
	    .locks = { argv, (what >> 6) % 3 } };
	struct msg_run_begin	 begin = { .name = text, .jobs = what >> 6,
	    .detach = what & 16, .timeout_ms = what & 32 ? 1 : 0 };
	struct msg_run_commit	 commit = { .tests = s->added };
	struct msg_run_list	 list = { .limit = text.n };

	switch (what % 8) {
	case 0:
		sx_send(s->c, MSG_HELLO, 10, &hello);
		break;
	case 1:
		s->added = 0;
		sx_send(s->c, MSG_RUN_BEGIN, 11, &begin);
		break;
	case 2:
		s->added++;
		sx_send(s->c, MSG_TEST_ADD, 12, &test);
		break;
	case 3:
		sx_send(s->c, MSG_RUN_COMMIT, 13, &commit);
		break;
	case 4:
		sx_send(s->c, MSG_RUN_LIST, 14, &list);
		break;
	default:
		say_run(s, what / 8, text);
	}
}

static void
chunk(struct speaker *s, uint8_t head, const uint8_t *data, size_t n)
{
	struct sv	text = { n > 1 ? (const char *)data + 1 : "", n > 1 ? n - 1 : 0 };

	switch (head >> 1 & 3) {
	case 0:
		sx_feed(s->c, data, n);
		break;
	case 1:
		send_body(s, head >> 3, data, n);
		break;
	case 2:
		if (text.n > 0 && memchr(text.p, '\0', text.n) != NULL)
			text.n = strnlen(text.p, text.n);
		if (n > 0 && text.n < 60)
			say(s, data[0], text);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sx	*sx = malloc(sizeof *sx);
	struct speaker	 speakers[CLIENTS];

	require(sx != NULL);
	sx_open(sx);
	sx->server.config.max_runs = 4;
	sx->server.config.keep_runs = 3;
	sx->server.config.max_tests = 20;
	for (int i = 0; i < CLIENTS; i++)
		speakers[i] = (struct speaker){ sx, sx_connect(sx, uids[i]), uids[i], 0 };
	while (size >= 2) {
		size_t	n = data[1] < size - 2 ? data[1] : size - 2;

		chunk(&speakers[data[0] & 1], data[0], data + 2, n);
		if ((data[0] >> 1 & 3) == 3)
			turn(speakers);
		data += 2 + n;
		size -= 2 + n;
	}
	turn(speakers);
	turn(speakers);
	sx_close(sx);
	free(sx);
	return 0;
}
