-- The press that started a run, so that the same press twice is one run, also after a restart of the app. Runs of earlier versions have none.
CREATE TABLE run_press (
    press   TEXT    NOT NULL PRIMARY KEY,
    -- Unique, so that deleting a run finds its press.
    run_key INTEGER NOT NULL UNIQUE REFERENCES run (key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
