// npm run fuzz: nonsense (fuzz.ts), costs (cost/cost.ts, with --cost), or with --short both.

const isCost = process.argv.includes('--cost')
if (!isCost) await import('./fuzz.ts')
if (isCost || process.argv.includes('--short')) await import('./cost/cost.ts')
