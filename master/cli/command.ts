// What the commands of `askfirst` share: how one is declared, and what it is given while it runs. Knows no
// command.

import { Command, InvalidArgumentError } from '@commander-js/extra-typings'
import type { Client } from '../../shared/client/client.ts'
import type { Exit } from './exit-codes.ts'
import type { Output } from './output.ts'

/** What a command has while it runs. */
export type Session = {
  /** A client of the master that the user named. The program closes it when the command ends. */
  client(patienceMs?: number, connections?: number): Client
  output: Output
  env: NodeJS.ProcessEnv
  /** Aborts with the first Ctrl-C. */
  signal: AbortSignal
  /** Aborts with the second Ctrl-C, which ends the process if no command has asked for this. */
  second(): AbortSignal
}

/**
 * Makes commander's action from the function of a command. The function gets the session, then its
 * operands and options as commander parsed them. It returns the exit, or an exit
 * code of a program; nothing means `ok`.
 */
export type Runner = <Given extends unknown[]>(
  // biome-ignore lint/suspicious/noConfusingVoidType: nothing returned is 'ok'
  does: (session: Session, ...given: Given) => Promise<Exit | number | void>,
) => (...given: Given) => Promise<void>

/** A command: `says` is its line in the overview, `notes` are further paragraphs of its --help. */
export const command = (
  name: string,
  says: string,
  notes: string[] = [],
  examples: string[] = [],
) =>
  new Command(name)
    .summary(says)
    .description([says, ...notes].join('\n\n'))
    .addHelpText('after', examples.map((example) => `\n  ${example}`).join(''))

/** In one request; a page may end before its limit, because it has a limit in bytes too. */
const PAGE = 1000

/** The first `limit` items of a list that comes in pages. */
export async function upTo<T>(
  limit: number,
  page: (wanted: {
    limit: number
    cursor?: string
  }) => Promise<{ items: T[]; next: string | null }>,
): Promise<T[]> {
  const found: T[] = []
  let cursor: string | null = null
  do {
    const more = cursor === null ? {} : { cursor }
    const { items, next }: { items: T[]; next: string | null } = await page({
      limit: Math.min(PAGE, limit - found.length),
      ...more,
    })
    found.push(...items)
    cursor = next
  } while (cursor !== null && found.length < limit)
  return found
}

/** Parses an option as a number that is at least `minimum`. */
export const numberFrom =
  (minimum = 0) =>
  (text: string): number => {
    const number = Number(text)
    if (text.trim() !== '' && Number.isFinite(number) && number >= minimum) return number
    throw new InvalidArgumentError(`It must be a number from ${minimum}.`)
  }
