-- Times are milliseconds since 1970 UTC. `run_event` is the truth; the state, time and message columns of `run`, `stage_run` and
-- `step_run` are a cache of it that is written in the same transaction.

CREATE TABLE project (
    id              TEXT    NOT NULL PRIMARY KEY,
    name            TEXT    NOT NULL,
    path            TEXT    NOT NULL UNIQUE,
    kind            TEXT    NOT NULL CHECK (kind IN ('folder', 'sample')),
    added_ms        INTEGER NOT NULL,
    -- Set when the user removed the project from the list: its history stays.
    hidden_ms       INTEGER,
    -- Never goes back, so that a number is not used twice after a run was deleted.
    last_run_number INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE run (
    id             TEXT    NOT NULL PRIMARY KEY,
    project_id     TEXT    NOT NULL REFERENCES project (id),
    number         INTEGER NOT NULL,
    workflow_name  TEXT    NOT NULL,
    workflow_title TEXT    NOT NULL,
    version_name   TEXT    NOT NULL,
    version_title  TEXT    NOT NULL,
    version_sha    TEXT    NOT NULL,
    version_ref    TEXT    NOT NULL,
    event          TEXT    NOT NULL,
    plan           TEXT    NOT NULL,
    inputs         TEXT    NOT NULL,
    backend        TEXT    NOT NULL,
    actor          TEXT    NOT NULL,
    parent_run     TEXT    REFERENCES run (id) ON DELETE SET NULL,
    state          TEXT    NOT NULL CHECK (state IN
                       ('queued', 'running', 'passed', 'failed', 'errored', 'cancelled', 'timed_out', 'interrupted')),
    cancel_reason  TEXT,
    created_ms     INTEGER NOT NULL,
    started_ms     INTEGER,
    ended_ms       INTEGER,
    message        TEXT    NOT NULL DEFAULT '',
    UNIQUE (project_id, number)
) STRICT;

CREATE INDEX run_newest ON run (created_ms DESC, id DESC);
CREATE INDEX run_newest_of_project ON run (project_id, created_ms DESC, id DESC);
CREATE INDEX run_parent ON run (parent_run);
CREATE INDEX run_unfinished ON run (state) WHERE state IN ('queued', 'running');

CREATE TABLE stage_run (
    run_id     TEXT    NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    stage      INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN
                   ('pending', 'preparing', 'running', 'passed', 'failed', 'errored', 'skipped', 'cancelled', 'interrupted')),
    started_ms INTEGER,
    ended_ms   INTEGER,
    message    TEXT    NOT NULL DEFAULT '',
    hint       TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (run_id, stage)
) STRICT, WITHOUT ROWID;

CREATE TABLE step_run (
    run_id      TEXT    NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    stage       INTEGER NOT NULL,
    step        INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('commands', 'plugin', 'service')),
    attempt     INTEGER NOT NULL DEFAULT 1,
    state       TEXT    NOT NULL CHECK (state IN
                    ('pending', 'starting', 'running', 'passed', 'failed', 'errored', 'skipped', 'cancelled', 'interrupted')),
    started_ms  INTEGER,
    ended_ms    INTEGER,
    exit_code   INTEGER,
    -- How it ended, as stored in the event; why it was skipped.
    outcome     TEXT,
    skip_reason TEXT,
    message     TEXT    NOT NULL DEFAULT '',
    hint        TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (run_id, stage, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_event (
    run_id TEXT    NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    -- From 1, without gaps.
    seq    INTEGER NOT NULL,
    at_ms  INTEGER NOT NULL,
    json   TEXT    NOT NULL,
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER run_event_is_not_changed BEFORE UPDATE ON run_event
BEGIN
    SELECT RAISE (ABORT, 'run_event is append-only');
END;

-- When a run is deleted, its row is gone before the cascade reaches its events.
CREATE TRIGGER run_event_goes_with_its_run BEFORE DELETE ON run_event
WHEN EXISTS (SELECT 1 FROM run WHERE id = OLD.run_id)
BEGIN
    SELECT RAISE (ABORT, 'run_event is append-only');
END;

CREATE TABLE secret (
    -- NULL: for all projects.
    project_id TEXT    REFERENCES project (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    updated_ms INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX secret_scope ON secret (coalesce(project_id, ''), name);

CREATE TABLE setting (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
