"""Takes or refuses offers. Owns the mode of the slave (accepting or draining), and whether it owes the
master a heartbeat because it refused an offer."""

from .attempts import answer_to

# No new tasks while this many outcomes wait for the master.
OUTBOX_MAX = 10_000


class Offers:
    def __init__(self, name, boot, slots, kinds, attempts, unable=lambda offer: None):
        """`unable`: why an offer of one of the kinds cannot be run here, or None."""
        self.name = name
        self.boot = boot
        self.slots = slots
        self.kinds = kinds
        self.unable = unable
        self.attempts = attempts
        self.mode = "accepting"
        self.mode_reason = ""
        # It refused an offer: the master gets a heartbeat when there is room again (rule notice).
        self.owes_notice = False

    # What the slave says of itself.

    def state(self):
        full = self.outbox_is_full()
        reason = ""
        if self.mode != "accepting":
            reason = self.mode_reason
        elif full:
            reason = self.outbox_reason()
        elif self.is_busy():
            reason = self.busy_reason()
        return {
            "slave": self.name,
            "boot": self.boot,
            "generation": self.attempts.generation,
            "slots": self.slots,
            "free": self.slots - len(self.attempts.running),
            "mode": "unwilling" if self.mode == "accepting" and full else self.mode,
            "reason": reason,
        }

    def is_busy(self):
        return len(self.attempts.running) >= self.slots

    def busy_reason(self):
        return f"running {len(self.attempts.running)} of {self.slots}"

    def outbox_is_full(self):
        return len(self.attempts.ended) >= OUTBOX_MAX

    def outbox_reason(self):
        return f"{len(self.attempts.ended)} outcomes wait for acknowledgement; the master does not answer"

    # Offers.

    def answer(self, request):
        """Answers a list of offers; returns the answers, and the offers whose runs are to be started."""
        if request.get("boot", self.boot) != self.boot:
            # Meant for an earlier run of this slave (rule another-boot).
            reason = "was restarted in the meantime"
            refused = [answer_to(each["attempt"], "unwilling", reason) for each in request["offers"]]
            return refused, []
        taken = []
        return [self.answer_one(offer, taken) for offer in request["offers"]], taken

    def answer_one(self, offer, taken):
        attempt = offer["attempt"]
        earlier = self.attempts.earlier_answer(attempt)
        if earlier:
            return earlier
        refusal = self.refusal(offer)
        if refusal:
            answer, reason = refusal
            self.owes_notice |= answer in ("busy", "unwilling")
            return self.attempts.remember(answer_to(attempt, answer, reason))
        taken.append(offer)
        return self.attempts.take(attempt, offer["task"])

    def refusal(self, offer):
        """The answer and its reason; None when the slave takes the offer."""
        if offer["kind"] not in self.kinds:
            return "unable", f'does not offer "{offer["kind"]}"'
        why = self.unable(offer)
        if why:
            return "unable", why
        if offer.get("keep", "master") != "master":
            return "unable", "keeps no files for other slaves"
        if self.mode != "accepting":
            return self.mode, self.mode_reason
        if self.outbox_is_full():
            return "unwilling", self.outbox_reason()
        if self.is_busy():
            return "busy", self.busy_reason()
        return None

    def drain(self, reason):
        """Takes nothing new from now on (rule drains)."""
        self.mode, self.mode_reason = "draining", reason
        self.attempts.changed()
        self.owes_notice = True

    def notice_is_due(self):
        """Whether to send a heartbeat now: it refused an offer, and would not refuse the next one for
        the same reason."""
        full = self.is_busy() or self.outbox_is_full()
        return self.owes_notice and not (self.mode == "accepting" and full)

    def notice_sent(self):
        """The heartbeat that was due is sent now."""
        self.owes_notice = False
