// Bytes with room behind them, so that a word can be read eight bytes at a time wherever it ends.

export type Text = {
  bytes: Buffer
  /** Of the same bytes. */
  view: DataView
  /** How many bytes may be used. There are a few more behind, so that reads may go beyond. */
  length: number
}

const ROOM_BYTES = 8

export function createText(length: number): Text {
  const bytes = Buffer.from(new ArrayBuffer(length + ROOM_BYTES))
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), length }
}

/** The same bytes up to `used`, in a longer one. */
export function longerText(text: Text, used: number, length: number): Text {
  const longer = createText(length)
  text.bytes.copy(longer.bytes, 0, 0, used)
  return longer
}
