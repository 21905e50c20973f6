-- Whether the containers of image plugins run in a project, instead of the engine building by itself.
ALTER TABLE project ADD COLUMN real_plugins INTEGER NOT NULL DEFAULT 0;
