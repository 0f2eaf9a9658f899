/*
 * Tests without a suite file: one command, or one command for each line of a
 * list.  A line never becomes shell syntax: where a shell is needed it gets the
 * line as its $1.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/spec.h"
#include "common/xalloc.h"
#include "ctl/suite.h"
#include "ctl/suite_names.h"

#define NEST_MAX	32	/* quotes and substitutions within each other */
#define PLACE		"{}"
#define DOTS		"..."

static int
fail(struct suite_error *error, const char *text)
{
	(void)snprintf(error->text, sizeof(error->text), "--each: %s", text);
	return -EINVAL;
}

/*
 * Does the command need a shell?  Quotes and backslashes alone do not.
 */
static bool
needs_shell(const char *s)
{
	bool	word = false;	/* within a word */
	char	quote = '\0';

	if (*s == '!' || strcspn(s, "=") < strcspn(s, " \t/'\"\\{"))
		return true;	/* VAR=value command */
	for (; *s != '\0'; s++) {
		if (quote != '\'' && (*s == '$' || *s == '`'))
			return true;
		if (quote != '\0') {
			if (*s == quote)
				quote = '\0';
			else if (quote == '"' && *s == '\\' && s[1] != '\0')
				s++;
			continue;
		}
		if (strchr("|&;<>*?[~()\n", *s) != NULL || (*s == '#' && !word))
			return true;
		if (*s == '\'' || *s == '"')
			quote = *s;
		else if (*s == '\\' && s[1] != '\0')
			s++;
		word = *s != ' ' && *s != '\t';
	}
	return false;
}

/* ---- without a shell ---- */

/* The words of the command as a shell would split them, nothing expanded. */
static int
split_words(const char *s, struct strs *words)
{
	char	*word = xcalloc(1, strlen(s) + 1), quote;
	size_t	 n;
	int	 r = 0;

	while (*(s += strspn(s, " \t")) != '\0') {
		n = 0;
		quote = '\0';
		for (; *s != '\0' && (quote != '\0' || strchr(" \t", *s) == NULL); s++) {
			if (quote == '\0' && (*s == '\'' || *s == '"'))
				quote = *s;
			else if (quote != '\0' && *s == quote)
				quote = '\0';
			else if (*s == '\\' && s[1] != '\0' && (quote == '\0' ||
			    (quote == '"' && strchr("\"\\", s[1]) != NULL)))
				word[n++] = *++s;
			else
				word[n++] = *s;
		}
		if (quote != '\0') {
			r = -EINVAL;
			break;
		}
		word[n] = '\0';
		strs_add(words, word);
	}
	free(word);
	return r;
}

/* Every {} of the word becomes the line. */
static void
add_replaced(struct strs *argv, const char *word, const char *line)
{
	size_t		 n = strlen(line), count = 0, at = 0;
	const char	*p, *hit;
	char		*text;

	for (p = word; (p = strstr(p, PLACE)) != NULL; p += 2)
		count++;
	text = xcalloc(1, strlen(word) + count * n + 1);
	for (p = word; (hit = strstr(p, PLACE)) != NULL; p = hit + 2) {
		memcpy(text + at, p, (size_t)(hit - p));
		at += (size_t)(hit - p);
		memcpy(text + at, line, n);
		at += n;
	}
	memcpy(text + at, p, strlen(p));
	strs_add(argv, text);
	free(text);
}

static void
words_argv(struct strs *argv, const struct strs *words, const char *line)
{
	bool	placed = false;

	for (size_t i = 0; i < words->n; i++) {
		if (strstr(words->v[i], PLACE) == NULL) {
			strs_add(argv, words->v[i]);
			continue;
		}
		placed = true;
		add_replaced(argv, words->v[i], line);
	}
	if (!placed)
		strs_add(argv, line);
}

/* ---- with a shell ---- */

/* Where in the command a place is: what is open around it, innermost last. */
struct nest {
	char	open[NEST_MAX];	/* ' " ` or ( of $( */
	size_t	n;
};

static char
innermost(const struct nest *nest)
{
	return nest->n > 0 ? nest->open[nest->n - 1] : '\0';
}

/* Follows one character; true when the next one belongs to it. */
static bool
nest_step(struct nest *nest, const char *s)
{
	char	in = innermost(nest);

	if (in == '\'') {
		if (*s == '\'')
			nest->n--;
		return false;
	}
	if (*s == '\\' && s[1] != '\0')
		return true;
	if ((*s == '"' || *s == '`') && in == *s) {
		nest->n--;
	} else if (*s == ')' && in == '(') {
		nest->n--;
	} else if (nest->n < NEST_MAX && (*s == '"' || *s == '`' ||
	    (*s == '\'' && in != '"') || (*s == '(' && in != '"'))) {
		nest->open[nest->n++] = *s;
	} else if (nest->n < NEST_MAX && *s == '$' && s[1] == '(') {
		nest->open[nest->n++] = '(';
		return true;
	}
	return false;
}

/* The command with "$1" where the line goes, quoted as its place needs. */
static char *
shell_text(const char *command)
{
	static const char	unquoted[] = "\"$1\"", doubly[] = "${1}", single[] = "'\"$1\"'";
	struct nest	 nest = { .n = 0 };
	size_t		 at = 0;
	bool		 placed = false;
	/* Two bytes become six at most, and one place may come at the end. */
	char		*text = xcalloc(strlen(command) + 3, 3);
	const char	*put;

	for (const char *s = command; *s != '\0'; s++) {
		if (strncmp(s, PLACE, 2) == 0) {
			put = unquoted;
			if (innermost(&nest) == '"')
				put = doubly;
			else if (innermost(&nest) == '\'')
				put = single;
			memcpy(text + at, put, strlen(put));
			at += strlen(put);
			placed = true;
			s++;
			continue;
		}
		if (nest_step(&nest, s))
			text[at++] = *s++;
		text[at++] = *s;
	}
	if (!placed)
		memcpy(text + at, " \"$1\"", 5);
	return text;
}

/* ---- the tests ---- */

struct each {
	struct plan	 made;
	struct strs	 words;		/* of a command without a shell */
	char		*shell;		/* text for a shell, else NULL */
	const char	*dir;
	struct suite_error *error;
	struct suite_names names;
};

static int
check_line(struct each *e, const char *line, size_t len, size_t number)
{
	size_t	old;

	if (strlen(line) != len) {
		(void)snprintf(e->error->text, sizeof(e->error->text),
		    "--each: line %zu holds a NUL byte", number);
		return -EINVAL;
	}
	if (len > SPEC_NAME_MAX) {
		(void)snprintf(e->error->text, sizeof(e->error->text),
		    "--each: line %zu is longer than %d bytes", number, SPEC_NAME_MAX);
		return -EINVAL;
	}
	if (suite_names_add(&e->names, line, number, &old))
		return 0;
	if (old > 0)
		(void)snprintf(e->error->text, sizeof(e->error->text),
		    "--each: line %zu is the same as line %zu: '%.200s'", number, old, line);
	else
		(void)snprintf(e->error->text, sizeof(e->error->text),
		    "--each: line %zu is the name of another test: '%.200s'", number, line);
	return -EINVAL;
}

static int
add_line(struct each *e, const char *text, size_t len, size_t number)
{
	struct plan_test *t = plan_add(&e->made);

	t->name = xcalloc(1, len + 1);
	memcpy(t->name, text, len);
	if (check_line(e, t->name, len, number) < 0)
		return -EINVAL;
	t->source = xasprintf("stdin:%zu", number);
	t->cwd = xstrdup(e->dir);
	if (e->shell == NULL) {
		words_argv(&t->argv, &e->words, t->name);
		return 0;
	}
	strs_add(&t->argv, "/bin/sh");
	strs_add(&t->argv, "-c");
	strs_add(&t->argv, e->shell);
	strs_add(&t->argv, "sh");
	strs_add(&t->argv, t->name);
	return 0;
}

static int
add_lines(struct each *e, const char *text, size_t len)
{
	const char	*p = text, *end = text + len, *eol;
	size_t		 n, number = 0, blank;
	int		 r = 0;

	for (; r == 0 && p < end; p = eol + 1) {
		number++;
		eol = memchr(p, '\n', (size_t)(end - p));
		if (eol == NULL)
			eol = end;
		n = (size_t)(eol - p);
		if (n > 0 && p[n - 1] == '\r')
			n--;
		for (blank = 0; blank < n && (p[blank] == ' ' || p[blank] == '\t'); blank++)
			continue;
		if (blank < n)
			r = add_line(e, p, n, number);
		if (eol == end)
			break;
	}
	if (r == 0 && e->made.ntests == 0)
		return fail(e->error, "the list is empty: give one test a line");
	return r;
}

static int
read_command(struct each *e, const char *command)
{
	if (command[strspn(command, " \t\n")] == '\0')
		return fail(e->error, "the command is empty");
	if (needs_shell(command)) {
		e->shell = shell_text(command);
		return 0;
	}
	if (split_words(command, &e->words) < 0)
		return fail(e->error, "a quote in the command is not closed");
	if (e->words.n > SPEC_ARGV_MAX - 1)
		return fail(e->error, "the command has too many words");
	if (*e->words.v[0] == '\0')
		return fail(e->error, "the program's name is empty");
	return 0;
}

int
suite_each(struct plan *p, const char *command, const char *dir, const char *text, size_t len,
    struct suite_error *error)
{
	struct each	e = { .dir = dir, .error = error };
	size_t		old;
	int		r;

	for (size_t i = 0; i < p->ntests; i++)
		(void)suite_names_add(&e.names, p->tests[i].name, 0, &old);
	r = read_command(&e, command);
	if (r == 0)
		r = add_lines(&e, text, len);
	if (r == 0) {
		for (size_t i = 0; i < e.made.ntests; i++)
			*plan_add(p) = e.made.tests[i];
		e.made.ntests = 0;
	}
	plan_free(&e.made);
	strs_free(&e.words);
	suite_names_free(&e.names);
	free(e.shell);
	return r;
}

/* The words joined by blanks, control characters too, cut at SPEC_NAME_MAX. */
static char *
joined(char *const argv[])
{
	size_t	 size = 1, at = 0, n;
	char	*text;

	for (size_t i = 0; argv[i] != NULL; i++)
		size += strlen(argv[i]) + 1;
	text = xcalloc(1, size);
	for (size_t i = 0; argv[i] != NULL; i++) {
		n = strlen(argv[i]);
		if (i > 0)
			text[at++] = ' ';
		memcpy(text + at, argv[i], n);
		at += n;
	}
	for (char *s = text; *s != '\0'; s++) {
		if ((unsigned char)*s < ' ' || *s == '\177')
			*s = ' ';
	}
	if (at > SPEC_NAME_MAX) {
		at = SPEC_NAME_MAX - strlen(DOTS);
		/* Never cut within a character of UTF-8. */
		while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
			at--;
		memcpy(text + at, DOTS, sizeof(DOTS));
	}
	return text;
}

void
suite_command(struct plan *p, char *const argv[], const char *dir)
{
	struct plan_test *t = plan_add(p);

	for (size_t i = 0; argv[i] != NULL; i++)
		strs_add(&t->argv, argv[i]);
	t->name = joined(argv);
	t->cwd = xstrdup(dir);
}
