/* Files that name tests in an order; see order_file.h. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/suggest.h"
#include "common/xalloc.h"
#include "ctl/order_file.h"
#include "ctl/suite_names.h"

#define SHOWN		200	/* bytes of a name that a message shows */
#define SUGGEST_MAX	2000	/* tests that are looked through for a near name */

struct reading {
	const struct plan	*plan;
	const char		*file;
	size_t			 line;		/* from 1 */
	struct suite_names	 names;		/* index of each test */
	size_t			*lines;		/* of each test: where it stands; 0: nowhere */
	size_t			*order, n;	/* indices of those that the file names */
	char			*why;
	size_t			 size;
};

static int
unknown(struct reading *r, const char *name)
{
	const char	**known;
	char		  near[SHOWN] = "";

	if (r->plan->ntests <= SUGGEST_MAX) {
		known = xcalloc(r->plan->ntests + 1, sizeof *known);
		for (size_t i = 0; i < r->plan->ntests; i++)
			known[i] = r->plan->tests[i].name;
		(void)suggest_text(name, known, near, sizeof near);
		free(known);
	}
	(void)snprintf(r->why, r->size, "%s:%zu: there is no test '%.*s'%s", r->file, r->line, SHOWN,
	    name, near[0] != '\0' ? near : "; paratestctl list shows their names");
	return -EINVAL;
}

static int
take_name(struct reading *r, const char *name)
{
	size_t	at = 0;

	if (suite_names_add(&r->names, name, 0, &at))
		return unknown(r, name);
	if (r->lines[at] != 0) {
		(void)snprintf(r->why, r->size, "%s:%zu: '%.*s' is here twice: also in line %zu",
		    r->file, r->line, SHOWN, name, r->lines[at]);
		return -EINVAL;
	}
	r->lines[at] = r->line;
	r->order[r->n++] = at;
	return 0;
}

static int
take_line(struct reading *r, char *text, size_t n)
{
	json_error_t	 e;
	json_t		*name;
	int		 ret;

	while (n > 0 && isspace((unsigned char)text[n - 1]))
		text[--n] = '\0';
	for (; isspace((unsigned char)*text); n--)
		text++;
	if (n == 0 || *text == '#')
		return 0;
	if (strlen(text) != n) {
		(void)snprintf(r->why, r->size, "%s:%zu: a NUL byte: this is no list of names",
		    r->file, r->line);
		return -EINVAL;
	}
	if (*text != '"')
		return take_name(r, text);
	name = json_loadb(text, n, JSON_DECODE_ANY, &e);
	if (!json_is_string(name)) {
		(void)snprintf(r->why, r->size, "%s:%zu: a line that begins with \" is a JSON string, "
		    "which this is not", r->file, r->line);
		ret = -EINVAL;
	} else {
		ret = take_name(r, json_string_value(name));
	}
	json_decref(name);
	return ret;
}

static int
read_lines(struct reading *r)
{
	FILE	*f = fopen(r->file, "re");
	char	*line = NULL;
	size_t	 cap = 0;
	ssize_t	 n;
	int	 ret = 0;

	if (f == NULL) {
		(void)snprintf(r->why, r->size, "cannot read %s: %s (history and plan are words, "
		    "anything else names a file)", r->file, strerror(errno));
		return -EINVAL;
	}
	while (ret == 0 && (errno = 0, n = getline(&line, &cap, f)) != -1) {
		r->line++;
		ret = take_line(r, line, (size_t)n);
	}
	if (ret == 0 && errno != 0) {
		(void)snprintf(r->why, r->size, "cannot read %s: %s", r->file, strerror(errno));
		ret = -EINVAL;
	} else if (ret == 0 && r->n == 0) {
		(void)snprintf(r->why, r->size, "%s names no test", r->file);
		ret = -EINVAL;
	}
	free(line);
	(void)fclose(f);
	return ret;
}

/* What the file names stays, in its order; the rest is freed. */
static void
put_in_order(struct plan *p, const struct reading *r)
{
	struct plan_test	*v = xcalloc(r->n + 1, sizeof *v);

	for (size_t i = 0; i < r->n; i++)
		v[i] = p->tests[r->order[i]];
	for (size_t i = 0; i < p->ntests; i++) {
		if (r->lines[i] == 0)
			plan_test_free(&p->tests[i]);
	}
	free(p->tests);
	p->tests = v;
	p->ntests = r->n;
	p->cap = r->n + 1;
}

int
order_file_apply(struct plan *p, const char *file, char *why, size_t size)
{
	struct reading	r = { .plan = p, .file = file, .why = why, .size = size };
	size_t		old;
	int		ret;

	r.lines = xcalloc(p->ntests + 1, sizeof *r.lines);
	r.order = xcalloc(p->ntests + 1, sizeof *r.order);
	for (size_t i = 0; i < p->ntests; i++)
		(void)suite_names_add(&r.names, p->tests[i].name, i, &old);
	ret = read_lines(&r);
	if (ret == 0)
		put_in_order(p, &r);
	suite_names_free(&r.names);
	free(r.lines);
	free(r.order);
	return ret;
}

/* Can it stand as it is? */
static bool
is_plain(const char *name, size_t n)
{
	return *name != '#' && *name != '"' && !isspace((unsigned char)name[0]) &&
	    !isspace((unsigned char)name[n - 1]) && strpbrk(name, "\n\r") == NULL;
}

void
order_file_put(struct text *t, const char *name)
{
	size_t	 n = strlen(name);
	json_t	*v = is_plain(name, n) ? NULL : json_stringn(name, n);
	char	*quoted = v != NULL ? json_dumps(v, JSON_ENCODE_ANY) : NULL;

	text_puts(t, quoted != NULL ? quoted : name);	/* bytes that are no text: as they are */
	text_puts(t, "\n");
	free(quoted);
	json_decref(v);
}
