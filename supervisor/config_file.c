/* The administrator's settings, by libyaml's events; see config_file.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "common/suggest.h"
#include "supervisor/config_file.h"

#define KEYS_MAX	128	/* more than there are settings */
#define SHOWN		60	/* bytes of a word in a message */
#define KEY_MAX		64	/* bytes of a weight's key, more than config_set() takes */

struct reading {
	const char	*path, *text;
	char		*why;
	yaml_parser_t	 parser;
	yaml_event_t	 event;		/* the current one */
	struct config	 config;	/* what came so far */
	const char	*known[KEYS_MAX + 1]; /* every key; ends with NULL */
	size_t		 line[KEYS_MAX];      /* where each stands; 0: not yet */
	size_t		 weight_line[CONFIG_WEIGHTS]; /* likewise, of config's */
};

/* "FILE:LINE: ..." in one line, whatever stood in the file.  -EINVAL. */
static int __attribute__((format(printf, 3, 4)))
bad(struct reading *in, size_t line, const char *fmt, ...)
{
	int	n = snprintf(in->why, CONFIG_FILE_WHY, "%.300s:%zu: ", in->path, line);
	va_list	ap;

	va_start(ap, fmt);
	(void)vsnprintf(in->why + n, CONFIG_FILE_WHY - (size_t)n, fmt, ap);
	va_end(ap);
	for (char *p = in->why; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == '\x7f')
			*p = '?';
	}
	return -EINVAL;
}

static size_t
line_of(const struct reading *in)
{
	return in->event.start_mark.line + 1;
}

static int
bad_yaml(struct reading *in)
{
	const yaml_parser_t	*p = &in->parser;
	size_t			 line = 1;

	if (p->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (p->error == YAML_READER_ERROR) {	/* it knows the byte only */
		for (size_t i = 0; i < p->problem_offset; i++)
			line += in->text[i] == '\n';
		return bad(in, line, "not UTF-8 text: %s", p->problem);
	}
	return bad(in, p->problem_mark.line + 1, "not valid YAML: %s%s%s: write KEY: VALUE lines",
	    p->context != NULL ? p->context : "", p->context != NULL ? ", " : "", p->problem);
}

static int
next(struct reading *in)
{
	const yaml_event_t	*e = &in->event;

	yaml_event_delete(&in->event);
	if (!yaml_parser_parse(&in->parser, &in->event))
		return bad_yaml(in);
	if (e->type == YAML_ALIAS_EVENT || (e->type == YAML_SCALAR_EVENT &&
	    (e->data.scalar.anchor != NULL || e->data.scalar.tag != NULL)) ||
	    (e->type == YAML_MAPPING_START_EVENT && (e->data.mapping_start.anchor != NULL ||
	    e->data.mapping_start.tag != NULL)))
		return bad(in, line_of(in), "anchors, aliases and tags are not taken: "
		    "write the value itself");
	if (e->type == YAML_DOCUMENT_START_EVENT &&
	    (e->data.document_start.version_directive != NULL ||
	    e->data.document_start.tag_directives.start != e->data.document_start.tag_directives.end))
		return bad(in, line_of(in), "directives ('%%...') are not taken: remove the line");
	return 0;
}

static struct sv
scalar(const struct reading *in)
{
	return (struct sv){ (const char *)in->event.data.scalar.value,
	    in->event.data.scalar.length };
}

/* The key that the current event is: its number. */
static int
key(struct reading *in, size_t *ret)
{
	struct sv	k = scalar(in);
	char		word[SHOWN + 1], near[64];
	size_t		i = 0;

	while (in->known[i] != NULL && !sv_is(k, in->known[i]))
		i++;
	(void)snprintf(word, sizeof word, SV_FMT, SV_ARG(k));
	if (in->known[i] == NULL)
		return bad(in, line_of(in), "there is no setting '%s'%s", word,
		    suggest_text(word, in->known, near, sizeof near));
	if (in->line[i] != 0)
		return bad(in, line_of(in), "%s is set in line %zu already: remove one", word,
		    in->line[i]);
	in->line[i] = line_of(in);
	*ret = i;
	return 0;
}

/* A user's weight, by whatever name: his place in the table tells it from the others. */
static int
weight(struct reading *in, struct sv k, size_t line)
{
	const struct config	*c = &in->config;
	uint32_t		 i = 0;

	while (i < c->nweights && !sv_is(k, c->weights[i].key))
		i++;
	if (i < c->nweights && in->weight_line[i] != 0)
		return bad(in, line, "the weight of this user is set in line %zu already: "
		    "remove one", in->weight_line[i]);
	if (i < c->nweights)
		in->weight_line[i] = line;
	return 0;
}

/* One pair; its key is the current event. */
static int
pair(struct reading *in)
{
	char		word[KEY_MAX + 1], why[200];
	struct sv	k = scalar(in);
	size_t		i = 0, line = line_of(in);
	bool		of_user = config_is_weight(k);
	int		r = 0;

	if (of_user) {
		k.n = k.n < KEY_MAX ? k.n : KEY_MAX;
		memcpy(word, k.p, k.n);
		k.p = word;
	} else {
		r = key(in, &i);
		k = sv_from(in->known[i]);
	}
	if (r == 0)
		r = next(in);
	if (r != 0)
		return r;
	if (in->event.type != YAML_SCALAR_EVENT)
		return bad(in, line_of(in), SV_FMT " takes one value, such as 8, 30s or 64M",
		    SV_ARG(k));
	if (config_set(&in->config, k, scalar(in), why, sizeof why) != 0)
		return bad(in, line_of(in), "%s", why);
	return of_user ? weight(in, k, line) : 0;
}

/* KEY: VALUE pairs up to the end of the mapping. */
static int
pairs(struct reading *in)
{
	int	r;

	for (;;) {
		r = next(in);
		if (r != 0 || in->event.type == YAML_MAPPING_END_EVENT)
			return r;
		if (in->event.type != YAML_SCALAR_EVENT)
			return bad(in, line_of(in), "the name of a setting is wanted here");
		r = pair(in);
		if (r != 0)
			return r;
	}
}

/* One mapping, or nothing, and the end. */
static int
document(struct reading *in)
{
	int	r = next(in);		/* the start of the stream */

	if (r == 0)
		r = next(in);
	if (r != 0 || in->event.type == YAML_STREAM_END_EVENT)
		return r;
	r = next(in);			/* its start was the last */
	if (r == 0 && in->event.type == YAML_MAPPING_START_EVENT)
		r = pairs(in);
	else if (r == 0 && (in->event.type != YAML_SCALAR_EVENT || scalar(in).n > 0))
		return bad(in, line_of(in), "KEY: VALUE lines are wanted here");
	if (r == 0)
		r = next(in);		/* the end of the document */
	if (r == 0)
		r = next(in);
	if (r == 0 && in->event.type != YAML_STREAM_END_EVENT)
		return bad(in, line_of(in), "a second document begins: remove it");
	return r;
}

int
config_file_parse(const char *path, const char *text, size_t len, struct config *c,
    char why[CONFIG_FILE_WHY])
{
	struct reading	in = { .path = path, .text = text, .why = why, .config = *c };
	const char	*words;
	char		 value[CONFIG_VALUE], fallback[CONFIG_VALUE];
	int		 r;

	for (size_t i = 0; i < KEYS_MAX && config_row(c, i, &in.known[i], &words, value, fallback,
	    sizeof value) == 0; i++)
		;
	if (!yaml_parser_initialize(&in.parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&in.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&in.parser, (const unsigned char *)text, len);
	r = document(&in);
	yaml_event_delete(&in.event);
	yaml_parser_delete(&in.parser);
	if (r == 0)
		*c = in.config;
	if (r == -ENOMEM)
		(void)snprintf(why, CONFIG_FILE_WHY, "%.300s: no memory", path);
	return r;
}

/* The file's text in buf.  Its length or -errno. */
static ssize_t
slurp(const char *path, char *buf, size_t size)
{
	/* Non-blocking: it may be a pipe that nobody writes to. */
	int		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat	st;
	size_t		n = 0;
	ssize_t		r = 1;

	if (fd == -1)
		return -errno;
	if (fstat(fd, &st) == -1)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = S_ISDIR(st.st_mode) ? -EISDIR : -ENODEV;
	while (r > 0 && n < size) {
		r = read(fd, buf + n, size - n);
		if (r > 0)
			n += (size_t)r;
		else if (r == -1)
			r = errno == EINTR ? 1 : -errno;
	}
	(void)close(fd);
	return r < 0 ? r : n == size ? -EFBIG : (ssize_t)n;
}

int
config_file_read(const char *path, struct config *c, char why[CONFIG_FILE_WHY])
{
	char	*text = malloc(CONFIG_FILE_MAX + 1);
	ssize_t	 n = text == NULL ? -ENOMEM : slurp(path, text, CONFIG_FILE_MAX + 1);
	int	 r = n < 0 ? (int)n : config_file_parse(path, text, (size_t)n, c, why);

	free(text);
	if (n == -ENOENT)
		return 0;
	if (n == -ENODEV || n == -EFBIG)
		(void)snprintf(why, CONFIG_FILE_WHY, "%.300s: %s", path, n == -ENODEV ?
		    "it is no plain file" : "it is larger than 64K, which no settings are");
	else if (r != 0 && r != -EINVAL)
		(void)snprintf(why, CONFIG_FILE_WHY, "%.300s: it cannot be read: %s", path,
		    strerror(-r));
	return r;
}
