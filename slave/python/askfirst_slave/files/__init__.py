"""The files of tasks: run folders, downloads, uploads."""
