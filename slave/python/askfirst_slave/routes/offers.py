"""What the master asks the slave. Owns the check of its requests: a whole list is checked before any
offer in it is taken (rule malformed)."""

from ..names import NAME, is_id, variables_mistake
from ..problem import Problem


def offer_routes(agent):
    return {
        ("GET", "/attempts"): lambda _body: agent.probe(),
        ("POST", "/offers"): lambda body: agent.offer(check_offers(body)),
        ("POST", "/attempts/revoke"): lambda body: agent.revoke(check_revoke(body)),
    }


def check_offers(body):
    if not isinstance(body, dict):
        raise Problem("body must be an object")
    offers = body.get("offers")
    if not isinstance(offers, list) or not offers:
        raise Problem("offers must be a list of at least one")
    if "boot" in body and not is_id(body["boot"]):
        raise Problem("boot must be a string of 1 to 128 characters")
    for i, offer in enumerate(offers):
        check_offer(f"offers.{i}", offer)
    return body


def check_offer(where, offer):
    if not isinstance(offer, dict):
        raise Problem(f"{where} must be an object")
    for field in ("attempt", "task"):
        if not is_id(offer.get(field)):
            raise Problem(f"{where}.{field} must be a string of 1 to 128 characters")
    if not isinstance(offer.get("kind"), str) or not NAME.match(offer["kind"]):
        raise Problem(f"{where}.kind must be a name")
    if "input" not in offer:
        raise Problem(f"{where}.input is missing")
    if not is_integer(offer.get("runLimitMs")) or offer["runLimitMs"] < 1:
        raise Problem(f"{where}.runLimitMs must be an integer of at least 1")
    if not isinstance(offer.get("files", []), list):
        raise Problem(f"{where}.files must be a list")
    mistake = variables_mistake(offer.get("secretEnv", {}))
    if mistake:
        raise Problem(f"{where}.secretEnv {mistake}")


def check_revoke(body):
    attempts = body.get("attempts") if isinstance(body, dict) else None
    if not isinstance(attempts, list) or not attempts or not all(map(is_id, attempts)):
        raise Problem("attempts must be a list of at least one id")
    return attempts


def is_integer(value):
    """JSON has no integers: 1.0 is one. In Python a bool is an int, in JSON it is not."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and value == value // 1
