// Signs of arithmetic that people write or paste, and what stands for them in our expressions.

const INSTEAD: readonly (readonly [sign: RegExp, hint: string])[] = [
  [/π/, 'pi for π'],
  [/[×·⋅]/, '* for multiplication'],
  [/÷/, '/ for division'],
  [/[−–]/, '- for minus'],
  [/²/, '^2 for ²'],
  [/³/, '^3 for ³'],
  [/√/, 'sqrt(x) for √x'],
  [/\d,\d/, 'a point for the decimal comma'],
]

/** What to write in place of the signs in a text that was refused; empty when there are none. */
export function signHints(
  text: string,
  more: readonly (readonly [sign: RegExp, hint: string])[] = [],
): string {
  const hints = [...INSTEAD, ...more].filter(([sign]) => sign.test(text)).map(([, hint]) => hint)
  return hints.length > 0 ? `; write ${hints.join(', ')}` : ''
}
