export { findPython } from '../deploy/local/python.ts'
