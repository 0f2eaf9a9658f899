/*
 * What one test may use of the machine: which limits there are, their bounds, and how
 * they are written.  Who enforces them is not said here.
 */
#ifndef COMMON_LIMITS_H
#define COMMON_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"
#include "common/size.h"

/*
 * X(NAME, member, key, unit, least, most): LIMIT_NAME, the member of TEST_ADD, the key of
 * a suite and name of the option, how it is written.  Memory and file-size are bytes;
 * cpu is thousandths of a CPU.  0 is no limit, for each of them.
 */
#define LIMIT_LIST(X)							\
	X(MEMORY, memory, "memory", SIZE, 1048576, 1125899906842624)	\
	X(PROCESSES, processes, "processes", COUNT, 1, 4194304)		\
	X(CPU, cpu_milli, "cpu", CPUS, 10, 1024000)			\
	X(OPEN_FILES, open_files, "open-files", COUNT, 8, 1048576)	\
	X(FILE_SIZE, file_size, "file-size", SIZE, 1, 1125899906842624)

enum limit {
#define X(NAME, member, key, unit, least, most)	LIMIT_##NAME,
	LIMIT_LIST(X)
#undef X
	LIMIT_COUNT
};

/* All of one test. */
struct limits {
	uint64_t	v[LIMIT_COUNT];		/* 0: none */
};

#define LIMIT_TEXT	SIZE_TEXT	/* bytes that limit_text() fits in */
#define LIMIT_WHY	160

/* The keys, in the order of enum limit; ends with NULL. */
extern const char *const limit_keys[];

struct limits	limits_of(const struct msg_test_add *);
bool		limits_any(const struct limits *);

/* Is it 0, or within the bounds of this limit? */
bool		limit_fits(enum limit, uint64_t);

/* Reads "512M", "50", "1.5", as this limit is written.  0, or -EINVAL with what is wrong
 * in `why`, to follow the name of the key. */
int		limit_parse(enum limit, const char *text, uint64_t *ret, char why[LIMIT_WHY]);

/* "512 MiB", "50", "1.5": rounded where it has no short form.  Returns buf. */
const char	*limit_text(enum limit, uint64_t, char buf[LIMIT_TEXT]);

#endif
