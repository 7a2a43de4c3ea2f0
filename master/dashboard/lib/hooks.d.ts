// Served from the package (master/routes/page.ts); here for the type checker only.
export * from 'preact/hooks'
