// The bundler, esbuild, as far as packs need it. Loaded when something is packed: nothing else needs it.

type Loaded = { contents: string; resolveDir: string }
type Filter = { filter: RegExp; namespace?: string }
type Hooks = {
  onResolve(which: Filter, run: (at: { path: string }) => { path: string; namespace: string }): void
  onLoad(which: Filter, run: (at: { path: string }) => Loaded): void
}
export type Plugin = { name: string; setup(hooks: Hooks): void }

type Options = {
  entryPoints?: { in: string; out: string }[]
  stdin?: { contents: string; resolveDir: string; loader: 'ts' }
  format: 'esm' | 'cjs'
  splitting?: boolean
  outdir?: string
  outfile?: string
  outExtension?: Record<string, string>
  banner?: { js: string }
  plugins: Plugin[]
}

/** Writes a bundle for Node. Resolves with the paths of the modules that it contains. */
export async function bundle(options: Options): Promise<string[]> {
  const name = 'esbuild'
  const { build } = (await import(name)) as {
    build(options: object): Promise<{ metafile: { inputs: object } }>
  }
  const { metafile } = await build({
    ...options,
    bundle: true,
    platform: 'node',
    minifyWhitespace: true,
    metafile: true,
    logLevel: 'warning',
  })
  return Object.keys(metafile.inputs)
}
