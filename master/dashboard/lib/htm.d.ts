// Served from the package (master/http/routes/page-files.ts); here for the type checker only.
export { default } from 'htm'
