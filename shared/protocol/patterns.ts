// Patterns of names and ids. This file imports nothing: the command line uses it and starts without the schemas.

/** Names of slaves and kinds. They need no escaping in a URL, a log line or a metric label. */
export const NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'

/** The same in words. */
export const NAME_WANTED =
  'a name of up to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit'

/** Ids of tasks and jobs. */
export const UUID_PATTERN = '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'

/** The same as a client may write them: also in capitals. */
export const ANY_UUID_PATTERN = UUID_PATTERN.replaceAll('a-f', 'a-fA-F')
