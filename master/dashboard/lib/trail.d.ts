// Served from shared/protocol (master/http/routes/page-files.ts); here for the type checker only.
export * from '../../../shared/protocol/trail.js'
