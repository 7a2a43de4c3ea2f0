// Writes a list of rows with few statements. One statement for each row costs as much for the call as
// for the row; rows are written by sixteens, then what is left by eights, and so on.

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'

/** Rows of one statement, at most: a power of two. More rows to a statement gain nothing. */
const ROWS_MAX = 16

export type RowList = ReturnType<typeof createRowList>

/**
 * `row` is a row in SQL, such as `(?, ?, NULL)`: what is the same in every row is written there, for each
 * value that is bound costs 50 to 150 ns. `sqlOf` gives the statement for a list of such rows.
 */
export function createRowList(
  database: DatabaseSync,
  row: string,
  sqlOf: (rows: string) => string,
) {
  const width = row.split('?').length - 1
  const statements = new Map<number, StatementSync>()
  const values: SQLInputValue[] = []

  return {
    /** The values of the rows that the next `write` writes: push those of a row to add it. */
    values,

    /** Writes the rows that were added. */
    write(): void {
      if (values.length === 0) return
      let rows = ROWS_MAX
      for (let at = 0; at < values.length; at += rows * width) {
        while (rows * width > values.length - at) rows >>= 1
        const end = at + rows * width
        statementFor(rows).run(...(end - at === values.length ? values : values.slice(at, end)))
      }
      values.length = 0
    },
  }

  function statementFor(rows: number): StatementSync {
    let statement = statements.get(rows)
    if (statement === undefined) {
      statement = database.prepare(sqlOf(Array(rows).fill(row).join(', ')))
      statements.set(rows, statement)
    }
    return statement
  }
}

/** A row of so many values in SQL. */
export const rowOf = (width: number): string => `(${Array(width).fill('?').join(', ')})`
