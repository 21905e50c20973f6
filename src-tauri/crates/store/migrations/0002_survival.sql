-- Runs that outlive the process that drives them, retries, and what a project may do.

-- Whether its pipelines may reach the computer: its folders, devices and network.
ALTER TABLE project ADD COLUMN trusted INTEGER NOT NULL DEFAULT 0 CHECK (trusted IN (0, 1));
-- Whether steps that run on failure still run after a cancel, and how long they may take; NULL: as the dialect says.
ALTER TABLE project ADD COLUMN cleanup TEXT NOT NULL DEFAULT 'dialect' CHECK (cleanup IN ('dialect', 'always', 'never'));
ALTER TABLE project ADD COLUMN cleanup_s INTEGER;

-- Which attempt the status columns tell of; the earlier ones follow from the events.
ALTER TABLE run ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;
-- The order in which runs went to the queue, those that are retried anew; counted, because clocks jump.
ALTER TABLE run ADD COLUMN queue_number INTEGER NOT NULL DEFAULT 0;
-- 1: written by a version of the app whose events do not say whether the program of a step was started. Such a run cannot be taken over.
ALTER TABLE run ADD COLUMN journal INTEGER NOT NULL DEFAULT 1;
UPDATE run SET queue_number = rowid;

-- What there is of the stage: 'made' from the first moment of its making on; 'kept' while only its files are there, for a retry; 'left' when
-- the next sweep has to remove it. All but 'left', and the removal of kept files, follow from the events.
ALTER TABLE stage_run ADD COLUMN place TEXT NOT NULL DEFAULT 'none' CHECK (place IN ('none', 'made', 'kept', 'left', 'removed'));
-- What the kept files take, as far as it is known.
ALTER TABLE stage_run ADD COLUMN kept_bytes INTEGER;
UPDATE stage_run SET place = 'made' WHERE state IN ('preparing', 'running');
CREATE INDEX stage_run_place ON stage_run (place) WHERE place IN ('made', 'kept');
