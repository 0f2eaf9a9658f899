/* A result document with a member more; see document.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "common/outcome.h"
#include "common/xalloc.h"
#include "ctl/cmd.h"
#include "ctl/document.h"
#include "ctl/json_put.h"

#define HELD	8	/* bytes of the end: a brace and blanks */

/* What is held back, and what comes behind it: all goes out but its end. */
static ssize_t
pass_on(void *cookie, const char *buf, size_t n)
{
	struct document	*d = cookie;
	size_t		 out = d->len + n > HELD ? d->len + n - HELD : 0;
	size_t		 old = out < d->len ? out : d->len, new = out - old;

	(void)fwrite(d->text, 1, old, stdout);
	(void)fwrite(buf, 1, new, stdout);
	memmove(d->text, d->text + old, d->len - old);
	d->len -= old;
	memcpy(d->text + d->len, buf + new, n - new);
	d->len += n - new;
	return ferror(stdout) ? 0 : (ssize_t)n;
}

int
document_open(struct document *d, const struct cmd_entry *cmd)
{
	static const cookie_io_functions_t	ops = { .write = pass_on };

	*d = (struct document){ .text = xcalloc(1, HELD) };
	d->file = fopencookie(d, "w", ops);
	if (d->file != NULL)
		return 0;
	(void)fprintf(stderr, "paratestctl: %s: %s\n", cmd->name, strerror(errno));
	document_free(d);
	return EXIT_INTERNAL;
}

void
document_close(struct document *d)
{
	if (d->file != NULL)
		(void)fclose(d->file);
	d->file = NULL;
}

void
document_free(struct document *d)
{
	document_close(d);
	free(d->text);
	*d = (struct document){ .file = NULL };
}

int
document_extend(const char *end, size_t len, const char *key, const struct text *value,
    FILE *out)
{
	struct text	t = { 0 };

	while (len > 0 && strchr(" \t\r\n", end[len - 1]) != NULL)
		len--;
	if (len < 2 || end[len - 1] != '}')
		return -EINVAL;
	text_add(&t, end, len - 1);
	json_put_key(&t, key);
	text_write(&t, out);
	(void)fwrite(value->p, 1, value->n, out);
	text_puts(&t, "}\n");
	text_write(&t, out);
	text_free(&t);
	return 0;
}

void
document_leave(const struct document *d)
{
	if (d->len > 0)
		(void)fwrite(d->text, 1, d->len, stdout);
}
