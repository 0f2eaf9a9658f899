/* Commands, hooks and surroundings of a test; see suite_run.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/spec.h"
#include "common/xalloc.h"
#include "ctl/suite_keys.h"
#include "ctl/suite_run.h"
#include "ctl/suite_value.h"

#define ENV_MAX		4096

/* ---- where and with what it runs ---- */

/* `run` may hold what the test says too. */
static int
once(struct suite_reading *rd, enum suite_part part, const struct suite_node *n)
{
	if ((rd->set & SUITE_BIT(part)) != 0)
		return suite_fail_at(rd->src, n->key, "'%s' is here twice: in the test and in "
		    "its 'run'", n->key->text);
	rd->set |= SUITE_BIT(part);
	return 0;
}

int
suite_run_stdin(struct suite_reading *rd, const struct suite_node *n)
{
	const char	*text;
	int		 r = once(rd, SUITE_STDIN, n);

	if (r < 0)
		return r;
	/* Data, the only text that may hold NULs. */
	if (n->kind != SUITE_TEXT) {
		r = suite_text(rd->src, "stdin", n, &text);
		if (r < 0)
			return r;
	}
	rd->t->stdin_data = xmemdup(n->text, n->len);
	rd->t->stdin_len = n->len;
	return 0;
}

int
suite_run_cwd(struct suite_reading *rd, const struct suite_node *n)
{
	const char	*path, *dir = rd->in->dir;
	int		 r = once(rd, SUITE_CWD, n);

	if (r == 0)
		r = suite_word(rd->src, "cwd", n, &path);
	if (r < 0)
		return r;
	while (path[0] == '.' && path[1] == '/' && path[2] != '\0')
		path += 2;
	if (*path == '/')
		rd->t->cwd = xstrdup(path);
	else if (strcmp(path, ".") == 0)
		rd->t->cwd = xstrdup(dir);
	else
		rd->t->cwd = xasprintf("%s/%s", strcmp(dir, "/") == 0 ? "" : dir, path);
	return 0;
}

static char **
env_find(const struct strs *env, const char *name)
{
	size_t	n = strlen(name);

	for (size_t i = 0; i < env->n; i++) {
		if (strncmp(env->v[i], name, n) == 0 && env->v[i][n] == '=')
			return &env->v[i];
	}
	return NULL;
}

static int
env_add(const struct suite_source *s, const struct suite_node *n, bool replace,
    struct strs *env)
{
	const char	*value;
	char		**old;
	int		 r;

	r = suite_map(s, "env", n);
	if (r == 0 && n->count > ENV_MAX)
		r = suite_fail_at(s, n, "'env' has more than %d names", ENV_MAX);
	for (const struct suite_node *v = n->first; r == 0 && v != NULL; v = v->next) {
		if (*v->key->text == '\0' || strchr(v->key->text, '=') != NULL)
			return suite_fail_at(s, v->key, "'%.60s' is no name for a variable",
			    v->key->text);
		r = suite_scalar(s, v->key->text, v, &value);
		if (r < 0)
			return r;
		old = env_find(env, v->key->text);
		if (old == NULL) {
			strs_addf(env, "%s=%s", v->key->text, value);
		} else if (replace) {
			free(*old);
			*old = xasprintf("%s=%s", v->key->text, value);
		}
	}
	return r;
}

int
suite_test_env(const struct suite_source *s, const struct suite_node *n, struct strs *env)
{
	return env_add(s, n, false, env);
}

int
suite_run_env(struct suite_reading *rd, const struct suite_node *n)
{
	return env_add(rd->src, n, false, &rd->t->env);
}

/* ---- commands ---- */

static int
shell_line(struct suite_reading *rd, const char *what, const struct suite_node *n,
    struct strs *argv)
{
	const char	*line;
	int		 r;

	r = suite_word(rd->src, what, n, &line);
	if (r < 0)
		return r;
	strs_add(argv, "/bin/sh");
	strs_add(argv, "-c");
	strs_add(argv, line);
	return 0;
}

static int
word_list(struct suite_reading *rd, const char *what, const struct suite_node *n,
    struct strs *argv)
{
	const char	*word;
	int		 r;

	if (n->count == 0)
		return suite_fail_at(rd->src, n, "'%s' is an empty list: name a program", what);
	if (n->count > SPEC_ARGV_MAX)
		return suite_fail_at(rd->src, n, "'%s' has more than %d words", what,
		    SPEC_ARGV_MAX);
	for (const struct suite_node *c = n->first; c != NULL; c = c->next) {
		r = suite_scalar(rd->src, what, c, &word);
		if (r < 0)
			return r;
		if (c == n->first && *word == '\0')
			return suite_fail_at(rd->src, c, "'%s': the program's name is empty", what);
		strs_add(argv, word);
	}
	return 0;
}

/* Text is a line for the shell, a list is run as it is. */
static int
read_words(struct suite_reading *rd, const char *what, const struct suite_node *n,
    struct strs *argv)
{
	if (n->kind == SUITE_LIST)
		return word_list(rd, what, n, argv);
	return shell_line(rd, what, n, argv);
}

static int
one_command(struct suite_reading *rd, const struct suite_node *n)
{
	if (rd->t->argv.n > 0)
		return suite_fail_at(rd->src, n->key != NULL ? n->key : n,
		    "a second command: give one of 'run', 'command' and 'argv'");
	return 0;
}

const char *const suite_run_keys[] = { "shell", "argv", "cwd", "env", "stdin", NULL };

static int
run_map(struct suite_reading *rd, const struct suite_node *n)
{
	static const char *const planned[] = { "timeout", NULL };
	int	key, r = 0;

	for (const struct suite_node *v = n->first; r == 0 && v != NULL; v = v->next) {
		key = suite_key(rd->src, v->key, suite_run_keys, planned);
		if (key < 0)
			return key;
		if (key <= 1 && rd->t->argv.n > 0)
			return suite_fail_at(rd->src, v->key, "give one of 'shell' and 'argv'");
		if (key == 0)
			r = shell_line(rd, "shell", v, &rd->t->argv);
		else if (key == 1 && v->kind != SUITE_LIST)
			r = suite_fail_at(rd->src, v, "'argv' must be a list of words");
		else if (key == 1)
			r = word_list(rd, "argv", v, &rd->t->argv);
		else if (key == 2)
			r = suite_run_cwd(rd, v);
		else if (key == 3)
			r = env_add(rd->src, v, true, &rd->t->env);
		else
			r = suite_run_stdin(rd, v);
	}
	if (r == 0 && rd->t->argv.n == 0)
		r = suite_fail_at(rd->src, n, "'run' needs 'shell' or 'argv'");
	return r;
}

int
suite_run_run(struct suite_reading *rd, const struct suite_node *n)
{
	int	r = one_command(rd, n);

	if (r < 0)
		return r;
	return n->kind == SUITE_MAP ? run_map(rd, n) : read_words(rd, "run", n, &rd->t->argv);
}

int
suite_run_command(struct suite_reading *rd, const struct suite_node *n)
{
	int	r = one_command(rd, n);

	return r < 0 ? r : shell_line(rd, "command", n, &rd->t->argv);
}

int
suite_run_argv(struct suite_reading *rd, const struct suite_node *n)
{
	int	r = one_command(rd, n);

	if (r == 0 && n->kind != SUITE_LIST)
		r = suite_fail_at(rd->src, n, "'argv' must be a list of words");
	return r < 0 ? r : word_list(rd, "argv", n, &rd->t->argv);
}

const char *const suite_hook_keys[] = { "run", "timeout", "type", "fn", NULL };

static int
read_hook(struct suite_reading *rd, const char *what, const struct suite_node *n,
    struct plan_hook *hook)
{
	static const char *const planned[] = { "name", NULL };
	int	key, r = 0;

	if (n->kind == SUITE_LIST && n->count > 0 && n->first->kind != SUITE_TEXT &&
	    n->first->kind != SUITE_PLAIN)
		return suite_fail_at(rd->src, n->first, "several hooks in '%s' are not supported "
		    "yet: write one command", what);
	if (n->kind != SUITE_MAP)
		return read_words(rd, what, n, &hook->argv);
	for (const struct suite_node *v = n->first; r == 0 && v != NULL; v = v->next) {
		key = suite_key(rd->src, v->key, suite_hook_keys, planned);
		if (key < 0)
			return key;
		if (key == 3)
			return suite_fail_at(rd->src, v->key, "'fn': a JavaScript function cannot "
			    "travel: use 'run' with a command");
		if (key == 0)
			r = read_words(rd, "run", v, &hook->argv);
		else if (key == 1)
			r = suite_duration(rd->src, "timeout", v, rd->millis, &hook->timeout_ms);
		if (r == 0 && key == 1 && hook->timeout_ms == 0)
			r = suite_fail_at(rd->src, v, "'timeout' of a hook must be more than 0");
	}
	if (r == 0 && hook->argv.n == 0)
		r = suite_fail_at(rd->src, n, "'%s' needs 'run'", what);
	return r;
}

int
suite_run_setup(struct suite_reading *rd, const struct suite_node *n)
{
	return read_hook(rd, "setup", n, &rd->t->setup);
}

int
suite_run_teardown(struct suite_reading *rd, const struct suite_node *n)
{
	return read_hook(rd, "teardown", n, &rd->t->teardown);
}

/* The original's recordings name a file of steps; beside a command they say
 * nothing about what to run. */
int
suite_run_recording(struct suite_reading *rd, const struct suite_node *n)
{
	const char	*text;

	if (n->kind == SUITE_MAP || n->kind == SUITE_LIST)
		return suite_unsupported(rd->src, n->key, "recording");
	return suite_text(rd->src, "recording", n, &text);
}
