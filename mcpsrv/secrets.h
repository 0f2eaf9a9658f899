/*
 * Values of variables whose names look secret: what a test prints of them is hidden
 * before anybody reads it.
 */
#ifndef MCPSRV_SECRETS_H
#define MCPSRV_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

struct text;

#define SECRETS_MAX	256	/* kept; of more the oldest is forgotten */

struct secrets {
	struct secret {
		char	*name, *value;
	} v[SECRETS_MAX];
	size_t	 n, next;
};

/* Does the name of a variable say that its value is nobody's business? */
bool	secrets_is_name(const char *name, size_t n);

/* Takes K=V when K looks secret and V is long enough to be one. */
void	secrets_add(struct secrets *, const char *assignment);

/* Puts "[NAME is hidden]" in place of each of their values. */
void	secrets_hide(const struct secrets *, struct text *);

/*
 * Cuts `n` bytes from offset `from` out of the text, with the values hidden.  Bytes of the
 * text before and behind that part only show whether a value reaches into it:
 * secrets_longest() - 1 of them on each side are enough.
 */
void	secrets_cut(const struct secrets *, struct text *, size_t from, size_t n);
size_t	secrets_longest(const struct secrets *);	/* bytes of a value, 0: there is none */

void	secrets_free(struct secrets *);	/* its contents */

#endif
