/* A set of names, to find the second of its kind in constant time. */
#ifndef CTL_SUITE_NAMES_H
#define CTL_SUITE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct suite_names {
	struct suite_names_entry {
		const char	*name;	/* borrowed; NULL: free */
		uint64_t	 hash;
		size_t		 value;
	} *v;
	size_t	 n, cap;
};

/* FNV-1a, 64 bits: the same in every build and run. */
uint64_t	suite_names_hash(const char *);

/* Adds a name with a value.  false, and the value it has, when it is there. */
bool		suite_names_add(struct suite_names *, const char *, size_t value,
		    size_t *ret_old);
void		suite_names_free(struct suite_names *);

#endif
