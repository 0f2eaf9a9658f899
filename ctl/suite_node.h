/*
 * What YAML and JSON have in common for the suite loader: small trees with the
 * place of every value in the file, and the two readers that make them.  The
 * tests of a suite are handed over one by one and forgotten again, so that a
 * large file needs no large tree.
 */
#ifndef CTL_SUITE_NODE_H
#define CTL_SUITE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/suite.h"

#define SUITE_DEPTH_MAX	32	/* nesting of a value */
#define SUITE_KEYS_MAX	10000	/* of one map: each is compared with all others */

enum suite_kind {
	SUITE_TEXT,	/* quoted or block scalar */
	SUITE_PLAIN,	/* unquoted scalar; JSON: number, true, false, null */
	SUITE_LIST,
	SUITE_MAP,
};

struct suite_node {
	enum suite_kind	 kind;
	uint32_t	 line, column;	/* from 1; columns count characters */
	uint32_t	 count;		/* of children */
	const char	*text;		/* scalars; NUL-terminated */
	size_t		 len;		/* of text, which may hold NULs */
	struct suite_node *key;		/* of a value in a map, else NULL */
	struct suite_node *first, *last, *next;
};

/* Nodes and their text live as long as their pool. */
struct suite_pool {
	struct suite_block *blocks;
	size_t		    used;	/* of the newest block */
};

struct suite_node *suite_pool_node(struct suite_pool *, enum suite_kind, size_t line,
		    size_t column);
void		 suite_pool_text(struct suite_pool *, struct suite_node *, const char *, size_t);
void		 suite_pool_clear(struct suite_pool *);	/* keeps some memory for reuse */
void		 suite_pool_free(struct suite_pool *);

/*
 * The file that is read, and where its contents go.  A map's keys go to on_key,
 * except the list under `tests`: that is announced by on_key with a NULL value
 * and its elements go to on_test.  A list at the top is such a list.  Nodes of
 * on_test are gone when it returns; those of on_key live in `pool`.
 */
struct suite_source {
	const char	*file;		/* in messages */
	const char	*text;
	size_t		 len;
	bool		 json;
	struct suite_error *error;
	struct suite_pool *pool;
	int		(*on_key)(void *state, struct suite_node *key, struct suite_node *value);
	int		(*on_test)(void *state, struct suite_node *);
	void		*state;
};

/* Sets "FILE:LINE:COLUMN: ..." with control characters made visible; line 0:
 * "FILE: ...".  -EINVAL always. */
int	suite_fail(const struct suite_source *, size_t line, size_t column, const char *fmt, ...)
	    __attribute__((format(printf, 4, 5)));
int	suite_fail_at(const struct suite_source *, const struct suite_node *, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

/* Appends a child.  -EINVAL with the error when a map has its key already. */
int	suite_node_add(const struct suite_source *, struct suite_node *parent,
	    struct suite_node *child);

/* The value of a map's key, NULL: not there. */
const struct suite_node *suite_node_get(const struct suite_node *map, const char *key);

/* The readers.  0, or -EINVAL with the error. */
int	suite_yaml_read(const struct suite_source *);
int	suite_json_read(const struct suite_source *);

#endif
