// Numbers that others wrote, for programs that read JSON and print it again: -0.0, 1.10 or
// 12345678901234567890 is printed as it came, and not as the double that it becomes.

type Source = { source?: string }
/** ECMAScript 2026: JSON.rawJSON, and the source of a value for a reviver. */
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown }

/**
 * As JSON.parse; but a number that JSON.stringify would write in another way becomes an object that it
 * writes as it came. Numbers that a master wrote itself are numbers.
 */
export const parseAsWritten = (text: string): unknown =>
  JSON.parse(text, ((_name: string, value: unknown, context?: Source): unknown => {
    const { source } = context ?? {}
    if (typeof value !== 'number' || source === undefined || String(value) === source) return value
    return rawJSON(source)
  }) as (name: string, value: unknown) => unknown)
