-- Where stages are, and what could not be removed of them.

-- The engine that the stage is on, as it calls itself and as a person calls it. NULL: not placed yet, or placed by an earlier version.
ALTER TABLE stage_run ADD COLUMN engine TEXT;
ALTER TABLE stage_run ADD COLUMN engine_name TEXT NOT NULL DEFAULT '';
-- A JSON list of what could not be removed, in words. While it is not empty, the place is 'made' still.
ALTER TABLE stage_run ADD COLUMN leftovers TEXT NOT NULL DEFAULT '[]';
CREATE INDEX stage_run_leftovers ON stage_run (run_id) WHERE leftovers <> '[]';
