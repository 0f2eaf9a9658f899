-- The history of paratest, as of version 3 (PRAGMA user_version).  One process
-- writes it, paratest-store; others may read it at any time.  A change comes as a new
-- file in migrations/, and here as the text that the result would have been made with.
--
-- Times end in _ms (since the epoch) or _us (a span); sizes in _bytes.  Enums are the
-- numbers of common/outcome.h.  uid is the user to whom a row belongs, and the first
-- column of what anybody looks for: nobody is shown another's rows.

-- One execution of a plan.  At the end, of version 2: the revision of what was tested ('':
-- not said), and what its attempts are worth as evidence, bits: enum run_mark of
-- flakiness.h.
CREATE TABLE runs (
	id		INTEGER PRIMARY KEY AUTOINCREMENT,	-- never given again
	run		TEXT NOT NULL UNIQUE		-- 32 hexadecimal digits
			CHECK (length(run) = 32),
	uid		INTEGER NOT NULL,
	label		TEXT NOT NULL DEFAULT '',
	parent		TEXT,				-- the run whose tests ran again
	status		INTEGER NOT NULL DEFAULT 0	-- enum run_status; 0: running
			CHECK (status BETWEEN 0 AND 4),
	jobs		INTEGER NOT NULL CHECK (jobs > 0),
	seed		INTEGER NOT NULL,
	shuffled	INTEGER NOT NULL DEFAULT 0 CHECK (shuffled IN (0, 1)),
	slots		BLOB,				-- PLAN_RUN body: resources of the plan
	start_ms	INTEGER NOT NULL,
	end_ms		INTEGER,			-- NULL: not over
	duration_us	INTEGER NOT NULL DEFAULT 0,
	sequential_us	INTEGER NOT NULL DEFAULT 0,	-- all attempts, added
	wasted_us	INTEGER NOT NULL DEFAULT 0,	-- attempts that were run again
	expected_us	INTEGER NOT NULL DEFAULT 0,	-- of duration_us, by the history
	bound_us	INTEGER NOT NULL DEFAULT 0,	-- no order could have been faster
	workers_used	INTEGER NOT NULL DEFAULT 0,
	total		INTEGER NOT NULL,
	passed		INTEGER NOT NULL DEFAULT 0,
	failed		INTEGER NOT NULL DEFAULT 0,
	skipped		INTEGER NOT NULL DEFAULT 0,
	timed_out	INTEGER NOT NULL DEFAULT 0,
	errored		INTEGER NOT NULL DEFAULT 0,
	cancelled	INTEGER NOT NULL DEFAULT 0,
	flaky_count	INTEGER NOT NULL DEFAULT 0,
	message		TEXT NOT NULL DEFAULT '',
	-- How far its journal was read: what is before `applied` is in these tables; the
	-- newest piece of event_log, not yet written, starts at `log_at`.
	applied		INTEGER NOT NULL DEFAULT 0 CHECK (applied >= 0),
	log_at		INTEGER NOT NULL DEFAULT 0,
	-- Bytes that its rows and files hold, about; for retention.
	size_bytes	INTEGER NOT NULL DEFAULT 0
, revision TEXT NOT NULL DEFAULT '', marks INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX runs_by_time ON runs (uid, start_ms);
CREATE INDEX runs_by_end ON runs (end_ms);

-- A test over all its runs: who it is, what is expected of it, and the statistics of its
-- newest attempts, so that metrics of all tests and the start of a run read one small row
-- a test, and not one an attempt.
CREATE TABLE tests (
	id		INTEGER PRIMARY KEY,
	uid		INTEGER NOT NULL,
	suite		TEXT NOT NULL,
	name		TEXT NOT NULL,
	-- Of all attempts that came to a result of their own (not lost or cancelled):
	attempts	INTEGER NOT NULL DEFAULT 0,
	passes		INTEGER NOT NULL DEFAULT 0,
	failures	INTEGER NOT NULL DEFAULT 0,
	flaky		INTEGER NOT NULL DEFAULT 0,	-- passes after a failure in one run
	total_us	INTEGER NOT NULL DEFAULT 0,
	wasted_us	INTEGER NOT NULL DEFAULT 0,
	last_run	INTEGER,			-- runs.id; may be gone
	last_ms		INTEGER NOT NULL DEFAULT 0,
	last_outcome	INTEGER NOT NULL DEFAULT 0,
	-- Expected duration, in the log domain, and the chance of a failure: estimate.h.
	mu		REAL NOT NULL DEFAULT 0,
	dev		REAL NOT NULL DEFAULT 0,
	fail		REAL NOT NULL DEFAULT 0,
	newest		BLOB,				-- the head of its list: recent.h
	UNIQUE (uid, suite, name)
) STRICT;
CREATE INDEX tests_by_name ON tests (name, uid);

-- The newest attempts of a test as packed numbers, for the statistics after the next.
CREATE TABLE recent (
	test		INTEGER PRIMARY KEY REFERENCES tests (id) ON DELETE CASCADE,
	list		BLOB NOT NULL			-- see recent.h
) STRICT;

-- Definitions of tests (bodies of TEST_ADD), each kept once a user.  Here and in outputs
-- the hash only finds a content, which is compared; see blob.h.
CREATE TABLE specs (
	id		INTEGER PRIMARY KEY,
	uid		INTEGER NOT NULL,
	hash		BLOB NOT NULL CHECK (length(hash) = 16),	-- of the raw body
	size_bytes	INTEGER NOT NULL,		-- raw
	data		BLOB NOT NULL,			-- zstd
	UNIQUE (uid, hash)
) STRICT;

-- A test in one run.
CREATE TABLE run_tests (
	run		INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
	idx		INTEGER NOT NULL,		-- in the plan, from 0
	test		INTEGER NOT NULL REFERENCES tests (id),
	spec		INTEGER NOT NULL REFERENCES specs (id),
	status		INTEGER				-- enum test_status; NULL: no verdict
			CHECK (status BETWEEN 0 AND 5),
	flaky		INTEGER NOT NULL DEFAULT 0 CHECK (flaky IN (0, 1)),
	attempts	INTEGER NOT NULL DEFAULT 0,
	retries		INTEGER NOT NULL DEFAULT 0,
	message		TEXT NOT NULL DEFAULT '',	-- why it did not run
	PRIMARY KEY (run, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_tests_by_spec ON run_tests (spec);
CREATE INDEX run_tests_by_test ON run_tests (test);

-- What attempts printed, each content kept once a user: small ones here, large ones
-- as outputs/HH/HASH-UID in the folder of the database.
CREATE TABLE outputs (
	id		INTEGER PRIMARY KEY,
	uid		INTEGER NOT NULL,
	hash		BLOB NOT NULL CHECK (length(hash) = 16),	-- of the raw bytes
	size_bytes	INTEGER NOT NULL,		-- raw
	stored_bytes	INTEGER NOT NULL,		-- compressed
	data		BLOB,				-- zstd; NULL: in its file
	UNIQUE (uid, hash)
) STRICT;

-- One execution of a test.  Its row is there before its process is.  At the end, of version
-- 2: what it was run under, enum flake_condition.  Of version 3: the last two of FIGURE_LIST.
CREATE TABLE attempts (
	run		INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
	idx		INTEGER NOT NULL,
	attempt		INTEGER NOT NULL CHECK (attempt > 0),
	test		INTEGER NOT NULL REFERENCES tests (id),
	worker		INTEGER NOT NULL,
	outcome		INTEGER				-- enum outcome; NULL: not over
			CHECK (outcome BETWEEN 0 AND 8),
	start_ms	INTEGER NOT NULL,
	end_ms		INTEGER,
	duration_us	INTEGER NOT NULL DEFAULT 0,
	delay_ms	INTEGER NOT NULL DEFAULT 0,	-- waited before it, as a retry
	exit_code	INTEGER,
	signal		INTEGER,
	cpu_us		INTEGER NOT NULL DEFAULT 0,
	max_rss_bytes	INTEGER NOT NULL DEFAULT 0,	-- of the largest process
	output_bytes	INTEGER NOT NULL DEFAULT 0,	-- printed, not kept
	-- FIGURE_LIST of common/figures.h, in its order
	user_us		INTEGER NOT NULL DEFAULT 0,
	system_us	INTEGER NOT NULL DEFAULT 0,
	tree_peak_bytes	INTEGER NOT NULL DEFAULT 0,
	tree_source	INTEGER NOT NULL DEFAULT 0,
	minor_faults	INTEGER NOT NULL DEFAULT 0,
	major_faults	INTEGER NOT NULL DEFAULT 0,
	voluntary_switches INTEGER NOT NULL DEFAULT 0,
	involuntary_switches INTEGER NOT NULL DEFAULT 0,
	read_bytes	INTEGER NOT NULL DEFAULT 0,
	write_bytes	INTEGER NOT NULL DEFAULT 0,
	processes	INTEGER NOT NULL DEFAULT 0,
	sessions	INTEGER NOT NULL DEFAULT 0,
	spawn_us	INTEGER NOT NULL DEFAULT 0,
	queued_us	INTEGER NOT NULL DEFAULT 0,
	error_category	INTEGER NOT NULL DEFAULT 0,
	error_message	TEXT NOT NULL DEFAULT '',
	fingerprint	INTEGER,			-- of the failure, as 64 bits; NULL: none
	failure		TEXT NOT NULL DEFAULT '',
	decision	INTEGER NOT NULL DEFAULT 0	-- enum retry_decision, about a retry
			CHECK (decision BETWEEN 0 AND 6),
	reason		TEXT NOT NULL DEFAULT '',
	output		INTEGER REFERENCES outputs (id), condition INTEGER NOT NULL DEFAULT 0, device_read_bytes INTEGER NOT NULL DEFAULT 0, device_write_bytes INTEGER NOT NULL DEFAULT 0,	-- both streams, see blob.h
	PRIMARY KEY (run, idx, attempt)
) STRICT, WITHOUT ROWID;
-- The last two are what a question about the results of a test would else look up.
CREATE INDEX attempts_by_test ON attempts (test, start_ms, outcome, condition);
CREATE INDEX attempts_by_output ON attempts (output) WHERE output IS NOT NULL;

-- The events of a run as clients get them, frames in order, in pieces: a run that is
-- over can be watched again exactly as it was.
CREATE TABLE event_log (
	run		INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
	first_seq	INTEGER NOT NULL,
	events		INTEGER NOT NULL,		-- how many
	size_bytes	INTEGER NOT NULL,		-- raw
	data		BLOB NOT NULL,			-- zstd
	PRIMARY KEY (run, first_seq)
) STRICT, WITHOUT ROWID;

-- Environment events in a run: what ended in such a span of time says nothing of its test;
-- see storm.h.
CREATE TABLE storms (
	run		INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
	from_ms		INTEGER NOT NULL,
	to_ms		INTEGER NOT NULL,
	PRIMARY KEY (run, from_ms)
) STRICT, WITHOUT ROWID;
