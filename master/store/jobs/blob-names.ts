// The blobs that a text names. Pure.

/** A SHA-256 in hexadecimal, standing by itself. */
const SHA256 = /\b[0-9a-f]{64}\b/g

/** The names of blobs in a text, each once. */
export const blobNamesIn = (text: string): string[] => [
  ...new Set(Array.from(text.matchAll(SHA256), ([name]) => name)),
]
