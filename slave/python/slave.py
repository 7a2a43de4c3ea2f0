#!/usr/bin/env python3
"""Starts the slave in Python; the package `askfirst_slave` beside this file is the slave.

    python3 slave/python/slave.py --master http://127.0.0.1:8080 --name py-1 --port 9101 \
        --slots 2 --data DIR
"""

import sys

sys.dont_write_bytecode = True  # the program folder may be read-only, and is not for data

from askfirst_slave.__main__ import main  # noqa: E402

if __name__ == "__main__":
    main()
