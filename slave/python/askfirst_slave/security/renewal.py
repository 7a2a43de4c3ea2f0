"""Renews the certificate after a third of its life."""

import time

from ..log import log


def renew_in_time(identity, closed):
    """Runs until the event `closed` is set."""
    while not closed.is_set():
        time.sleep(identity.look_again_after())
        if not identity.renewal_is_due():
            continue
        try:
            identity.renew()
            log("the certificate was renewed")
        except Exception as error:
            log(f"cannot renew the certificate yet: {error}")
