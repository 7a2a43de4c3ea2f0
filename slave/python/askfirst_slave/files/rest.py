"""How long a transfer of a file may take, and the pause before the next try. In seconds."""

import random
import time

# More for each byte that moves (see link/deadline.py).
TRANSFER_TIMEOUT = 10
REST_MIN, REST_MAX = 0.2, 5


def rest(attempt):
    time.sleep(min(REST_MAX, REST_MIN * 2 ** min(attempt - 1, 10)) * random.uniform(0.5, 1.5))
