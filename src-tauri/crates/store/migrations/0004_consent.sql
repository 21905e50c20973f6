-- Which project may have which secret, and values that are still to be masked.

-- What the user decided about a secret of all projects for one project. Without a row nobody was asked yet. Nothing is granted here: whoever
-- had such secrets before is asked once for each project.
CREATE TABLE secret_grant (
    project_id TEXT    NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    -- As the secret is stored.
    name       TEXT    NOT NULL,
    allowed    INTEGER NOT NULL CHECK (allowed IN (0, 1)),
    decided_ms INTEGER NOT NULL,
    PRIMARY KEY (project_id, name)
) STRICT, WITHOUT ROWID;

-- Values that were replaced or removed while runs could still print them: those have to be masked in them.
CREATE TABLE secret_past (
    id         INTEGER NOT NULL PRIMARY KEY,
    -- NULL: it was for all projects.
    project_id TEXT    REFERENCES project (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    -- The newest run at that time (its rowid, because clocks jump): later ones never had the value.
    upto_run   INTEGER NOT NULL
) STRICT;

-- Secrets go with their project. Those of projects that were removed before this version go now.
INSERT INTO secret_past (project_id, name, sealed, upto_run)
    SELECT secret.project_id, secret.name, secret.sealed, (SELECT coalesce(max(rowid), 0) FROM run)
    FROM secret JOIN project ON project.id = secret.project_id
    WHERE project.hidden_ms IS NOT NULL;
DELETE FROM secret WHERE project_id IN (SELECT id FROM project WHERE hidden_ms IS NOT NULL);
