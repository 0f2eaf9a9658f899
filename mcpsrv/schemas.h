/* The schemas of the tools, out of mcpsrv/schemas/ by tools/schemas.sh. */
#ifndef MCPSRV_SCHEMAS_H
#define MCPSRV_SCHEMAS_H

extern const char schema_run_test_parallel_input[], schema_run_test_parallel_output[],
    schema_retry_failed_tests_input[], schema_retry_failed_tests_output[],
    schema_detect_flaky_tests_input[], schema_detect_flaky_tests_output[],
    schema_set_test_timeout_input[], schema_set_test_timeout_output[],
    schema_get_execution_metrics_input[], schema_get_execution_metrics_output[],
    schema_list_test_runs_input[], schema_list_test_runs_output[],
    schema_get_test_run_input[], schema_get_test_run_output[],
    schema_get_test_output_input[], schema_get_test_output_output[],
    schema_cancel_test_run_input[], schema_cancel_test_run_output[];

#endif
