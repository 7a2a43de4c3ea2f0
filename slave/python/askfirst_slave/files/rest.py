"""How long a transfer of a file may take, and the pause before the next try. In seconds."""

import time

from ..link.exchange import pause_after

# More for each byte that moves (see link/deadline.py).
TRANSFER_TIMEOUT = 10
REST_MIN, REST_MAX = 0.2, 5


def rest(failures):
    time.sleep(pause_after(failures, REST_MIN, REST_MAX))
