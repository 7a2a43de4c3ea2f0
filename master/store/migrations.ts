// Owns the shape of the SQLite file: every table and index, as numbered steps that are run once, in
// order, each in its transaction. A step that was released is never edited: add one below it. Must
// not know what a task means.
//
// Why this shape (test/rigs/bench/store.ts has the figures):
//   - `tasks` is one B-tree by id, without a rowid beside it. Ids are UUIDv7, so inserts append, and
//     "newest first" is the primary key read backwards: no index for it.
//   - `tasks_by_status` holds what is not `done`: the live tasks that a restart reads, and the ends
//     that are rare and hence searched for. `done` is nearly every row and is found by reading on.
//   - `totals` is one row that every commit keeps in step, so that nobody counts a million rows.
//   - no index by end: an ended task was accepted before it ended, so trimming reads from the oldest.
import type { Migration } from '../../shared/sqlite/database.ts'

/** Marks the file as ours (`PRAGMA application_id`): "Ask1". */
export const APPLICATION_ID = 0x41_73_6b_31

export const MIGRATIONS: readonly Migration[] = [
  `
  CREATE TABLE tasks (
    id TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL,
    kind TEXT NOT NULL,
    slave TEXT,
    tags TEXT NOT NULL,
    priority INTEGER NOT NULL,
    createdAt INTEGER NOT NULL,
    startedAt INTEGER,
    endedAt INTEGER,
    tries INTEGER NOT NULL,
    runLimitMs INTEGER NOT NULL,
    waitUntil INTEGER,
    attempt TEXT,
    idempotencyKey TEXT,
    requestHash TEXT,
    trail TEXT NOT NULL,
    input TEXT NOT NULL,
    outcome TEXT
  ) WITHOUT ROWID;
  CREATE INDEX tasks_by_status ON tasks (status) WHERE status <> 'done';
  CREATE UNIQUE INDEX tasks_by_key ON tasks (idempotencyKey) WHERE idempotencyKey IS NOT NULL;
  CREATE TABLE totals (
    pending INTEGER NOT NULL, inProgress INTEGER NOT NULL, done INTEGER NOT NULL,
    failed INTEGER NOT NULL, cancelled INTEGER NOT NULL, expired INTEGER NOT NULL
  );
  INSERT INTO totals VALUES (0, 0, 0, 0, 0, 0);
  CREATE TABLE slaves (
    name TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    position REAL NOT NULL,
    drained INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE secrets (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  `,
  // What an offer carries besides its input, when the task is a part of a job.
  `ALTER TABLE tasks ADD COLUMN work TEXT;`,
  // Which trace the client said that it belongs to.
  `ALTER TABLE tasks ADD COLUMN trace TEXT;`,
  // Whose task it is, where clients are asked who they are.
  `ALTER TABLE tasks ADD COLUMN client TEXT;`,
  // Kinds that slaves have offered.
  `CREATE TABLE kinds (name TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;`,
  // Whether a client asked for a place in the line, and for how long: a retry asks for the same.
  `ALTER TABLE tasks ADD COLUMN queueMs INTEGER;`,
]
