// What theory says a dispatcher that asks in order must do: pure functions, no dispatcher in them.
// Experiments and the simulator compare what was measured with these.
//
// Notation: c slaves of one slot each, S mean service time, r tasks per unit of time (Poisson),
// a = r S the offered load, d the round trip from master to slave. Shares are 0 to 1.
//
// Sources: A. K. Erlang (1917), "Solution of some problems in the theory of probabilities of
// significance in automatic telephone exchanges", for B and C; R. B. Cooper, "Introduction to
// Queueing Theory", 2nd edition (1981), sections 3.4 (C) and 3.5 (ordered hunting); L. Takacs,
// "Introduction to the Theory of Queues" (1962), for B's insensitivity to the distribution of the
// service time.

/**
 * Erlang B: the share of tasks that c slaves refuse. By the recursion B(0) = 1,
 * B(i) = a B(i-1) / (i + a B(i-1)), which only adds and divides what is positive, and so is stable.
 * Only the mean of the service time matters, not its distribution.
 */
export function erlangB(c: number, a: number): number {
  let refused = 1
  for (let i = 1; i <= c; i++) refused = (a * refused) / (i + a * refused)
  return refused
}

/** The offered load at which c (1 or more) slaves refuse the share p (0 < p < 1) of the tasks. */
export function offeredLoad(c: number, p: number): number {
  let low = 0
  let high = 1
  while (erlangB(c, high) < p) high *= 2
  for (let i = 0; i < 200 && low < high; i++) {
    const middle = (low + high) / 2
    if (middle === low || middle === high) break
    if (erlangB(c, middle) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** The load (share of time busy) of each of c slaves in order of asking: a (B(i-1) - B(i)). */
export function orderedLoads(c: number, a: number): number[] {
  const loads: number[] = []
  let refused = 1
  for (let i = 1; i <= c; i++) {
    // a (b - B(i)) with b = B(i-1) and B(i) = a b / (i + a b), put so that nothing small is lost
    // between two large ones.
    const offered = a * refused
    loads.push((offered * (i + offered - a)) / (i + offered))
    refused = offered / (i + offered)
  }
  return loads
}

/**
 * Mean number of asks per task when every slave is asked in order until one says yes: the slave
 * i + 1 is asked when the first i refuse, so it is the sum of B(i, a), i = 0 .. c-1. Tasks refused
 * by all count, with their c asks.
 */
export function meanAsks(c: number, a: number): number {
  let asks = 0
  let refused = 1
  for (let i = 1; i <= c; i++) {
    asks += refused
    refused = (a * refused) / (i + a * refused)
  }
  return asks
}

/** The same of tasks that some slave took only. Times d it is the time until a task is taken. */
export function meanAsksOfTaken(c: number, a: number): number {
  const refused = erlangB(c, a)
  return (meanAsks(c, a) - c * refused) / (1 - refused)
}

/**
 * The share refused when slaves known to be busy are skipped and each slave is thought busy for the
 * delay d longer than it serves: B(c, r (S + d)). Rates and times in one unit of time.
 */
export function refusedWithDelay(c: number, r: number, S: number, d: number): number {
  return erlangB(c, r * (S + d))
}

/** Erlang C: the share of tasks that wait when they queue instead of being refused; a < c. */
export function erlangC(c: number, a: number): number {
  if (a >= c) return 1
  const refused = erlangB(c, a)
  return refused / (1 - (a / c) * (1 - refused))
}

/** Mean wait of all tasks in the queue, those that do not wait included, in the unit of S; a < c. */
export function meanWait(c: number, a: number, S: number): number {
  return a >= c ? Number.POSITIVE_INFINITY : (erlangC(c, a) * S) / (c - a)
}

/** What `orderedSpeeds` gives. */
export type OrderedSpeeds = {
  /** Share of tasks that all slaves refuse. */
  refused: number
  /** Share of time that each slave is busy, in order of asking. */
  load: number[]
  /** Mean number of asks per task, refused ones included. */
  asks: number
}

/**
 * Slaves of different speeds asked in order, none skipped, none waiting: a slave of speed s serves
 * s tasks per mean service time, exponentially, and `tasksPerService` tasks come in that time. The
 * state is the set of busy slaves, so 2^c states, solved exactly (to rounding) for up to 12 slaves.
 *
 * Asking the first k slaves is a system of its own, whatever follows them: what slave k + 1 is
 * asked is exactly what the first k refuse. So the share that the first k refuse is that of the
 * chain of k slaves.
 */
export function orderedSpeeds(tasksPerService: number, speeds: number[]): OrderedSpeeds {
  if (speeds.length > 12) throw new RangeError('at most 12 slaves: 2^c states are solved exactly')
  const refusedBy = [1]
  for (let k = 1; k <= speeds.length; k++) {
    refusedBy.push(shareAllBusy(tasksPerService, speeds.slice(0, k)))
  }
  return {
    refused: refusedBy.at(-1) as number,
    // By flow balance: what a slave takes per service time is what it finishes, load x speed.
    load: speeds.map(
      (speed, i) =>
        (tasksPerService * ((refusedBy[i] as number) - (refusedBy[i + 1] as number))) / speed,
    ),
    asks: refusedBy.slice(0, -1).reduce((sum, share) => sum + share, 0),
  }
}

/** The stationary probability that all are busy, by Gauss-Seidel on the balance equations. */
function shareAllBusy(rate: number, speeds: number[]): number {
  const states = 2 ** speeds.length
  const full = states - 1
  const share = new Float64Array(states).fill(1 / states)
  const outflow = Float64Array.from({ length: states }, (_, state) =>
    speeds.reduce((sum, speed, i) => sum + (state & (1 << i) ? speed : 0), state < full ? rate : 0),
  )
  for (let round = 0; round < 100_000; round++) {
    let change = 0
    for (let state = 0; state < states; state++) {
      const next = inflow(state, rate, speeds, share) / (outflow[state] as number)
      change = Math.max(change, Math.abs(next - (share[state] as number)) / (next || 1))
      share[state] = next
    }
    const total = share.reduce((sum, one) => sum + one, 0)
    for (let state = 0; state < states; state++) share[state] = (share[state] as number) / total
    if (change < 1e-13) break
  }
  return share[full] as number
}

/** What flows into a state: a slave that finishes, and a task that the first idle slave takes. */
function inflow(state: number, rate: number, speeds: number[], share: Float64Array): number {
  let sum = 0
  for (let i = 0; i < speeds.length; i++) {
    const bit = 1 << i
    if (!(state & bit)) sum += (speeds[i] as number) * (share[state | bit] as number)
    // Slave i takes a task when all before it are busy.
    else if ((state & (bit - 1)) === bit - 1) sum += rate * (share[state & ~bit] as number)
  }
  return sum
}

/** Mean makespan of m equal exponential parts of mean S on m idle slaves: S (1 + 1/2 + ... + 1/m). */
export function makespan(m: number, S: number): number {
  let sum = 0
  for (let i = m; i >= 1; i--) sum += 1 / i
  return S * sum
}

/**
 * Speed-up on p slaves of work of which the share f is serial, its size fixed: 1 / (f + (1-f)/p).
 * G. M. Amdahl, AFIPS 1967.
 */
export function amdahl(f: number, p: number): number {
  return 1 / (f + (1 - f) / p)
}

/**
 * Scaled speed-up on p slaves when the share f of the parallel run is serial and the work grows with
 * p: p - f (p - 1). J. L. Gustafson, Communications of the ACM 31(5), 1988.
 */
export function gustafson(f: number, p: number): number {
  return p - f * (p - 1)
}

/**
 * The serial share that a measured speed-up on p (2 or more) slaves tells of:
 * (1/speedup - 1/p) / (1 - 1/p). Flat over p when the rest is truly serial, rising when it is
 * overhead. A. H. Karp, H. P. Flatt, Communications of the ACM 33(5), 1990.
 */
export function karpFlatt(speedup: number, p: number): number {
  return (1 / speedup - 1 / p) / (1 - 1 / p)
}

/**
 * Mean time from arrival to result, in mean service times, with exponential service at load `load`
 * per slave (0 to 1, 1 excluded) when a task goes to a slave chosen at random and waits there: M/M/1.
 */
export function responseRandom(load: number): number {
  return 1 / (1 - load)
}

/**
 * The same when it goes to the shorter queue of two slaves chosen at random, as c grows without
 * limit: the sum of load^(2^i - 2), i = 1, 2, ... M. Mitzenmacher, "The Power of Two Choices in
 * Randomized Load Balancing", IEEE Transactions on Parallel and Distributed Systems 12(10), 2001.
 */
export function responseTwoChoices(load: number): number {
  let sum = 0
  for (let i = 1, term = 1; term > 1e-18; i++) {
    sum += term
    term = load ** (2 ** (i + 1) - 2)
  }
  return sum
}

/** The same when it waits in one queue at the master for the first free of c slaves: M/M/c. */
export function responseQueued(c: number, load: number): number {
  return 1 + meanWait(c, load * c, 1)
}
