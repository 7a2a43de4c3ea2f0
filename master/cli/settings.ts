// What every command of `askfirst` reads of the environment. Flags stand in command.ts, beside those of
// the commands; a key is never a flag, because any user of the machine can read another's command line.

import { Type } from 'typebox'

export const CliSettings = Type.Object({
  url: Type.Optional(Type.String({ description: 'URL of the master' })),
  key: Type.Optional(Type.String({ secret: true, description: 'key for the master' })),
  keyFile: Type.Optional(Type.String({ description: 'file that holds the key' })),
  ca: Type.Optional(Type.String({ description: 'file of CA certificates (PEM) of the master' })),
})
