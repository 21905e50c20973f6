-- A history for a million runs: narrow rows with integer keys, what is read rarely in tables of its own, an index for each question, and words
-- that are searched. The keys of runs are the row numbers that they had: `secret_past.upto_run` counts on them. Words are not checked here:
-- which states and moves there are is the fold's to say.
--
-- To be run without foreign keys: dropping a table would delete what refers to it.

CREATE TABLE project_5 (
    key             INTEGER NOT NULL PRIMARY KEY,
    id              TEXT    NOT NULL UNIQUE,
    name            TEXT    NOT NULL,
    -- NULL: a project without a folder on this computer.
    path            TEXT    UNIQUE,
    kind            TEXT    NOT NULL,
    added_ms        INTEGER NOT NULL,
    -- Set when the user removed the project from the list: its history stays.
    hidden_ms       INTEGER,
    -- Never goes back, so that a number is not used twice after a run was deleted.
    last_run_number INTEGER NOT NULL DEFAULT 0,
    -- Whether its pipelines may reach the computer: its folders, devices and network.
    trusted         INTEGER NOT NULL DEFAULT 0,
    -- Whether steps that run on failure still run after a cancel, and how long they may take; NULL: as the dialect says.
    cleanup         TEXT    NOT NULL DEFAULT 'dialect',
    cleanup_s       INTEGER
) STRICT;
INSERT INTO project_5 (key, id, name, path, kind, added_ms, hidden_ms, last_run_number, trusted, cleanup, cleanup_s)
    SELECT rowid, id, name, path, kind, added_ms, hidden_ms, last_run_number, trusted, cleanup, cleanup_s FROM project;

CREATE TABLE run_5 (
    -- Counted, and no number is used twice: the order in which runs were written down, because clocks jump.
    key            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id             TEXT    NOT NULL UNIQUE,
    project_key    INTEGER NOT NULL REFERENCES project (key),
    number         INTEGER NOT NULL,
    workflow_name  TEXT    NOT NULL,
    -- The event's word, what it aims at and the branch that it is about; empty where there is none.
    event          TEXT    NOT NULL,
    target         TEXT    NOT NULL,
    branch         TEXT    NOT NULL,
    -- What started it: `person`, `trigger`, `retry` or `promotion`; and who.
    cause          TEXT    NOT NULL,
    actor          TEXT    NOT NULL,
    parent_key     INTEGER REFERENCES run (key) ON DELETE SET NULL,
    backend        TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    cancel_reason  TEXT,
    created_ms     INTEGER NOT NULL,
    started_ms     INTEGER,
    ended_ms       INTEGER,
    -- Which attempt the status columns tell of; the earlier ones follow from the events.
    attempt        INTEGER NOT NULL DEFAULT 1,
    -- The order in which runs went to the queue, those that are retried anew.
    queue_number   INTEGER NOT NULL,
    -- 1: written by a version of the app whose events do not say whether the program of a step was started. Such a run cannot be taken over.
    journal        INTEGER NOT NULL DEFAULT 1,
    version_sha    TEXT    NOT NULL,
    version_ref    TEXT    NOT NULL,
    version_name   TEXT    NOT NULL,
    version_title  TEXT    NOT NULL,
    version_author TEXT    NOT NULL,
    version_ms     INTEGER,
    -- JSON: by language.
    workflow_title TEXT    NOT NULL,
    -- Last, because it may be long.
    message        TEXT    NOT NULL DEFAULT '',
    UNIQUE (number, project_key)
) STRICT;
INSERT INTO run_5 (key, id, project_key, number, workflow_name, event, target, branch, cause, actor, parent_key, backend, state, cancel_reason,
        created_ms, started_ms, ended_ms, attempt, queue_number, journal, version_sha, version_ref, version_name, version_title,
        version_author, version_ms, workflow_title, message)
    SELECT old.rowid, old.id, project.rowid, old.number, old.workflow_name,
        coalesce(CAST(facts ->> '$.kind' AS TEXT), ''),
        coalesce(CAST(facts ->> '$.target' AS TEXT), ''),
        coalesce(CAST(facts ->> '$.commit.branch' AS TEXT), ''),
        CASE WHEN old.parent_run IS NOT NULL THEN 'retry' WHEN facts ->> '$.kind' IN ('promote', 'rollback') THEN 'promotion' ELSE 'person' END,
        old.actor, parent.rowid, old.backend, old.state, old.cancel_reason, old.created_ms, old.started_ms, old.ended_ms, old.attempt,
        old.queue_number, old.journal, old.version_sha, old.version_ref, old.version_name, old.version_title,
        coalesce(CAST(facts ->> '$.commit.author.name' AS TEXT), ''),
        CAST(facts ->> '$.commit.time_ms' AS INTEGER),
        old.workflow_title, old.message
    FROM (SELECT rowid, *, CASE WHEN json_valid(event) THEN event ELSE '{}' END AS facts FROM run) AS old
        JOIN project ON project.id = old.project_id
        LEFT JOIN run AS parent ON parent.id = old.parent_run
    ORDER BY old.rowid;

-- The facts of the event, and the plan without them.
CREATE TABLE run_facts (
    run_key INTEGER NOT NULL PRIMARY KEY REFERENCES run (key) ON DELETE CASCADE,
    json    TEXT    NOT NULL
) STRICT;
INSERT INTO run_facts (run_key, json) SELECT rowid, event FROM run ORDER BY rowid;
CREATE TABLE run_plan (
    run_key INTEGER NOT NULL PRIMARY KEY REFERENCES run (key) ON DELETE CASCADE,
    json    TEXT    NOT NULL
) STRICT;
INSERT INTO run_plan (run_key, json)
    SELECT rowid, CASE WHEN json_valid(plan) AND plan -> '$.event' = event -> '$' THEN json_remove(plan, '$.event') ELSE plan END
    FROM (SELECT rowid, plan, CASE WHEN json_valid(event) THEN event ELSE '{}' END AS event FROM run)
    ORDER BY rowid;

-- Values of the form.
CREATE TABLE run_input (
    run_key INTEGER NOT NULL REFERENCES run (key) ON DELETE CASCADE,
    name    TEXT    NOT NULL,
    value   TEXT    NOT NULL,
    PRIMARY KEY (run_key, name)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO run_input (run_key, name, value)
    SELECT run.rowid, CAST(input.key AS TEXT), coalesce(CAST(input.value AS TEXT), '')
    FROM run, json_each(CASE WHEN json_valid(run.inputs) THEN run.inputs ELSE '{}' END) AS input;

-- Which images the steps really had: the same name may be another image the next day.
CREATE TABLE run_image (
    run_key INTEGER NOT NULL REFERENCES run (key) ON DELETE CASCADE,
    stage   INTEGER NOT NULL,
    step    INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    image   TEXT    NOT NULL,
    digest  TEXT    NOT NULL,
    PRIMARY KEY (run_key, stage, step, attempt)
) STRICT, WITHOUT ROWID;

-- What a person wrote about a run.
CREATE TABLE run_note (
    run_key    INTEGER NOT NULL PRIMARY KEY REFERENCES run (key) ON DELETE CASCADE,
    text       TEXT    NOT NULL,
    actor      TEXT    NOT NULL,
    written_ms INTEGER NOT NULL
) STRICT;

-- What the logs of a run say about its failure: masked text, short.
CREATE TABLE run_excerpt (
    run_key INTEGER NOT NULL REFERENCES run (key) ON DELETE CASCADE,
    stage   INTEGER NOT NULL,
    step    INTEGER NOT NULL,
    text    TEXT    NOT NULL,
    PRIMARY KEY (run_key, stage, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE stage_run_5 (
    run_key     INTEGER NOT NULL REFERENCES run (key) ON DELETE CASCADE,
    stage       INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    started_ms  INTEGER,
    ended_ms    INTEGER,
    message     TEXT    NOT NULL DEFAULT '',
    hint        TEXT    NOT NULL DEFAULT '',
    -- What there is of the stage: 'made' from the first moment of its making on; 'kept' while only its files are there, for a retry; 'left' when
    -- the next sweep has to remove it. All but 'left', and the removal of kept files, follow from the events.
    place       TEXT    NOT NULL DEFAULT 'none',
    -- What the kept files take, as far as it is known.
    kept_bytes  INTEGER,
    -- The engine that the stage is on, as it calls itself and as a person calls it. NULL: not placed yet, or placed by an earlier version.
    engine      TEXT,
    engine_name TEXT    NOT NULL DEFAULT '',
    -- A JSON list of what could not be removed, in words. While it is not empty, the place is 'made' still.
    leftovers   TEXT    NOT NULL DEFAULT '[]',
    PRIMARY KEY (run_key, stage)
) STRICT, WITHOUT ROWID;
INSERT INTO stage_run_5 (run_key, stage, name, state, started_ms, ended_ms, message, hint, place, kept_bytes, engine, engine_name, leftovers)
    SELECT run.rowid, old.stage, old.name, old.state, old.started_ms, old.ended_ms, old.message, old.hint, old.place, old.kept_bytes,
        old.engine, old.engine_name, old.leftovers
    FROM run CROSS JOIN stage_run AS old ON old.run_id = run.id ORDER BY run.rowid;

CREATE TABLE step_run_5 (
    run_key     INTEGER NOT NULL REFERENCES run (key) ON DELETE CASCADE,
    stage       INTEGER NOT NULL,
    step        INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    attempt     INTEGER NOT NULL DEFAULT 1,
    state       TEXT    NOT NULL,
    started_ms  INTEGER,
    ended_ms    INTEGER,
    exit_code   INTEGER,
    -- How it ended, as stored in the event; why it was skipped.
    outcome     TEXT,
    skip_reason TEXT,
    message     TEXT    NOT NULL DEFAULT '',
    hint        TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (run_key, stage, step)
) STRICT, WITHOUT ROWID;
INSERT INTO step_run_5 (run_key, stage, step, name, kind, attempt, state, started_ms, ended_ms, exit_code, outcome, skip_reason, message, hint)
    SELECT run.rowid, old.stage, old.step, old.name, old.kind, old.attempt, old.state, old.started_ms, old.ended_ms, old.exit_code,
        old.outcome, old.skip_reason, old.message, old.hint
    FROM run CROSS JOIN step_run AS old ON old.run_id = run.id ORDER BY run.rowid;

CREATE TABLE run_event_5 (
    run_key INTEGER NOT NULL REFERENCES run (key) ON DELETE CASCADE,
    -- From 1, without gaps.
    seq     INTEGER NOT NULL,
    at_ms   INTEGER NOT NULL,
    json    TEXT    NOT NULL,
    PRIMARY KEY (run_key, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO run_event_5 (run_key, seq, at_ms, json)
    SELECT run.rowid, old.seq, old.at_ms, old.json FROM run CROSS JOIN run_event AS old ON old.run_id = run.id ORDER BY run.rowid;

DROP TABLE run_event;
DROP TABLE step_run;
DROP TABLE stage_run;
DROP TABLE run;
DROP TABLE project;
ALTER TABLE project_5 RENAME TO project;
ALTER TABLE run_5 RENAME TO run;
ALTER TABLE stage_run_5 RENAME TO stage_run;
ALTER TABLE step_run_5 RENAME TO step_run;
ALTER TABLE run_event_5 RENAME TO run_event;

CREATE TRIGGER run_event_is_not_changed BEFORE UPDATE ON run_event
BEGIN
    SELECT RAISE (ABORT, 'run_event is append-only');
END;

-- When a run is deleted, its row is gone before the cascade reaches its events.
CREATE TRIGGER run_event_goes_with_its_run BEFORE DELETE ON run_event
WHEN EXISTS (SELECT 1 FROM run WHERE key = OLD.run_key)
BEGIN
    SELECT RAISE (ABORT, 'run_event is append-only');
END;

-- The key ends each index, or follows what is asked for, so that a page of each list is read in its order without sorting. Where other columns
-- follow the key, several filters at once are decided in the index, without a look at each row.
CREATE INDEX run_of_project ON run (project_key);
CREATE INDEX run_of_project_by_state ON run (project_key, state);
CREATE INDEX run_of_project_by_workflow ON run (project_key, workflow_name);
CREATE INDEX run_of_project_by_workflow_and_state ON run (project_key, workflow_name, state);
CREATE INDEX run_of_project_by_target ON run (project_key, target);
CREATE INDEX run_of_project_by_target_and_state ON run (project_key, target, state);
CREATE INDEX run_of_project_by_actor ON run (project_key, actor);
CREATE INDEX run_of_project_by_branch ON run (project_key, branch);
CREATE INDEX run_of_project_by_version ON run (project_key, version_sha);
CREATE INDEX run_by_state ON run (state, key, workflow_name, target, actor);
CREATE INDEX run_by_workflow ON run (workflow_name, key, target, actor, state);
CREATE INDEX run_by_target ON run (target, key, workflow_name, actor, state);
CREATE INDEX run_by_actor ON run (actor, key, workflow_name, target, state);
CREATE INDEX run_parent ON run (parent_key);
CREATE INDEX run_under_way ON run (queue_number) WHERE state IN ('queued', 'running');
CREATE INDEX stage_run_made ON stage_run (run_key) WHERE place = 'made';
CREATE INDEX stage_run_kept ON stage_run (run_key) WHERE place = 'kept';
CREATE INDEX stage_run_leftovers ON stage_run (run_key) WHERE leftovers <> '[]';

-- The number that the next run in the queue gets.
CREATE TABLE counter (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counter (name, value) SELECT 'queue', coalesce(max(queue_number), 0) FROM run;

-- The keys between which the runs of a day (of UTC, counted from 1970) lie, so that a question about a time reads no other days. A clock that was
-- wrong makes the span of a day wider than need be, never narrower.
CREATE TABLE run_day (
    day       INTEGER NOT NULL PRIMARY KEY,
    first_key INTEGER NOT NULL,
    last_key  INTEGER NOT NULL
) STRICT;
INSERT INTO run_day (day, first_key, last_key) SELECT created_ms / 86400000, min(key), max(key) FROM run GROUP BY 1;
CREATE TRIGGER run_has_a_day AFTER INSERT ON run
BEGIN
    INSERT INTO run_day (day, first_key, last_key) VALUES (NEW.created_ms / 86400000, NEW.key, NEW.key)
        ON CONFLICT (day) DO UPDATE SET first_key = min(first_key, excluded.first_key), last_key = max(last_key, excluded.last_key);
END;

-- How long steps took that passed, the newest of each; they stay when their run is deleted.
CREATE TABLE step_time (
    project_key   INTEGER NOT NULL REFERENCES project (key) ON DELETE CASCADE,
    workflow_name TEXT    NOT NULL,
    stage_name    TEXT    NOT NULL,
    step_name     TEXT    NOT NULL,
    run_key       INTEGER NOT NULL,
    ms            INTEGER NOT NULL,
    ended_ms      INTEGER NOT NULL,
    PRIMARY KEY (project_key, workflow_name, stage_name, step_name, run_key)
) STRICT, WITHOUT ROWID;
INSERT OR REPLACE INTO step_time (project_key, workflow_name, stage_name, step_name, run_key, ms, ended_ms)
    SELECT project_key, workflow_name, stage_name, step_name, key, max(ended_ms - started_ms, 0), ended_ms FROM (
        SELECT run.project_key, run.workflow_name, stage.name AS stage_name, step.name AS step_name, run.key, step.started_ms, step.ended_ms,
            row_number() OVER (PARTITION BY run.project_key, run.workflow_name, stage.name, step.name ORDER BY run.key DESC) AS place
        FROM run JOIN stage_run AS stage ON stage.run_key = run.key
            JOIN step_run AS step ON step.run_key = run.key AND step.stage = stage.stage
        WHERE step.state = 'passed' AND step.started_ms IS NOT NULL AND step.ended_ms IS NOT NULL
    ) WHERE place <= 50;

-- The words of a run that are searched, Chinese ones cut into pairs of characters. Written by the app, which knows how to cut.
CREATE TABLE run_text (
    run_key INTEGER NOT NULL PRIMARY KEY REFERENCES run (key) ON DELETE CASCADE,
    words   TEXT    NOT NULL
) STRICT;
CREATE VIRTUAL TABLE run_search USING fts5 (words, content = 'run_text', content_rowid = 'run_key', tokenize = 'unicode61 remove_diacritics 0');
CREATE TRIGGER run_text_comes AFTER INSERT ON run_text
BEGIN
    INSERT INTO run_search (rowid, words) VALUES (NEW.run_key, NEW.words);
END;
CREATE TRIGGER run_text_goes AFTER DELETE ON run_text
BEGIN
    INSERT INTO run_search (run_search, rowid, words) VALUES ('delete', OLD.run_key, OLD.words);
END;
CREATE TRIGGER run_text_changes AFTER UPDATE ON run_text
BEGIN
    INSERT INTO run_search (run_search, rowid, words) VALUES ('delete', OLD.run_key, OLD.words);
    INSERT INTO run_search (rowid, words) VALUES (NEW.run_key, NEW.words);
END;
-- Runs whose words the app has still to write.
CREATE TABLE search_backlog (
    run_key INTEGER NOT NULL PRIMARY KEY REFERENCES run (key) ON DELETE CASCADE
) STRICT;
INSERT INTO search_backlog (run_key) SELECT key FROM run;

-- One row for each setting, by its name, so that a value that cannot be read costs only itself.
INSERT OR IGNORE INTO setting (key, value)
    SELECT entry.key, old.value -> entry.fullkey
    FROM (SELECT value FROM setting WHERE key = 'settings' AND json_valid(value)) AS old, json_each(old.value) AS entry
    WHERE entry.key IS NOT NULL AND typeof(entry.key) = 'text';
DELETE FROM setting WHERE key = 'settings';
