"""Runs programs, the kind `command`: which are allowed, how surely they end, and what starts and watches
them (see COMMANDS.md).

    in the agent           commands, programs, confinement   what is allowed, and what works here
    in a child process     program_run                       files and outputs around a launcher
    in a launcher          launcher, watched, and below      one program, its limits and its end
"""

COMMAND = "command"
