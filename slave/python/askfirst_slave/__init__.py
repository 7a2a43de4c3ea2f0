"""A slave of askfirst in Python: an example for slaves in any language.

The rooms have the names of those of the TypeScript slave:

    __main__   the process: settings, signals, exit        settings   the command line
    app        makes the parts and starts the threads      agent      the shell around the core
    core/      decides: offers, attempts; no I/O           routes/    the HTTP server
    executor/  runs each task in a child process           link/      requests to the master
    kinds/     what tasks compute: add your own here       files/     files of tasks
    security/  the certificate, and who may ask what       commands/  runs programs

Arrows: settings -> commands; app -> agent, routes, link, security; agent -> core, executor, files, link; the
child process (executor/child.py) -> kinds, commands, files, link, security; security -> link. The core
imports nothing of these.

Modules refer to the rules in slave/RULES.md by name, as (rule ...). slave/PROTOCOL.md has the messages.
"""

VERSION = "python-1"
