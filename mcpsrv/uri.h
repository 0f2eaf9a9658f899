/* The resources' URIs, taken apart strictly: what is not exactly one is none. */
#ifndef MCPSRV_URI_H
#define MCPSRV_URI_H

#include <stdbool.h>
#include <stdint.h>

#define URI_RUN		33	/* bytes of a run's id, with NUL */
#define URI_NAME	513	/* of a test's name */

enum uri_kind { URI_NONE, URI_RUNS, URI_CONFIG, URI_METRICS, URI_RUN_STATE, URI_REPORT, URI_OUTPUT,
	URI_HISTORY };
enum uri_format { URI_JSON, URI_JUNIT, URI_MARKDOWN, URI_TAP, URI_FORMATS };

struct uri {
	enum uri_kind	kind;
	char		run[URI_RUN];	/* lower case hexadecimal digits */
	enum uri_format	format;
	uint64_t	index;
	char		name[URI_NAME];	/* decoded, once */
};

/* False: it is none of ours. */
bool		 uri_parse(const char *, struct uri *);
const char	*uri_format_name(enum uri_format);
const char	*uri_format_type(enum uri_format);	/* of MIME */

#endif
