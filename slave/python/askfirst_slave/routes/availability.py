"""What any client may ask the slave."""

# Open also where the slave has an identity.
OPEN = ("/availability", "/healthz")


def availability_routes(agent):
    return {
        ("GET", "/availability"): lambda _body: agent.availability(),
        ("GET", "/healthz"): lambda _body: {"status": "up"},
    }
