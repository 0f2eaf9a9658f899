/* Nodes, their memory and the messages about them; see suite_node.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"
#include "ctl/suite_node.h"

#define BLOCK_BYTES	((size_t)64 * 1024)
#define ALIGN		sizeof(void *)
#define FILE_SHOWN	300	/* bytes of a file's name in a message */

struct suite_block {
	struct suite_block *older;
	size_t		 size;
	char		 data[];
};

static void *
pool_take(struct suite_pool *p, size_t n)
{
	struct suite_block *b = p->blocks;
	size_t		 size = n > BLOCK_BYTES ? n : BLOCK_BYTES;
	char		*at;

	if (b == NULL || n > b->size - p->used) {
		b = xcalloc(1, sizeof(*b) + size);
		b->size = size;
		b->older = p->blocks;
		p->blocks = b;
		p->used = 0;
	}
	at = b->data + p->used;
	p->used += (n + ALIGN - 1) & ~(ALIGN - 1);
	if (p->used > b->size)
		p->used = b->size;
	return at;
}

struct suite_node *
suite_pool_node(struct suite_pool *p, enum suite_kind kind, size_t line, size_t column)
{
	struct suite_node *n = pool_take(p, sizeof(*n));

	*n = (struct suite_node){
		.kind = kind, .line = (uint32_t)line, .column = (uint32_t)column, .text = "",
	};
	return n;
}

void
suite_pool_text(struct suite_pool *p, struct suite_node *n, const char *text, size_t len)
{
	char	*copy = pool_take(p, len + 1);

	if (len > 0)
		memcpy(copy, text, len);
	copy[len] = '\0';
	n->text = copy;
	n->len = len;
}

void
suite_pool_clear(struct suite_pool *p)
{
	struct suite_block *b;

	while (p->blocks != NULL && p->blocks->older != NULL) {
		b = p->blocks;
		p->blocks = b->older;
		free(b);
	}
	p->used = 0;
}

void
suite_pool_free(struct suite_pool *p)
{
	suite_pool_clear(p);
	free(p->blocks);
	p->blocks = NULL;
}

static int
fail_va(const struct suite_source *s, size_t line, size_t column, const char *fmt, va_list ap)
{
	char		*text = s->error->text;
	size_t		 size = sizeof(s->error->text), n = strlen(s->file);
	const char	*dots = n > FILE_SHOWN ? "..." : "";
	const char	*file = n > FILE_SHOWN ? s->file + n - FILE_SHOWN : s->file;
	int		 at;

	if (line == 0)
		at = snprintf(text, size, "%s%s: ", dots, file);
	else
		at = snprintf(text, size, "%s%s:%zu:%zu: ", dots, file, line, column);
	if (at >= 0 && (size_t)at < size)
		(void)vsnprintf(text + at, size - (size_t)at, fmt, ap);
	/* What is quoted from the file must not reach a terminal as control codes. */
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == '\177')
			*text = '?';
	}
	return -EINVAL;
}

int
suite_fail(const struct suite_source *s, size_t line, size_t column, const char *fmt, ...)
{
	va_list	ap;
	int	r;

	va_start(ap, fmt);
	r = fail_va(s, line, column, fmt, ap);
	va_end(ap);
	return r;
}

int
suite_fail_at(const struct suite_source *s, const struct suite_node *n, const char *fmt, ...)
{
	va_list	ap;
	int	r;

	va_start(ap, fmt);
	r = fail_va(s, n->line, n->column, fmt, ap);
	va_end(ap);
	return r;
}

const struct suite_node *
suite_node_get(const struct suite_node *map, const char *key)
{
	for (const struct suite_node *n = map->first; n != NULL; n = n->next) {
		if (strcmp(n->key->text, key) == 0)
			return n;
	}
	return NULL;
}

int
suite_node_add(const struct suite_source *s, struct suite_node *parent, struct suite_node *child)
{
	const struct suite_node *old;

	if (parent->kind == SUITE_MAP) {
		old = suite_node_get(parent, child->key->text);
		if (parent->count >= SUITE_KEYS_MAX) {
			return suite_fail_at(s, child->key, "more than %d keys in one place",
			    SUITE_KEYS_MAX);
		}
		if (old != NULL) {
			return suite_fail_at(s, child->key, "'%.60s' is here twice: also in "
			    "line %u", child->key->text, old->key->line);
		}
	}
	if (parent->last != NULL)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->count++;
	return 0;
}
