/*
 * paratestctl complete: what may stand where the cursor is, for the completions of shells.
 * One line a candidate, what it is behind a tab; a line :files where names of files are
 * wanted, which the shell knows best.
 *
 * It is asked while somebody types: nothing is started for it, nothing complained about,
 * and a supervisor that does not answer in time is left alone.
 */
#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/flake.h"
#include "common/outcome.h"
#include "ctl/cmd.h"
#include "ctl/options.h"
#include "ctl/text_view.h"

#define PATIENCE_US	700000	/* for the supervisor */
#define RUNS_SHOWN	50
#define TEXT_MAX	200	/* bytes of what stands behind a candidate */

/* The command line up to the cursor. */
struct line {
	const char		*word;		/* at the cursor, "" when it begins there */
	const char		*socket;	/* NULL: not named */
	const struct cmd_entry	*verb;		/* NULL: it is to come */
	struct option_row	 rows[OPTION_ROWS + 1];	/* options that may stand here */
	const struct option_row	*open;		/* whose value the word is, NULL: of none */
	size_t			 nargs;		/* of the verb, before the word */
	bool			 over;		/* -- was there: a command follows */
	size_t			 skip;		/* bytes of the word before what is completed */
	struct text		 seen;		/* the runs that were offered */
};

static void
offer(const struct line *l, const char *candidate, const char *text)
{
	if (strncmp(candidate, l->word + l->skip, strlen(l->word + l->skip)) == 0)
		(void)printf("%.*s%s\t%s\n", (int)l->skip, l->word, candidate, text);
}

/* ---- what the supervisor knows ---- */

static void
on_alarm(int signo)
{
	(void)signo;
	_exit(EXIT_PASSED);
}

static int
on_row(void *arg, enum msg_type type, uint32_t id, const union msg_body *m)
{
	struct line	*l = arg;
	struct text	 text = { 0 };
	char		 word[64];

	(void)id;
	if (type == MSG_RUN_ROW) {
		/* One that is over comes twice: from memory, and from the history. */
		if (m->run_row.run.n < 8)
			return 0;
		(void)snprintf(word, sizeof word, "%.8s", m->run_row.run.p);
		if (l->seen.n > 0 && strstr(l->seen.p, word) != NULL)
			return 0;
		text_addf(&l->seen, "%s ", word);
		text_addf(&text, "%s ", run_status_name(m->run_row.status));
		text_show(&text, m->run_row.name.p, m->run_row.name.n, 0, 0);
		offer(l, word, text.p);
	} else if (type == MSG_CONFIG_ROW) {
		(void)snprintf(word, sizeof word, SV_FMT, SV_ARG(m->config_row.key));
		text_addf(&text, SV_FMT, SV_ARG(m->config_row.text));
		offer(l, word, text.p);
	}
	text_free(&text);
	return 0;
}

static void
ask(struct line *l, enum msg_type type, const void *body)
{
	const struct itimerval	 patience = { .it_value = { .tv_usec = PATIENCE_US } };
	struct client_error	 e = { .code = 0 };
	struct client		*c;

	/* What is known by then is written. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)signal(SIGALRM, on_alarm);
	(void)setitimer(ITIMER_REAL, &patience, NULL);
	c = client_open(l->socket, false, &e);
	if (c != NULL)
		(void)client_request(c, type, body, on_row, l, &e);
	client_close(c);
}

static void
offer_runs(struct line *l)
{
	struct msg_run_list	m = { .has = MSG_BIT(run_list, limit), .limit = RUNS_SHOWN };

	ask(l, MSG_RUN_LIST, &m);
}

static void
offer_settings(struct line *l)
{
	struct msg_config_get	m = { .has = 0 };

	ask(l, MSG_CONFIG_GET, &m);
}

/* ---- by the tables ---- */

/* What a text of --help says of an option, its first line; "" when it says nothing. */
static void
told(const char *usage, const char *name, char buf[TEXT_MAX])
{
	char		form[OPTION_FORM];
	const char	*at = usage, *end;
	size_t		n = (size_t)snprintf(form, sizeof form, "--%s", name);

	buf[0] = '\0';
	while ((at = strstr(at, form)) != NULL && (isalnum((unsigned char)at[n]) || at[n] == '-' ||
	    (strncmp(at - 4, "    ", 4) != 0 && strncmp(at - 2, ", ", 2) != 0)))
		at += n;
	if (at == NULL)
		return;
	end = at + strcspn(at, "\n");
	/* Behind what it takes; where that is long, one blank must do. */
	for (at += n; at < end && (at[0] != ' ' || isupper((unsigned char)at[1])); at++)
		;
	while (at < end && *at == ' ')
		at++;
	(void)snprintf(buf, TEXT_MAX, "%.*s", (int)(end - at), at);
}

static void
offer_options(const struct line *l)
{
	char	word[OPTION_FORM], text[TEXT_MAX] = "";

	for (const struct option_row *r = l->rows; r->name != NULL; r++) {
		(void)snprintf(word, sizeof word, "--%s", r->name);
		if (l->verb != NULL)
			told(l->verb->usage, r->name, text);
		/* There may be nothing but what it takes. */
		offer(l, word, r->takes != NULL && strcmp(text, r->takes) == 0 ? "" : text);
	}
}

/* A word of what an option or a verb takes; capitals are a kind. */
static void
offer_kind(struct line *l, const char *kind)
{
	if (strcmp(kind, "FILE") == 0 || strcmp(kind, "PATH") == 0 ||
	    strcmp(kind, "SUITE...") == 0) {
		(void)puts(":files");
	} else if (strcmp(kind, "RUN") == 0) {
		offer_runs(l);
	} else if (strcmp(kind, "SETTING") == 0) {
		offer_settings(l);
	} else if (strcmp(kind, "CONDITION") == 0 || strcmp(kind, "LIST") == 0) {
		for (uint64_t i = 0; i < FLAKE_CONDITION_COUNT; i++)
			offer(l, flake_condition_name(i), "");
	} else if (strchr(kind, '=') == NULL && !isupper((unsigned char)*kind)) {
		offer(l, kind, "");
	}
}

/* Words with | between. */
static void
offer_takes(struct line *l, const char *takes)
{
	char	copy[OPTION_FORM], *rest = copy, *part;

	(void)snprintf(copy, sizeof copy, "%s", takes);
	while ((part = strsep(&rest, "|[]")) != NULL) {
		if (*part != '\0')
			offer_kind(l, part);
	}
}

/* The verb's argument that the word is: of "[RUN] TEST" the first or the second. */
static void
offer_argument(struct line *l)
{
	char	copy[OPTION_FORM], *rest = copy, *part;
	size_t	i = 0;

	(void)snprintf(copy, sizeof copy, "%s", l->verb->args != NULL ? l->verb->args : "");
	while ((part = strsep(&rest, " ")) != NULL) {
		if (i++ == l->nargs || strstr(part, "...") != NULL) {
			offer_takes(l, part);
			return;
		}
	}
}

/* ---- the words before the cursor ---- */

static void
add_rows(struct line *l, const struct option_row *row)
{
	size_t	n = 0;

	while (l->rows[n].name != NULL)
		n++;
	for (; row != NULL && row->name != NULL && n < OPTION_ROWS; row++)
		l->rows[n++] = *row;
	l->rows[n] = (struct option_row){ NULL, NULL, 0, NULL };
}

static void
set_verb(struct line *l, const struct cmd_entry *verb)
{
	l->verb = verb;
	options_rows(verb->shared, l->rows);
	add_rows(l, verb->rows);
	add_rows(l, cmd_common_rows);
}

/* The option that a word is, without its value; NULL: none. */
static const struct option_row *
option(const struct line *l, const char *word)
{
	size_t	n = strcspn(word, "=");

	for (const struct option_row *r = l->rows; r->name != NULL; r++) {
		if (strncmp(word, "--", 2) == 0 ? n == strlen(r->name) + 2 &&
		    strncmp(word + 2, r->name, n - 2) == 0 : r->c < OPTION_LONG &&
		    word[0] == '-' && word[1] == (char)r->c && word[2] == '\0')
			return r;
	}
	return NULL;
}

/* `flaky` with an option that makes it another verb. */
static void
change_form(struct line *l, const char *word)
{
	const char	*name;

	for (size_t i = 0; cmd_forms[i] != NULL; i++) {
		name = strchr(cmd_forms[i]->name, ' ') + 1;
		if (strncmp(cmd_forms[i]->name, l->verb->name, strlen(l->verb->name)) == 0 &&
		    strcmp(name, word) == 0) {
			set_verb(l, cmd_forms[i]);
			return;
		}
	}
}

static void
pass(struct line *l, const char *word)
{
	const struct option_row	*was = l->open;

	l->open = NULL;
	if (l->over)
		return;
	if (was != NULL) {
		if (l->verb == NULL && strcmp(was->name, "socket") == 0)
			l->socket = word;
	} else if (l->verb != NULL && strcmp(word, "--") == 0) {
		l->over = true;
	} else if (word[0] == '-' && word[1] != '\0') {
		was = option(l, word);
		if (was != NULL && was->takes != NULL && was->takes[0] != '[' &&
		    strchr(word, '=') == NULL)
			l->open = was;
		else if (was != NULL && strncmp(word, "--socket=", 9) == 0)
			l->socket = word + 9;
		if (l->verb != NULL)
			change_form(l, word);
	} else if (l->verb == NULL) {
		for (size_t i = 0; cmd_verbs[i] != NULL; i++) {
			if (strcmp(cmd_verbs[i]->name, word) == 0)
				set_verb(l, cmd_verbs[i]);
		}
	} else {
		l->nargs++;
	}
}

static void
complete(struct line *l)
{
	const struct option_row	*own = option(l, l->word);

	if (l->over) {
		(void)puts(":files");
	} else if (l->open != NULL) {
		offer_takes(l, l->open->takes);
	} else if (own != NULL && own->takes != NULL && strchr(l->word, '=') != NULL) {
		l->skip = strcspn(l->word, "=") + 1;
		offer_takes(l, own->takes);
	} else if (l->word[0] == '-') {
		offer_options(l);
	} else if (l->verb != NULL) {
		offer_argument(l);
	} else {
		for (size_t i = 0; cmd_verbs[i] != NULL; i++) {
			if (cmd_verbs[i] != &cmd_complete)
				offer(l, cmd_verbs[i]->name, cmd_verbs[i]->summary);
		}
	}
}

/* The words are not read as options: they are another command line's. */
static int
exec(const struct cmd_globals *g, int argc, char **argv)
{
	struct line	l = { .word = "", .socket = g->socket };
	int		i = 1;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		(void)fputs(cmd_complete.usage, stdout);
		return EXIT_PASSED;
	}
	if (argc < 2 || strcmp(argv[1], "--") != 0)
		return cmd_usage(&cmd_complete, "the words stand behind --");
	add_rows(&l, cmd_global_rows);
	for (i = 2; i < argc - 1; i++)
		pass(&l, argv[i]);
	if (argc > 2)
		l.word = argv[argc - 1];
	complete(&l);
	text_free(&l.seen);
	return EXIT_PASSED;
}

const struct cmd_entry cmd_complete = {
	"complete", "what may stand at the cursor, for shells",
	"usage: paratestctl complete -- WORD...\n"
	"\n"
	"For the completions of shells: what may stand in place of the last WORD (which may be\n"
	"empty) behind paratestctl and the others, one a line, with what it is behind a tab; a\n"
	"line :files where names of files are wanted.  Starts no supervisor.\n", exec, NULL, 0,
	"--"
};
