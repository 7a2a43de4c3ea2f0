// Owns the shape of the SQLite file: every table and index, as numbered steps that are run once, in
// order, each in its transaction. A step that was released is never edited: add one below it. Must
// not know what a task means.
//
// Why this shape (test/rigs/bench/store.ts has the figures):
//   - a task is three rows: `accepted`, which never changes; `live`, where it stands until it ends;
//     `ended`, how it ended. Rows of `accepted` and `ended` are appended and never rewritten, and `live`
//     is small: so a task costs half of what one row costs that grows with each update.
//   - rows are kept by the number of the task (task-numbers.ts), in order of acceptance: "newest first"
//     is each table read backwards.
//   - `live` is what a restart reads. `ended_by_status` holds the ends that are rare and hence searched
//     for; `done` is nearly every row and is found by reading on.
//   - NULL in `tags` is no tags; in `trail` it is the trail that nearly every task has: taken by `slave`
//     at `startedAt`, asked for `askedUs`, and done at `endedAt`.
//   - `tasks` puts a task together again, for reads.
//   - NULL in `terms` is nothing unusual.
//   - `totals` is one row that every commit keeps in step, so that nobody counts a million rows.
//   - no index by end: an ended task was accepted before it ended, so trimming reads from the oldest.
import type { Migration } from '../../shared/sqlite/database.ts'
import { idSql } from './task-numbers.ts'

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
  // Tasks by number, in three tables. What was stored before is carried over by carry-over.ts.
  `
  DROP INDEX tasks_by_status;
  DROP INDEX tasks_by_key;
  ALTER TABLE tasks RENAME TO tasks_before;
  CREATE TABLE accepted (
    n INTEGER PRIMARY KEY,
    tail TEXT NOT NULL,
    kind TEXT NOT NULL,
    priority INTEGER NOT NULL,
    createdAt INTEGER NOT NULL,
    runLimitMs INTEGER NOT NULL,
    queueMs INTEGER,
    tags TEXT,
    client TEXT,
    idempotencyKey TEXT,
    requestHash TEXT,
    trace TEXT,
    work TEXT,
    input TEXT NOT NULL
  );
  CREATE UNIQUE INDEX accepted_by_key ON accepted (idempotencyKey) WHERE idempotencyKey IS NOT NULL;
  ${progressTable('live')}
  ${progressTable('ended')}
  CREATE INDEX ended_by_status ON ended (status) WHERE status <> 'done';
  CREATE TABLE odd_ids (id TEXT NOT NULL PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
  ${tasksView('')}
  `,
  // What is unusual about a task: needs, tries.
  `
  ALTER TABLE accepted ADD COLUMN terms TEXT;
  DROP VIEW tasks;
  ${tasksView('a.terms AS terms,')}
  `,
]

function progressTable(name: 'live' | 'ended'): string {
  return `CREATE TABLE ${name} (
    n INTEGER PRIMARY KEY,
    status TEXT NOT NULL,
    startedAt INTEGER,
    endedAt INTEGER,
    slave TEXT,
    attempt TEXT,
    tries INTEGER NOT NULL,
    waitUntil INTEGER,
    askedUs INTEGER,
    trail TEXT,
    outcome TEXT
  );`
}

function takenSql(from: 'l' | 'e'): string {
  return `json_object('at', ${from}.startedAt, 'event', 'taken', 'slave', ${from}.slave,
    'ms', ${from}.askedUs / 1000.0)`
}

/** Puts a task together again. `more`: columns of `accepted` that were added since. */
function tasksView(more: string): string {
  return `CREATE VIEW tasks AS SELECT a.n AS n, ${idSql('a')} AS id,
  a.kind AS kind, a.priority AS priority, a.createdAt AS createdAt, a.runLimitMs AS runLimitMs,
  a.queueMs AS queueMs, ifnull(a.tags, '[]') AS tags, a.client AS client,
  a.idempotencyKey AS idempotencyKey, a.requestHash AS requestHash, a.trace AS trace,
  a.work AS work, a.input AS input, ${more}
  ${['status', 'startedAt', 'endedAt', 'slave', 'attempt', 'tries', 'waitUntil', 'outcome']
    .map((column) => `coalesce(e.${column}, l.${column}) AS ${column}`)
    .join(', ')},
  CASE WHEN e.trail IS NOT NULL THEN e.trail WHEN l.trail IS NOT NULL THEN l.trail
    WHEN e.n IS NULL THEN json_array(${takenSql('l')})
    ELSE json_array(${takenSql('e')}, json_object('at', e.endedAt, 'event', 'done', 'slave', e.slave))
  END AS trail
FROM accepted a LEFT JOIN ended e ON e.n = a.n LEFT JOIN live l ON l.n = a.n;`
}
