/*
 * The settings that an administrator writes: /etc/paratest/paratestd.yaml, one mapping of
 * the keys of config.h to values in their syntax.
 *
 *	timeout: 2m
 *	max-runs: 200
 *
 * A strict subset of YAML, as for suites: no anchor, tag, directive or second document.
 */
#ifndef SUPERVISOR_CONFIG_FILE_H
#define SUPERVISOR_CONFIG_FILE_H

#include <stddef.h>

#include "supervisor/config.h"

#define CONFIG_FILE_MAX	65536	/* bytes of the file */
#define CONFIG_FILE_WHY	1024	/* bytes of an error's text */

/*
 * Reads the file into *c, which keeps what the file does not name.  0, also when there is
 * no such file; else -errno (-EINVAL: what stands in it) with one line in why, "FILE:LINE:
 * ...", and *c is as it was.
 */
int	config_file_read(const char *path, struct config *c, char why[CONFIG_FILE_WHY]);

/* The same for a text of `len` bytes that is in no file; path: for what is said of it. */
int	config_file_parse(const char *path, const char *text, size_t len, struct config *c,
	    char why[CONFIG_FILE_WHY]);

#endif
