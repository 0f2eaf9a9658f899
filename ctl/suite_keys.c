/* The mappings of a suite; see suite_keys.h. */
#include <stddef.h>

#include "common/limits.h"
#include "ctl/suite_keys.h"
#include "ctl/suite_test.h"

const struct suite_keys suite_keys[] = {
	{ "a test", suite_test_keys },
	{ "expect", suite_expect_keys },
	{ "a match", suite_match_keys },
	{ "exit", suite_exit_keys },
	{ "no_errors", suite_no_errors_keys },
	{ "run", suite_run_keys },
	{ "setup and teardown", suite_hook_keys },
	{ "retry", suite_retry_keys },
	{ "resources", suite_resources_keys },
	{ "limits", limit_keys },
	{ "a suite", suite_top_keys },
	{ "retry_budget", suite_budget_keys },
	{ "isolation", suite_isolation_keys },
	{ "config", suite_config_keys },
	{ "retry in the original form", suite_retry_original_keys },
	{ "assertions", suite_assertion_keys },
	{ NULL, NULL }
};
