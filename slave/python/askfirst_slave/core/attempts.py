"""The attempts of this slave. Owns what it holds, the answers that it remembers, and the generation.

    offered --> running --> ended (in the outbox) --> acknowledged, forgotten
        \\          \\
      refused    revoked         its answer is remembered, so that the same attempt
                                 gets the same answer when it is offered again

Knows ids only; the outbox has the outcomes.
"""

import collections

# Remembers the answers to this many attempts that it no longer holds.
REMEMBERED_MAX = 65_536


def answer_to(attempt, answer, reason=""):
    return {"attempt": attempt, "answer": answer, "reason": reason}


class Attempts:
    def __init__(self, kept):
        """`kept`: the attempts that an earlier run of the slave left in the outbox, with their tasks."""
        # The task of each attempt.
        self.running = {}
        self.ended = dict(kept)
        self.answered = collections.OrderedDict()
        self.generation = 0

    def changed(self):
        """What the slave holds, or its mode, has changed (rule generation)."""
        self.generation += 1

    def held(self):
        """Everything it has: running, and ended but not acknowledged (rule lists)."""
        return [
            {"attempt": attempt, "task": task, "status": status}
            for status, held in (("running", self.running), ("ended", self.ended))
            for attempt, task in held.items()
        ]

    def earlier_answer(self, attempt):
        """The answer of an attempt that was offered before (rule same-answer); None for a new one."""
        if attempt in self.answered:
            return self.answered[attempt]
        if attempt in self.running or attempt in self.ended:
            return answer_to(attempt, "taken")
        return None

    def take(self, attempt, task):
        self.changed()
        self.running[attempt] = task
        return answer_to(attempt, "taken")

    def end(self, attempt):
        """The run of this attempt has ended, and its outcome is in the outbox."""
        self.ended[attempt] = self.running.pop(attempt)
        self.changed()

    def revoke(self, attempts):
        """Drops these attempts, and never takes them (rules revoke, revoke-first); returns those that
        were running. An attempt that has ended stays until it is acknowledged (rule revoke-ended)."""
        dropped = []
        for attempt in attempts:
            if attempt in self.ended:
                continue
            if self.running.pop(attempt, None) is not None:
                self.changed()
                dropped.append(attempt)
            self.remember(answer_to(attempt, "revoked", "revoked by the master"))
        return dropped

    def acknowledge(self, attempt):
        """Forgets an attempt whose outcome the master has (rules acknowledged, generation-acknowledged);
        returns whether it was in the outbox."""
        if self.ended.pop(attempt, None) is None:
            return False
        self.changed()
        self.remember(answer_to(attempt, "taken"))
        return True

    def remember(self, answer):
        self.answered[answer["attempt"]] = answer
        if len(self.answered) > REMEMBERED_MAX:
            self.answered.popitem(last=False)
        return answer
