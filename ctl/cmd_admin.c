/* paratestctl status, workers, ping, cancel, config, reload, drain, shutdown. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/outcome.h"
#include "ctl/cmd.h"
#include "ctl/duration.h"
#include "ctl/cmd_json.h"
#include "ctl/human.h"
#include "ctl/json_value.h"
#include "ctl/top.h"

enum { C_KILL = OPTION_LONG, C_PERSIST };

/* Options of a verb that has none of its own; the arguments left must be from least
 * to most.  0 or an exit code. */
static int
plain_options(const struct cmd_entry *cmd, int argc, char **argv, int least, int most, bool *json)
{
	int	c;

	while ((c = cmd_getopt(cmd, argc, argv)) != -1)
		(void)cmd_common(cmd, c, json);
	if (argc - optind < least)
		return cmd_usage(cmd, "an argument is missing");
	if (argc - optind > most)
		return cmd_usage(cmd, "'%s' is one argument too many", argv[optind + most]);
	return 0;
}

/* Connects, asks, closes.  The exit code. */
static int
ask(const struct cmd_entry *cmd, const struct cmd_globals *g, bool start, enum msg_type type,
    const void *body, msg_fn *fn, void *arg)
{
	struct client_error	 e = { .code = 0 };
	int			 code = 0;
	struct client		*c = cmd_open(cmd, g, start, &code);

	if (c != NULL && client_request(c, type, body, fn, arg, &e) != 0)
		code = cmd_fail(cmd, &e);
	client_close(c);
	return code;
}

/* ---- status ---- */

static void
print_status(const struct msg_status_ok *s)
{
	char	up[DURATION_TEXT];

	(void)printf(SV_FMT "  pid %llu  " SV_FMT "  up %s\n", SV_ARG(s->program),
	    (unsigned long long)s->pid, SV_ARG(s->state),
	    duration_text(s->uptime_us, up, sizeof up));
	(void)printf("socket    " SV_FMT "\n", SV_ARG(s->socket));
	(void)printf("workers   %llu%s (%llu busy, %llu idle, %llu replaced), %llu at a time\n",
	    (unsigned long long)s->workers_total, s->own ? " of yours" : "",
	    (unsigned long long)s->workers_busy,
	    (unsigned long long)s->workers_idle, (unsigned long long)s->workers_replaced,
	    (unsigned long long)s->capacity);
	(void)printf("tests     %llu queued, %llu completed (%.1f a worker)\n",
	    (unsigned long long)s->tests_queued, (unsigned long long)s->tests_completed,
	    (double)s->average_per_worker_milli / 1000);
	(void)printf("runs      %llu active, %llu %s\n", (unsigned long long)s->runs_active,
	    (unsigned long long)s->runs_total, s->own ? "of yours of late" : "since the start");
	if (s->width > 0)
		(void)printf("width     %llu at a time now, as -j auto finds\n",
		    (unsigned long long)s->width);
	if (s->waiting.n > 0)
		(void)printf("waiting   " SV_FMT "\n", SV_ARG(s->waiting));
	if (s->state_dir.n > 0)
		(void)printf("history   " SV_FMT "\n", SV_ARG(s->state_dir));
	else
		(void)puts("history   none is kept");
	if (s->isolation.n > 0)
		(void)printf("isolation " SV_FMT "%s" SV_FMT "\n", SV_ARG(s->isolation),
		    s->isolation_why.n > 0 ? ": " : "", SV_ARG(s->isolation_why));
	if (s->history.n > 0)
		(void)printf("          at fault: " SV_FMT "\n", SV_ARG(s->history));
	(void)printf("memory    %.1f MiB; longest hold of the loop %.1f ms\n",
	    (double)s->memory / (1 << 20), (double)s->loop_lag_us / 1000);
}

struct status {
	bool		 json, own;
	json_t		*doc;
};

static int
on_status(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	const struct msg_status_ok	*s = &m->status_ok;
	json_t				*o;

	(void)id;
	if (type != MSG_STATUS_OK)
		return 0;
	((struct status *)arg)->own = s->own;
	if (!((struct status *)arg)->json) {
		print_status(s);
		return 1;
	}
	o = ((struct status *)arg)->doc = json_object();
	cmd_json_count(o, "pid", s->pid);
	cmd_json_text(o, "program", s->program);
	cmd_json_text(o, "state", s->state);
	cmd_json_text(o, "socket", s->socket);
	cmd_json_text(o, "stateDir", s->state_dir);
	cmd_json_text(o, "isolation", s->isolation);
	cmd_json_text(o, "isolationReason", s->isolation_why);
	cmd_json_text(o, "historyFault", s->history);
	cmd_json_ms(o, "uptime", s->uptime_us);
	cmd_json_count(o, "capacity", s->capacity);
	if (s->width > 0)
		cmd_json_count(o, "width", s->width);
	if (s->waiting.n > 0)
		cmd_json_text(o, "waiting", s->waiting);
	cmd_json_count(o, "totalWorkers", s->workers_total);
	cmd_json_count(o, "busyWorkers", s->workers_busy);
	cmd_json_count(o, "idleWorkers", s->workers_idle);
	cmd_json_count(o, "replacedWorkers", s->workers_replaced);
	cmd_json_count(o, "queuedTests", s->tests_queued);
	cmd_json_count(o, "completedTests", s->tests_completed);
	cmd_json_ms(o, "averageTestsPerWorker", s->average_per_worker_milli);
	cmd_json_count(o, "activeRuns", s->runs_active);
	cmd_json_count(o, "totalRuns", s->runs_total);
	cmd_json_count(o, "clients", s->clients);
	json_value_put(o, "own", json_boolean(s->own));
	cmd_json_count(o, "memory", s->memory);
	cmd_json_ms(o, "longestHold", s->loop_lag_us);
	return 1;
}

/* Who has which share.  In a private supervisor there is one user, who has it all. */
static void
show_users(struct status *s, const struct top *t)
{
	struct text	text = { 0 };

	if (s->json) {
		json_value_put(s->doc, "users", top_json_users(t));
		return;
	}
	if (t->nusers == 0 || (t->nusers == 1 && t->users[0].uid == getuid() && !s->own))
		return;
	text_puts(&text, "\n");
	top_show_users(&text, t);
	text_write(&text, stdout);
	text_free(&text);
}

static int
exec_status(const struct cmd_globals *g, int argc, char **argv)
{
	struct msg_status	 m = { .has = 0 };
	struct status		 s = { .json = g->json };
	struct client_error	 e = { .code = 0 };
	int			 code = plain_options(&cmd_status, argc, argv, 0, 0, &s.json);
	struct client		*c;
	struct top		 t = { .nusers = 0 };

	if (code != 0)
		return code;
	c = cmd_open(&cmd_status, g, false, &code);
	if (c == NULL)
		return code;
	if (client_request(c, MSG_STATUS, &m, on_status, &s, &e) != 0 ||
	    top_ask_users(c, &t, &e) != 0) {
		code = cmd_fail(&cmd_status, &e);
	} else {
		show_users(&s, &t);
		if (s.json)
			cmd_json_print(s.doc);
		s.doc = NULL;
	}
	top_free(&t);
	json_decref(s.doc);
	client_close(c);
	return code;
}

const struct cmd_entry cmd_status = {
	"status", "the supervisor, its queue, totals and shares",
	"usage: paratestctl status [--json]\n\nDoes not start a supervisor: exits 3 when there is "
	"none.\n", exec_status, NULL, 0, NULL
};

/* ---- workers ---- */

static int
on_worker(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	const struct msg_worker_row	*w = &m->worker_row;
	json_t				*rows = *(json_t **)arg, *o;
	char				 age[DURATION_TEXT];

	(void)id;
	if (type != MSG_WORKER_ROW)
		return 0;
	if (rows == NULL) {
		(void)printf("%4llu  %8llu  %-9.*s %-9.*s %9llu %9llu %9s  " SV_FMT "\n",
		    (unsigned long long)w->slot, (unsigned long long)w->pid, SV_ARG(w->state),
		    SV_ARG(w->isolation),
		    (unsigned long long)w->completed, (unsigned long long)w->replaced,
		    w->test.n > 0 ? duration_text(w->age_us, age, sizeof age) : "-",
		    SV_ARG(w->test));
		return 0;
	}
	o = json_object();
	cmd_json_count(o, "worker", w->slot);
	cmd_json_count(o, "pid", w->pid);
	cmd_json_text(o, "state", w->state);
	cmd_json_text(o, "host", w->host);
	cmd_json_text(o, "isolation", w->isolation);
	cmd_json_count(o, "completed", w->completed);
	cmd_json_count(o, "replaced", w->replaced);
	cmd_json_ms(o, "busyTime", w->busy_us);
	if (w->test.n > 0) {
		cmd_json_text(o, "test", w->test);
		cmd_json_ms(o, "age", w->age_us);
	}
	(void)json_array_append_new(rows, o);
	return 0;
}

static int
exec_workers(const struct cmd_globals *g, int argc, char **argv)
{
	struct msg_workers	 m = { .has = 0 };
	bool			 json = g->json;
	int			 code = plain_options(&cmd_workers, argc, argv, 0, 0, &json);
	json_t			*rows;

	if (code != 0)
		return code;
	rows = json ? json_array() : NULL;
	if (!json)
		(void)printf("%4s  %8s  %-9s %-9s %9s %9s %9s  %s\n", "SLOT", "PID", "STATE",
		    "ISOLATION", "COMPLETED", "REPLACED", "AGE", "TEST");
	code = ask(&cmd_workers, g, false, MSG_WORKERS, &m, on_worker, &rows);
	if (json && code == 0)
		cmd_json_print(rows);
	else
		json_decref(rows);
	return code;
}

const struct cmd_entry cmd_workers = {
	"workers", "its workers and what they run",
	"usage: paratestctl workers [--json]\n", exec_workers, NULL, 0, NULL
};

/* ---- ping, reload, drain, shutdown ---- */

static int
exec_ping(const struct cmd_globals *g, int argc, char **argv)
{
	struct msg_ping	m = { .has = 0 };
	bool		json = g->json;
	int		code = plain_options(&cmd_ping, argc, argv, 0, 0, &json);
	uint64_t	start = now_us();

	if (code == 0)
		code = ask(&cmd_ping, g, false, MSG_PING, &m, NULL, NULL);
	if (code == 0)
		(void)printf(json ? "{\"time\": %.3f}\n" : "pong in %.3f ms\n",
		    (double)(now_us() - start) / 1000);
	return code;
}

const struct cmd_entry cmd_ping = {
	"ping", "is the supervisor there", "usage: paratestctl ping [--json]\n", exec_ping,
	NULL, 0, NULL
};

static int
exec_reload(const struct cmd_globals *g, int argc, char **argv)
{
	struct msg_reload	m = { .has = 0 };
	bool			json = g->json;
	int			code = plain_options(&cmd_reload, argc, argv, 0, 0, &json);

	return code != 0 ? code : ask(&cmd_reload, g, false, MSG_RELOAD, &m, NULL, NULL);
}

const struct cmd_entry cmd_reload = {
	"reload", "read the settings' files again", "usage: paratestctl reload\n"
	"\n"
	"The supervisor reads the file of --config and its kept settings again.  One that is\n"
	"wrong is refused, with its line, and every setting stays as it is.\n", exec_reload,
	NULL, 0, NULL
};

static int
exec_drain(const struct cmd_globals *g, int argc, char **argv)
{
	struct msg_drain	m = { .has = 0 };
	bool			json = g->json;
	int			code = plain_options(&cmd_drain, argc, argv, 0, 0, &json);

	return code != 0 ? code : ask(&cmd_drain, g, false, MSG_DRAIN, &m, NULL, NULL);
}

const struct cmd_entry cmd_drain = {
	"drain", "take no new run and leave when idle", "usage: paratestctl drain\n", exec_drain,
	NULL, 0, NULL
};

static int
exec_shutdown(const struct cmd_globals *g, int argc, char **argv)
{
	struct msg_shutdown	m = { .has = 0 };
	bool			json = g->json;
	int			code = plain_options(&cmd_shutdown, argc, argv, 0, 0, &json);

	return code != 0 ? code : ask(&cmd_shutdown, g, false, MSG_SHUTDOWN, &m, NULL, NULL);
}

const struct cmd_entry cmd_shutdown = {
	"shutdown", "cancel everything and leave", "usage: paratestctl shutdown\n", exec_shutdown,
	NULL, 0, NULL
};

/* ---- cancel ---- */

static const struct option_row cancel_rows[] = {
	{ "kill", NULL, C_KILL, NULL },
	{ NULL, NULL, 0, NULL }
};

static int
exec_cancel(const struct cmd_globals *g, int argc, char **argv)
{
	struct msg_run_cancel	m = { .kill = false };
	bool			json = g->json;
	int			c;

	while ((c = cmd_getopt(&cmd_cancel, argc, argv)) != -1) {
		if (c == C_KILL)
			m.kill = true;
		else
			(void)cmd_common(&cmd_cancel, c, &json);
	}
	if (argc - optind != 1)
		return cmd_usage(&cmd_cancel, "it takes one run");
	m.run = sv_from(argv[optind]);
	if (m.run.n == 0)
		return cmd_usage(&cmd_cancel, "the run's id is empty");
	return ask(&cmd_cancel, g, false, MSG_RUN_CANCEL, &m, NULL, NULL);
}

const struct cmd_entry cmd_cancel = {
	"cancel", "ends a run and everything it started",
	"usage: paratestctl cancel [--kill] RUN\n\n--kill: without grace.\n", exec_cancel,
	cancel_rows, 0, "RUN"
};

/* ---- config ---- */

#define SETTING_TEXT_AT	30	/* column of what a setting is for */

/* What a setting is for, by words into the rest of the terminal. */
static void
print_setting_text(struct sv text)
{
	size_t	width = human_columns(stdout), n;

	width = width > 2 * SETTING_TEXT_AT ? width - SETTING_TEXT_AT : text.n;
	while (text.n > width) {
		for (n = width; n > 0 && text.p[n] != ' '; n--)
			;
		n = n > 0 ? n : width;
		(void)printf("%.*s\n%*s", (int)n, text.p, SETTING_TEXT_AT, "");
		while (n < text.n && text.p[n] == ' ')
			n++;
		text = (struct sv){ text.p + n, text.n - n };
	}
	(void)printf(SV_FMT "\n", SV_ARG(text));
}

static int
on_setting(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	const struct msg_config_row	*r = &m->config_row;
	json_t				*all = *(json_t **)arg, *o;
	char				 key[128];

	(void)id;
	if (type != MSG_CONFIG_ROW)
		return 0;
	if (all == NULL) {
		(void)printf("%-16.*s %10.*s %c ", SV_ARG(r->key), SV_ARG(r->value),
		    r->persistent ? '*' : ' ');
		print_setting_text(r->text);
		return 0;
	}
	o = json_object();
	cmd_json_text(o, "value", r->value);
	cmd_json_text(o, "default", r->fallback);
	cmd_json_text(o, "text", r->text);
	json_value_put(o, "persistent", json_boolean(r->persistent));
	(void)snprintf(key, sizeof key, SV_FMT, SV_ARG(r->key));
	(void)json_object_set_new(all, key, o);
	return 0;
}

static int
config_get(const struct cmd_globals *g, const char *key, bool json)
{
	struct msg_config_get	 m = { .key = sv_from(key) };
	json_t			*all = json ? json_object() : NULL;
	int			 code = ask(&cmd_config, g, true, MSG_CONFIG_GET, &m, on_setting,
	    &all);

	if (json && code == 0)
		cmd_json_print(all);
	else
		json_decref(all);
	return code;
}

/* "timeout: 30s (was 5m)".  A supervisor that does not say what was says OK. */
static int
on_set(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	const struct msg_config_row	*r = &m->config_row;
	json_t				*o;

	(void)id;
	if (type != MSG_CONFIG_ROW)
		return 0;
	if (*(const bool *)arg) {
		o = json_object();
		cmd_json_text(o, "key", r->key);
		cmd_json_text(o, "value", r->value);
		cmd_json_text(o, "previous", r->previous);
		json_value_put(o, "persistent", json_boolean(r->persistent));
		cmd_json_print(o);
		return 0;
	}
	(void)printf(SV_FMT ": " SV_FMT, SV_ARG(r->key), SV_ARG(r->value));
	if (r->previous.n > 0)
		(void)printf(" (was " SV_FMT ")", SV_ARG(r->previous));
	(void)puts(r->persistent ? ", kept for later supervisors" : "");
	return 0;
}

static const struct option_row config_rows[] = {
	{ "persist", NULL, C_PERSIST, NULL },
	{ NULL, NULL, 0, NULL }
};

static int
exec_config(const struct cmd_globals *g, int argc, char **argv)
{
	struct msg_config_set	m = { .has = 0 };
	bool			json = g->json;
	int			c;

	while ((c = cmd_getopt(&cmd_config, argc, argv)) != -1) {
		if (c == C_PERSIST)
			m.persist = true;
		else
			(void)cmd_common(&cmd_config, c, &json);
	}
	argc -= optind;
	argv += optind;
	if ((argc == 1 || argc == 2) && strcmp(argv[0], "get") == 0 && !m.persist)
		return config_get(g, argc == 2 ? argv[1] : NULL, json);
	if (argc != 3 || strcmp(argv[0], "set") != 0)
		return cmd_usage(&cmd_config, "it is config get [KEY] or config set KEY VALUE "
		    "[--persist]");
	m.key = sv_from(argv[1]);
	m.value = sv_from(argv[2]);
	return ask(&cmd_config, g, true, MSG_CONFIG_SET, &m, on_set, &json);
}

const struct cmd_entry cmd_config = {
	"config", "get or set limits of the supervisor",
	"usage: paratestctl config get [KEY] [--json]\n"
	"       paratestctl config set KEY VALUE [--persist] [--json]\n"
	"\n"
	"Settings hold until the supervisor ends; with --persist later ones have them too,\n"
	"which config get marks with *.\n", exec_config, config_rows, 0,
	"get|set SETTING"
};
