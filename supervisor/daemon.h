/* The options of paratestd. */
#ifndef SUPERVISOR_DAEMON_H
#define SUPERVISOR_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/isolation.h"
#include "common/option.h"

struct daemon_options {
	const char	*socket, *state, *scratch, *config;
	bool		 service;
	uint64_t	 idle_exit_ms;
	int		 ready_fd;	/* -1: none */
	bool		 verbose, isolated;
	struct isolation_want isolation;	/* when `isolated` */
};

extern const struct option_row daemon_rows[];

/* Reads the words; what is wrong, --help and --version end the program. */
void	daemon_parse(int argc, char **argv, struct daemon_options *);

#endif
