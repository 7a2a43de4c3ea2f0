// What GNU parallel makes of an input: `{}`, `{.}`, `{/}`, `{//}`, `{/.}`.

export const REPLACEMENTS: [input: string, ...expected: string[]][] = [
  ['foo.jpg', 'foo.jpg', 'foo', 'foo.jpg', '.', 'foo'],
  ['sub.dir/foo.jpg', 'sub.dir/foo.jpg', 'sub.dir/foo', 'foo.jpg', 'sub.dir', 'foo'],
  ['sub.dir/bar', 'sub.dir/bar', 'sub.dir/bar', 'bar', 'sub.dir', 'bar'],
  ['/abs/x.tar.gz', '/abs/x.tar.gz', '/abs/x.tar', 'x.tar.gz', '/abs', 'x.tar'],
  ['.bashrc', '.bashrc', '', '.bashrc', '.', ''],
  ['a/.hid', 'a/.hid', 'a/', '.hid', 'a', ''],
  ['a b.c', 'a b.c', 'a b', 'a b.c', '.', 'a b'],
  ['a/b/', 'a/b/', 'a/b/', '', 'a', ''],
  ['/', '/', '/', '', '/', ''],
  ['a//b.c', 'a//b.c', 'a//b', 'b.c', 'a', 'b'],
  ['./x.y', './x.y', './x', 'x.y', '.', 'x'],
  ['../x.y', '../x.y', '../x', 'x.y', '..', 'x'],
  ['', '', '', '', '.', ''],
]
