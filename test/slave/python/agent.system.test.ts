// The agent of the Python slave when the system starts no more threads: the books stay right.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { findPython } from '../../python.ts'

const python = findPython('http.client')
const skip = python ? false : 'python3 (3.11 or later) is not installed'
const run = promisify(execFile)
const FOLDER = join(import.meta.dirname, '../../../slave/python')
/**
 * Offers four tasks to an agent with three slots, of which only the first gets a thread; its run lasts
 * until it is revoked. Prints what the agent says and holds after each step.
 */
const SCRIPT = `
import json, os, sys, threading, types
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from askfirst_slave import agent as module
from askfirst_slave.link.outbox import Outbox

revoked = threading.Event()
started = []

class Thread(threading.Thread):
    def start(self):
        if started:
            raise RuntimeError("can't start new thread")
        started.append(self)
        super().start()

class Executor:
    def compute(self, run, folder):
        revoked.wait()
        return {"status": "done", "result": None}

module.threading = types.SimpleNamespace(**{**vars(threading), "Thread": Thread})
agent = module.Agent("py-1", "boot-1", 3, ["sleep"], None, Outbox("outbox"), Executor(), "work")
steps = {}

def note(step, **said):
    state = agent.state()
    steps[step] = {
        **said,
        "free": state["free"],
        "held": [[each["attempt"], each["status"]] for each in agent.attempts.held()],
        "outbox": list(agent.outbox.all()),
        "files": len(os.listdir("outbox")),
    }

def offered(*attempts):
    offers = [
        {"attempt": each, "task": f"task of {each}", "kind": "sleep", "input": {}, "runLimitMs": 1000}
        for each in attempts
    ]
    return [each["answer"] for each in agent.offer({"offers": offers})["answers"]]

note("offered", answers=offered("a", "b", "c", "d"))
note("again", answers=offered("a", "b"))
agent.revoke(["a", "b", "c"])
note("revoked")
revoked.set()
started[0].join()
note("over")
with agent.lock:
    agent.acknowledge(["b", "c"])
note("acknowledged")
print(json.dumps(steps))
`

t.test('an attempt without a thread fails, and frees its slot', { skip }, async (t) => {
  const given = { cwd: t.testdir(), timeout: 30_000 }
  const { stdout } = await run(python as string, ['-c', SCRIPT, FOLDER], given)
  const steps = JSON.parse(stdout)
  const message = "could not be run: can't start new thread"
  const crashed = ['b', 'c'].map((attempt) => ({
    attempt,
    task: `task of ${attempt}`,
    outcome: { status: 'failed', type: 'executor-crashed', message },
    ranMs: 0,
  }))
  const ended = [
    ['b', 'ended'],
    ['c', 'ended'],
  ]
  const running = [['a', 'running'], ...ended]
  const kept = { outbox: crashed, files: 2 }
  t.same(
    steps,
    {
      offered: { answers: ['taken', 'taken', 'taken', 'busy'], free: 2, held: running, ...kept },
      again: { answers: ['taken', 'taken'], free: 2, held: running, ...kept },
      revoked: { free: 3, held: ended, ...kept },
      over: { free: 3, held: ended, ...kept },
      acknowledged: { free: 3, held: [], outbox: [], files: 0 },
    },
    'the other attempt runs, and leaves no outcome because it is revoked',
  )
})
