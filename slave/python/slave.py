#!/usr/bin/env python3
"""A slave of askfirst in Python: the example from which to write one in any language.

    python3 slave/python/slave.py --master http://127.0.0.1:8080 --name py-1 --port 9101 \
        --slots 2 --data DIR

This file is the agent: it registers, answers offers, beats, and calls back until the master has
every outcome. It computes nothing: each task runs in a child process (tasks.py), so that the agent
always answers at once, and so that a task can be killed. To offer kinds of your own, change only
tasks.py. The rules that it keeps are numbered in ../PROTOCOL.md, and named here as (rule ...).

An attempt:   offered --> running --> ended (in the outbox) --> acknowledged, forgotten
                  \\          \\
                refused    revoked         its answer is remembered, so that the same attempt
                                           offered again gets the same answer

Threads: one per HTTP connection, one per running task, one that beats, one that calls back. All
that they share is in Slave and is touched only while holding its lock. connections.py is the HTTP
server and its limits; identity.py is TLS: who this slave is, and who speaks to it.
"""

import argparse
import collections
import hashlib
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import uuid

sys.dont_write_bytecode = True  # the folder of a program is not its data

import connections  # noqa: E402
import identity as identities  # noqa: E402
import tasks  # noqa: E402

VERSION = "python-1"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
BODY_BYTES_MAX = 16 * 1024 * 1024
# Of the master: a longer one is cut, and is no answer.
ANSWER_BYTES_MAX = 4 * 1024 * 1024
RESULT_BYTES_MAX = 1024 * 1024
# No new tasks while this many outcomes wait for the master.
OUTBOX_MAX = 10_000
# The answers to this many attempts that it no longer holds are remembered.
REMEMBERED_MAX = 65_536
# One request carries at most this many outcomes.
LIST_MAX = 64
# In seconds: for a whole exchange with the master.
REQUEST_TIMEOUT = 5
REST_MIN, REST_MAX = 0.1, 5
REGISTER_AGAIN_MIN, REGISTER_AGAIN_MAX = 0.25, 5


def log(words):
    print(words, file=sys.stderr, flush=True)


# ---------------------------------------------------------------------------------- the messages


TYPES = {401: "unauthorized", 403: "forbidden", 404: "not-found", 413: "body-too-large"}


class Invalid(Exception):
    """A message that is not what the protocol says: the answer is a 4xx, and nothing changes."""

    def __init__(self, detail, status=400, title="The request is not what the schema asks for."):
        super().__init__(detail)
        self.status = status
        self.title = title


def is_integer(value):
    """JSON knows no integers: 1.0 is one. And in Python a bool is an int, which JSON's is not."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and value == value // 1


def check_offers(body):
    """Looks at the whole list before any of it is taken (rule malformed)."""
    if not isinstance(body, dict):
        raise Invalid("body must be an object")
    offers = body.get("offers")
    if not isinstance(offers, list) or not offers:
        raise Invalid("offers must be a list of at least one")
    if "boot" in body and not is_id(body["boot"]):
        raise Invalid("boot must be a string of 1 to 128 characters")
    for i, offer in enumerate(offers):
        if not isinstance(offer, dict):
            raise Invalid(f"offers.{i} must be an object")
        for field in ("attempt", "task"):
            if not is_id(offer.get(field)):
                raise Invalid(f"offers.{i}.{field} must be a string of 1 to 128 characters")
        if not isinstance(offer.get("kind"), str) or not NAME.match(offer["kind"]):
            raise Invalid(f"offers.{i}.kind must be a name")
        if "input" not in offer:
            raise Invalid(f"offers.{i}.input is missing")
        if not is_integer(offer.get("runLimitMs")) or offer["runLimitMs"] < 1:
            raise Invalid(f"offers.{i}.runLimitMs must be an integer of at least 1")
        if not isinstance(offer.get("files", []), list):
            raise Invalid(f"offers.{i}.files must be a list")
    return body


def check_revoke(body):
    attempts = body.get("attempts") if isinstance(body, dict) else None
    if not isinstance(attempts, list) or not attempts or not all(map(is_id, attempts)):
        raise Invalid("attempts must be a list of at least one id")
    return attempts


def is_id(value):
    return isinstance(value, str) and 1 <= len(value) <= 128


# ------------------------------------------------------------------------------------- the outbox


class Outbox:
    """Outcomes that the master has not acknowledged: one small file each, synced before anybody
    hears of it, so that a result outlives the process (rule kept-outbox)."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)

    def path(self, attempt):
        digest = hashlib.sha256(attempt.encode("utf-8", "surrogatepass"))
        return os.path.join(self.folder, digest.hexdigest() + ".json")

    def keep(self, callback):
        path = self.path(callback["attempt"])
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(tasks.write_json(callback))
            file.flush()
            os.fsync(file.fileno())
        os.replace(path + ".new", path)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def drop(self, attempt):
        try:
            os.remove(self.path(attempt))
        except FileNotFoundError:
            pass

    def kept(self):
        """What an earlier run of this slave left behind."""
        callbacks = []
        for name in sorted(os.listdir(self.folder)):
            if not name.endswith(".json"):
                continue
            try:
                with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                    callbacks.append(json.load(file, **tasks.NUMBERS))
            except ValueError:
                log(f"{name} in {self.folder} is damaged, and left alone")
        return callbacks


# -------------------------------------------------------------------------------------- the slave


class Run:
    """A task that this slave has taken and that has not ended."""

    def __init__(self, offer):
        self.offer = offer
        self.attempt = offer["attempt"]
        self.process = None
        self.revoked = False


class Slave:
    def __init__(self, given, url, identity):
        self.name = given.name
        self.identity = identity
        self.master = identity.master if identity else given.master.rstrip("/")
        self.url = url
        self.hostname = urllib.parse.urlsplit(url).hostname
        self.slots = given.slots
        self.kinds = tasks.kinds()
        # A new name for every run of this process (rule new-boot): nothing said to an earlier run
        # can be taken for something said to this one.
        self.boot = str(uuid.uuid4())
        # The master as it names itself in its replies; None until it has.
        self.master_id = None
        self.visited = False
        data = os.path.abspath(given.data)
        self.outbox = Outbox(os.path.join(data, "outbox"))
        self.folder = os.path.join(data, "work")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)

        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.generation = 0
        self.mode = "accepting"
        self.mode_reason = ""
        self.running = {}
        self.ended = {callback["attempt"]: callback for callback in self.outbox.kept()}
        self.answered = collections.OrderedDict()
        # Somebody was refused: the master hears at once when there is room again (rule notice).
        self.owes_notice = False
        self.failures = 0
        self.rest_until = 0.0
        self.closed = False

    # What it says of itself. The caller holds the lock.

    def state(self):
        full = len(self.ended) >= OUTBOX_MAX
        reason = ""
        if self.mode != "accepting":
            reason = self.mode_reason
        elif full:
            reason = self.outbox_reason()
        elif len(self.running) >= self.slots:
            reason = self.busy_reason()
        return {
            "slave": self.name,
            "boot": self.boot,
            "generation": self.generation,
            "slots": self.slots,
            "free": self.slots - len(self.running),
            "mode": "unwilling" if self.mode == "accepting" and full else self.mode,
            "reason": reason,
        }

    def card(self):
        return {
            "name": self.name,
            "boot": self.boot,
            "version": VERSION,
            "kinds": self.kinds,
            "tags": ["python"],
            "slots": self.slots,
        }

    def held(self):
        """Everything it has: running, and ended but not acknowledged (rule lists)."""
        running = [(run.attempt, run.offer["task"], "running") for run in self.running.values()]
        ended = [(each["attempt"], each["task"], "ended") for each in self.ended.values()]
        keys = ("attempt", "task", "status")
        return [dict(zip(keys, each)) for each in running + ended]

    def busy_reason(self):
        return f"running {len(self.running)} of {self.slots}"

    def outbox_reason(self):
        return f"{len(self.ended)} outcomes wait for the master, which does not answer"

    # What it is asked.

    def availability(self):
        with self.lock:
            state = self.state()
        available = state["mode"] == "accepting" and state["free"] > 0
        message = "I am available." if available else "I am not available."
        return {"available": available, "message": message, **state}

    def attempts(self):
        with self.lock:
            # Whoever asks may be its master, just started: then it need not wait to register.
            self.visited = True
            self.changed.notify_all()
            said = {"card": self.card(), "state": self.state(), "attempts": self.held()}
            return {**said, "reportsTo": self.reports_to()}

    def reports_to(self):
        """A master that is named here is one that hears the outcomes (see "Whom it reports to")."""
        parts = urllib.parse.urlsplit(self.master)
        url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        return [{"url": url, **({"master": self.master_id} if self.master_id else {})}]

    def offer(self, request):
        """Takes or refuses each offer, in one step: nobody can come between (rule slots)."""
        with self.lock:
            if request.get("boot", self.boot) != self.boot:
                answers = [self.refuse_as_another(offer) for offer in request["offers"]]
            else:
                answers = [self.answer(offer) for offer in request["offers"]]
            return {"state": self.state(), "answers": answers}

    def refuse_as_another(self, offer):
        reason = "has been started anew meanwhile"
        return {"attempt": offer["attempt"], "answer": "unwilling", "reason": reason}

    def answer(self, offer):
        attempt = offer["attempt"]
        taken = {"attempt": attempt, "answer": "taken", "reason": ""}
        # The same attempt again: the same answer, and it runs once (rule same-answer).
        if attempt in self.answered:
            return self.answered[attempt]
        if attempt in self.running or attempt in self.ended:
            return taken
        refusal = self.refusal(offer)
        if refusal:
            answer, reason = refusal
            self.owes_notice |= answer in ("busy", "unwilling")
            return self.remember({"attempt": attempt, "answer": answer, "reason": reason})
        self.generation += 1
        run = self.running[attempt] = Run(offer)
        threading.Thread(target=self.run, args=(run,), daemon=True).start()
        return taken

    def refusal(self, offer):
        if offer["kind"] not in self.kinds:
            return "unable", f'does not offer "{offer["kind"]}"'
        if offer.get("keep", "master") != "master":
            return "unable", "keeps no files for other slaves"
        if self.mode != "accepting":
            return self.mode, self.mode_reason
        if len(self.ended) >= OUTBOX_MAX:
            return "unwilling", self.outbox_reason()
        if len(self.running) >= self.slots:
            return "busy", self.busy_reason()
        return None

    def remember(self, answer):
        self.answered[answer["attempt"]] = answer
        if len(self.answered) > REMEMBERED_MAX:
            self.answered.popitem(last=False)
        return answer

    def revoke(self, attempts):
        """Drops these attempts, and never takes them (rules revoke, revoke-first). One that has
        ended stays until it is acknowledged."""
        with self.lock:
            for attempt in attempts:
                run = self.running.pop(attempt, None)
                if run:
                    self.generation += 1
                    run.revoked = True
                    if run.process:
                        run.process.kill()
                elif attempt in self.ended:
                    continue
                reason = "called back by the master"
                self.remember({"attempt": attempt, "answer": "revoked", "reason": reason})
            self.changed.notify_all()
            return {"state": self.state()}

    def drain(self, reason, seconds):
        """Takes nothing new; returns when nothing runs and every outcome is acknowledged."""
        with self.lock:
            self.mode, self.mode_reason = "draining", reason
            self.generation += 1
            self.owes_notice = True
            self.changed.notify_all()
            self.changed.wait_for(lambda: not self.running and not self.ended, seconds)

    # Running.

    def run(self, run):
        """Runs one task in a child process, and puts its outcome into the outbox."""
        folder = None
        began = time.monotonic()
        try:
            os.makedirs(self.folder, exist_ok=True)
            folder = tempfile.mkdtemp(dir=self.folder)
            outcome = self.compute(run, folder)
        except Exception as error:  # whatever happened, the task must hear of it
            outcome = tasks.failed("executor-crashed", f"could not be run: {error}")
        finally:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
        callback = {
            "attempt": run.attempt,
            "task": run.offer["task"],
            "outcome": outcome,
            "ranMs": round((time.monotonic() - began) * 1000, 3),
        }
        if not run.revoked:
            self.keep(callback)
        with self.lock:
            if run.revoked:
                return self.outbox.drop(run.attempt)
            del self.running[run.attempt]
            self.ended[run.attempt] = callback
            self.generation += 1
            self.changed.notify_all()

    def compute(self, run, folder):
        process = subprocess.Popen(
            [sys.executable, os.path.abspath(tasks.__file__)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            start_new_session=True,
        )
        over = threading.Event()
        limit_ms = int(run.offer["runLimitMs"])
        timer = threading.Timer(
            min(limit_ms / 1000, threading.TIMEOUT_MAX),
            lambda: (over.set(), process.kill()),
        )
        timer.daemon = True
        timer.start()
        with self.lock:
            run.process = process
            if run.revoked:
                process.kill()
        try:
            folder = self.identity.folder if self.identity else None
            order = {"master": self.master, "identity": folder, "url": self.url, "offer": run.offer}
            process.stdin.write(tasks.write_json(order).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline(RESULT_BYTES_MAX + 1)
        except BrokenPipeError:
            line = b""
        finally:
            timer.cancel()
            process.kill()
            status = process.wait()
            process.stdout.close()
            try:
                process.stdin.close()
            except BrokenPipeError:
                pass
        if line.endswith(b"\n"):
            return json.loads(line, **tasks.NUMBERS)
        if over.is_set():
            return tasks.failed("time-limit", f"ran longer than its limit of {limit_ms} ms")
        if len(line) > RESULT_BYTES_MAX:
            return tasks.failed("result-too-large", f"more than {RESULT_BYTES_MAX} bytes")
        return tasks.failed("executor-crashed", f"its process ended with status {status}")

    def keep(self, callback):
        try:
            self.outbox.keep(callback)
        except OSError as error:
            log(f"an outcome cannot be kept on disk, only in memory: {error}")

    # Speaking to the master.

    def call(self, method, path, body=None):
        """One request to the master; gives the parsed answer. Raises OSError, HTTPException, or
        tasks.Refused when the answer is no success."""
        text = None if body is None else tasks.write_json(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        with identities.connect(self.master, REQUEST_TIMEOUT, self.identity) as connection:
            connection.request(method, tasks.path_of(self.master) + path, text, headers)
            answer = connection.getresponse()
            said = answer.read(ANSWER_BYTES_MAX)
            if answer.status >= 300:
                raise tasks.Refused(answer.status, said)
            return json.loads(said)

    def speak(self):
        """Registers, then beats, for as long as the process lives."""
        interval = None
        rest = REGISTER_AGAIN_MIN
        while not self.closed:
            if interval is None:
                try:
                    interval = self.register()
                    rest = REGISTER_AGAIN_MIN
                    log(f"registered with {self.master}")
                except Exception as error:
                    log(f"not registered yet: {error}")
                    self.rest_before_registering(rest * random.uniform(1, 1.1))
                    rest = min(rest * 2, REGISTER_AGAIN_MAX)
                    continue
            # A beat comes up to a tenth earlier or later, so that many slaves do not beat at once.
            with self.lock:
                self.changed.wait_for(self.notice_is_due, interval * random.uniform(0.9, 1.1))
                self.owes_notice = self.owes_notice and not self.notice_is_due()
            try:
                if self.beat():
                    interval = None
            except Exception as error:
                log(f"the master did not answer a heartbeat: {error}")

    def rest_before_registering(self, seconds):
        """Shorter when it is asked meanwhile, but never shorter than the first pause."""
        time.sleep(REGISTER_AGAIN_MIN)
        with self.lock:
            self.visited = False
            self.changed.wait_for(lambda: self.visited, max(0, seconds - REGISTER_AGAIN_MIN))

    def notice_is_due(self):
        full = len(self.running) >= self.slots or len(self.ended) >= OUTBOX_MAX
        return self.owes_notice and not (self.mode == "accepting" and full)

    def register(self):
        with self.lock:
            registration = {**self.card(), "url": self.url}
        reply = self.call("POST", "/slaves", registration)
        self.master_id = reply.get("master", self.master_id)
        self.wake()
        return reply["heartbeatMs"] / 1000

    def beat(self):
        """One heartbeat. Whether the master wants it to register again."""
        with self.lock:
            heartbeat = {"state": self.state(), "attempts": self.held()}
        reply = self.call("POST", f"/slaves/{self.name}/heartbeat", heartbeat)
        self.master_id = reply.get("master", self.master_id)
        self.wake()
        if reply["revoke"]:
            self.revoke(reply["revoke"])
        return reply["register"]

    def close(self):
        """Kills what still runs."""
        with self.lock:
            for run in self.running.values():
                run.revoked = True
                if run.process:
                    run.process.kill()

    def leave(self):
        self.call("DELETE", f"/slaves/{self.name}?boot={urllib.parse.quote(self.boot)}")

    def renew(self):
        """Renews its certificate in time, for as long as the process lives."""
        while not self.closed:
            time.sleep(self.identity.look_again_after())
            if not self.identity.renewal_is_due():
                continue
            try:
                self.identity.renew()
                log("the certificate is renewed")
            except Exception as error:
                log(f"the certificate is not renewed yet: {error}")

    # Calling back.

    def wake(self):
        """The master has just been heard: what it did not take may be tried again now."""
        with self.lock:
            self.failures = 0
            self.rest_until = 0.0
            self.changed.notify_all()

    def deliver(self):
        """Repeats every outcome until the master acknowledges it (rules repeats, rests)."""
        list_max = LIST_MAX
        while not self.closed:
            with self.lock:
                while not self.ended or self.rest_until > time.monotonic():
                    rest = self.rest_until - time.monotonic()
                    self.changed.wait(rest if self.ended else None)
                callbacks = list(itertools.islice(self.ended.values(), list_max))
                request = {"state": self.state(), "callbacks": callbacks}
            try:
                reply = self.call("POST", "/callbacks", request)
                self.acknowledge(callbacks, reply["acknowledged"])
                list_max = LIST_MAX
            except tasks.Refused as refused:
                # The master has read it and will never take it: shorter lists find the one at
                # fault, and its task hears why (rule refused-outcome).
                if refused.status in (400, 413, 422):
                    if len(callbacks) > 1:
                        list_max = len(callbacks) // 2
                        continue
                    words = f"the master does not take the outcome: {refused}"
                    callbacks[0]["outcome"] = tasks.failed("evaluation", words)
                    self.keep(callbacks[0])
                self.rest()
            except Exception as error:
                log(f"the master did not take {len(callbacks)} outcomes: {error}")
                self.rest()

    def acknowledge(self, callbacks, attempts):
        """Settled for good: never sent again, and no longer listed (rule acknowledged)."""
        with self.lock:
            for attempt in attempts:
                if self.ended.pop(attempt, None):
                    self.generation += 1
                    self.remember({"attempt": attempt, "answer": "taken", "reason": ""})
                    self.outbox.drop(attempt)
                    self.failures = 0
            self.changed.notify_all()
        if any(callback["attempt"] not in attempts for callback in callbacks):
            self.rest()

    def rest(self):
        with self.lock:
            seconds = min(REST_MAX, REST_MIN * 2 ** min(self.failures, 10))
            self.failures += 1
            self.rest_until = time.monotonic() + seconds * random.uniform(0.5, 1.5)


# ------------------------------------------------------------------------------------ the server


class Server(connections.Server):
    slave = None


FORBIDDEN = "Who asks is known, and may not do this."
# Names that end so nobody can register.
PRIVATE = ("localhost", "local", "lan", "internal", "home", "corp", "arpa", "localdomain")


def is_private(name):
    """Whether it is an address, or a name that no other site can have."""
    if re.fullmatch(r"[0-9a-f]*:[0-9a-f:.]*|[0-9]{1,3}(\.[0-9]{1,3}){3}", name):
        return True
    labels = name.split(".")
    return name != "" and (len(labels) == 1 or labels[-1] in PRIVATE)


# Whoever knows the way may ask these; all else is for the master, where there are identities.
OPEN = ("/availability", "/healthz")


class Handler(connections.Handler):
    def do_GET(self):
        slave = self.server.slave
        routes = {
            "/availability": slave.availability,
            "/attempts": slave.attempts,
            "/healthz": lambda: {"status": "up"},
        }
        self.respond(routes, lambda run, _body: run())

    def do_POST(self):
        slave = self.server.slave
        routes = {
            "/offers": lambda body: slave.offer(check_offers(body)),
            "/attempts/revoke": lambda body: slave.revoke(check_revoke(body)),
        }
        self.respond(routes, lambda run, body: run(read_json(self.headers, body)))

    def route(self, routes):
        path = self.path.split("?")[0]
        if self.server.context is None:
            self.keep_pages_out()
        elif path not in OPEN:
            self.assert_master()
        if path not in routes:
            raise Invalid(f"there is no {self.command} {path}", 404, "There is nothing here.")
        return routes[path]

    def assert_master(self):
        peer = identities.role_of(self.connection)
        if peer is None:
            self.close_connection = True
            title = "Who asks is not known here."
            raise Invalid("this is for a master of this cluster, by its certificate", 401, title)
        if peer[0] != "master":
            raise Invalid(f"this is for a master, not for {peer[1]}", 403, FORBIDDEN)

    def keep_pages_out(self):
        """Where nobody is asked who they are, a browser reaches this for the pages of everybody: they
        say an Origin, or a name of their own that was rebound to this address."""
        host = self.headers.get("Host", "")  # browsers say one; a health check by HTTP/1.0 need not
        name = re.sub(r":[0-9]{1,5}$", "", host).strip("[]").lower()
        if host and not is_private(name) and name != self.server.slave.hostname:
            raise Invalid(f"{host} could be anybody's name: see --advertise", 403, FORBIDDEN)
        site = self.headers.get("Sec-Fetch-Site")
        if "Origin" in self.headers or site in ("cross-site", "same-site"):
            raise Invalid("a page may not ask this here", 403, FORBIDDEN)

    def respond(self, routes, answer):
        whole = False
        try:
            run = self.route(routes)  # first: nothing is read for somebody who may not ask
            body = self.read_body()
            whole = True
            self.complete()
            self.send(200, "application/json", answer(run, body))
        except Invalid as invalid:
            self.close_connection |= not whole
            problem = {"title": invalid.title, "status": invalid.status, "detail": str(invalid)}
            kind = TYPES.get(invalid.status, "invalid-request")
            self.send(invalid.status, "application/problem+json", {"type": kind, **problem})

    def read_body(self):
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,12}", length):
            self.close_connection = True
            raise Invalid("say Content-Length", 411, "The length is not known.")
        if int(length) > BODY_BYTES_MAX:
            self.close_connection = True
            raise Invalid(f"at most {BODY_BYTES_MAX} bytes", 413, "The body is too large.")
        return self.rfile.read(int(length))

    def send(self, status, kind, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def read_json(headers, body):
    if headers.get_content_type() != "application/json":
        raise Invalid("send application/json", 415, "The body must be application/json.")
    try:
        return json.loads(body.decode("utf-8"), parse_constant=not_json, **tasks.NUMBERS)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the body is not valid JSON in UTF-8: {error}") from error


def not_json(word):
    raise ValueError(f"{word} is not JSON")


# ---------------------------------------------------------------------------------- the process


def arguments():
    parser = argparse.ArgumentParser(description="a slave of askfirst, in Python")
    parser.add_argument("--master", default="http://127.0.0.1:8080", help="URL of the master")
    parser.add_argument("--name", default="python-1", help="unique at its master")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=9101, help="0 takes any that is free")
    parser.add_argument("--advertise", help="URL at which the master reaches this slave")
    parser.add_argument("--slots", type=int, default=os.cpu_count(), help="tasks at a time")
    parser.add_argument("--data", required=True, help="folder that keeps finished results")
    parser.add_argument("--drain-ms", type=int, default=30_000, help="patience when told to stop")
    parser.add_argument("--join-file", help="a file with a join line; or it is in ASKFIRST_JOIN")
    parser.add_argument("--insecure-no-auth", action="store_true", help="listen beyond loopback")
    given = parser.parse_args()
    if not NAME.match(given.name):
        parser.error("--name: letters, digits, '.', '_', '-', at most 64")
    if given.slots < 1:
        parser.error("--slots must be at least 1")
    if not re.match("https?://", given.master):
        parser.error("--master must be an http or https URL")
    # A secret is never among the arguments, and not for the tasks to see.
    given.join = os.environ.pop("ASKFIRST_JOIN", None)
    try:
        given.identity = identities.open_identity(
            os.path.abspath(given.data), given.name, given.join, given.join_file, log
        )
    except identities.Unusable as error:
        parser.error(str(error))
    loopback = identities.is_loopback(given.host)
    if not loopback and not given.insecure_no_auth and not given.identity:
        parser.error("--host is not loopback, and nothing checks who asks: join with a join line")
    if given.identity and (given.advertise or "https").split(":")[0] != "https":
        parser.error("--advertise must be an https URL")
    return given


def main():
    os.umask(0o077)  # inputs and results are nobody else's
    given = arguments()
    told = []

    def on_signal(number, _frame):
        if told:
            os._exit(1)  # told twice: at once
        told.append(signal.Signals(number).name)

    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), on_signal)

    server = Server((given.host, given.port), Handler)
    scheme = "http"
    if given.identity:
        server.context, scheme = given.identity.server_context(), "https"
    url = given.advertise or f"{scheme}://{given.host}:{server.server_port}"
    slave = server.slave = Slave(given, url, given.identity)
    if tasks.MISSING:
        log(tasks.MISSING)
    renew = [slave.renew] if given.identity else []
    for work in [server.serve_forever, slave.speak, slave.deliver, *renew]:
        threading.Thread(target=work, daemon=True).start()
    print(f"{given.name} listens at {url}", flush=True)

    # Not threading.Event: a signal may reach another thread than this one, and would then not wake
    # it (seen when the process was stopped and continued); and a handler must not take a lock.
    while not told:
        time.sleep(0.1)
    # Takes nothing new, finishes what it has, delivers it, says goodbye (rules drains, finishes,
    # leaves). What the master did not take stays on disk for the next run.
    slave.drain(f"told to stop by {told[0]}", given.drain_ms / 1000)
    slave.closed = True
    try:
        slave.leave()
    except Exception as error:
        log(f"the master did not hear the goodbye: {error}")
    slave.close()
    os._exit(0)


if __name__ == "__main__":
    main()
