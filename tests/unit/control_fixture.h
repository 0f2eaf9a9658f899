/*
 * What tests of the control plane share: a supervisor in memory for each test, and
 * questions and answers in one line each.
 */
#ifndef TESTS_UNIT_CONTROL_FIXTURE_H
#define TESTS_UNIT_CONTROL_FIXTURE_H

#include "tests/unit/server_fixture.h"

static inline int
open_server(void **state)
{
	struct sx	*sx = malloc(sizeof *sx);

	if (sx == NULL)
		return 1;
	sx_open(sx);
	*state = sx;
	return 0;
}

static inline int
close_server(void **state)
{
	sx_close(*state);
	free(*state);
	return 0;
}

static inline const union msg_body *
expect(struct sx_client *c, enum msg_type type)
{
	const struct sx_frame	*f = sx_next(c);

	if (f == NULL)
		fail_msg("no answer where %s is due", msg_desc(type)->name);
	if (f->type == MSG_ERROR && type != MSG_ERROR)
		fail_msg("error: " SV_FMT, SV_ARG(f->body.error.text));
	assert_string_equal(msg_desc(f->type)->name, msg_desc(type)->name);
	return &f->body;
}

static inline void
expect_error(struct sx_client *c, enum msg_error_code code, const char *part)
{
	const struct msg_error	*e = &expect(c, MSG_ERROR)->error;

	assert_int_equal(e->code, code);
	if (memmem(e->text.p, e->text.n, part, strlen(part)) == NULL)
		fail_msg("'" SV_FMT "' does not say '%s'", SV_ARG(e->text), part);
}

static inline void
expect_nothing(struct sx_client *c)
{
	const struct sx_frame	*f = sx_next(c);

	if (f != NULL)
		fail_msg("%s came", msg_desc(f->type)->name);
}

static inline uint64_t
runs_on_show(struct sx *sx, struct sx_client *c)
{
	struct msg_run_list	 m = { .limit = 0 };
	const struct sx_frame	*f;
	uint64_t		 n = 0;

	sx_send(c, MSG_RUN_LIST, 9, &m);
	sx_turn(sx);
	while ((f = sx_next(c)) != NULL && f->type == MSG_RUN_ROW)
		n++;
	assert_non_null(f);
	assert_int_equal(f->type, MSG_END_OF);
	assert_int_equal(f->id, 9);
	assert_int_equal(f->body.end_of.count, n);
	return n;
}

static inline bool
still_served(struct sx *sx, struct sx_client *c)
{
	struct msg_ping		 m = { 0 };
	const struct sx_frame	*f;

	sx_send(c, MSG_PING, 77, &m);
	sx_turn(sx);
	f = sx_next(c);
	return f != NULL && f->type == MSG_OK && f->id == 77;
}

static inline void
cancel(struct sx_client *c, const char *run)
{
	struct msg_run_cancel	m = { .run = sv_from(run) };

	sx_send(c, MSG_RUN_CANCEL, 5, &m);
}

static inline void
watch(struct sx_client *c, uint32_t id, const char *run, uint64_t since, bool no_follow)
{
	struct msg_run_watch	m = { .run = sv_from(run), .since = since,
	    .no_follow = no_follow };

	sx_send(c, MSG_RUN_WATCH, id, &m);
}

static inline void
set(struct sx *sx, const char *key, const char *value)
{
	char	why[200];

	assert_int_equal(config_set(&sx->server.config, sv_from(key), sv_from(value), why,
	    sizeof why), 0);
}

#define WITH_SERVER(f)	cmocka_unit_test_setup_teardown(f, open_server, close_server)

#endif
