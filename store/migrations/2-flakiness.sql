-- What is known of flaky tests: revisions, conditions, what is no evidence.
ALTER TABLE runs ADD COLUMN revision TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN marks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN condition INTEGER NOT NULL DEFAULT 0;
DROP INDEX attempts_by_test;
CREATE INDEX attempts_by_test ON attempts (test, start_ms, outcome, condition);
CREATE TABLE storms (
	run		INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
	from_ms		INTEGER NOT NULL,
	to_ms		INTEGER NOT NULL,
	PRIMARY KEY (run, from_ms)
) STRICT, WITHOUT ROWID;
