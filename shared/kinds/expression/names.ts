// The allow-list: every function of mathjs that an expression may call, by what a call costs (the
// formulae are in cost.ts), and every constant. What is not here cannot be named.
//
// Left out on purpose: what reads or writes code or mathjs itself (import, config, createUnit,
// evaluate, parse, compile, parser, chain, typed, help, reviver, replacer, simplify, derivative,
// rationalize, resolve, symbolicEqual, leafCount ...); what is not the same on every slave (random,
// randomInt, pickRandom); solveODE, partitionSelect (its pivots are random, and so its callbacks)
// and the classes.

const words = (text: string) => text.trim().split(/\s+/)

/** Names by class of cost. */
export const FUNCTIONS = {
  /** In proportion to the operands, or to what they broadcast to. */
  plain: words(`
    abs add addScalar arg boolean clone column compare compareNatural compareText complex
    conj count cross ctranspose cube deepEqual den diff divideScalar dotDivide dotMultiply equal
    equalScalar equalText flatten getMatrixDataType hasNumericValue im isBounded
    isFinite isInteger isNaN isNegative isNumeric isPositive isZero larger largerEq matrix
    matrixFromColumns matrixFromRows multiplyScalar not num number re rotate row sign size smaller smallerEq sparse square squeeze subset subtract subtractScalar
    to toBest trace transpose typeOf unaryMinus unaryPlus unequal unit splitUnit xor divide
    intersect distance corr kldivergence polynomialRoot bignumber`),
  /** Of BigNumbers: compares with the nearest integer, and raises 10 to a number of digits. */
  rounding: words('ceil fix floor round'),
  /** Transcendental: much work for each BigNumber. */
  heavy: words(
    'hypot rotationMatrix cbrt cos cot csc erf exp expm1 log10 log1p log2 nthRoot sec sin sqrt tan',
  ),
  /** Of a BigNumber: mathjs works with as many digits as its exponent says. */
  inverse: words(`
    acos acosh acot acoth acsc acsch asec asech asin asinh atan atan2 atanh`),
  /** Of a BigNumber: as many terms as the number says. */
  hyperbolic: words('cosh coth csch sech sinh tanh'),
  /** Quadratic in the digits of a number. */
  digits: words('bigint fraction numeric mod gcd lcm xgcd invmod bitNot bitXor string'),
  format: words('format bin oct hex'),
  print: words('print'),
  pow: words('pow dotPow'),
  log: words('log'),
  shift: words('leftShift rightArithShift rightLogShift'),
  /** Grows with the value of the arguments. */
  factorial: words('factorial gamma lgamma'),
  counting: words('combinations combinationsWithRep permutations multinomial catalan composition'),
  partitions: words('stirlingS2 bellNumbers'),
  bernoulli: words('bernoulli'),
  zeta: words('zeta'),
  isPrime: words('isPrime'),
  nthRoots: words('nthRoots'),
  /** Folds its operands into few values. */
  fold: words('sum prod cumsum max min mean std variance dot'),
  order: words('sort median mode mad'),
  quantiles: words('quantileSeq'),
  /** Makes a matrix of a size given by its arguments. */
  make: words('zeros ones'),
  identity: words('identity'),
  diag: words('diag'),
  resize: words('resize reshape'),
  range: words('range'),
  index: words('index'),
  concat: words('concat'),
  fromFunction: words('matrixFromFunction'),
  slices: words('mapSlices apply'),
  product: words('multiply'),
  kron: words('kron'),
  /** About n^3 for an n by n matrix. */
  linear: words('det inv lsolve lsolveAll usolve usolveAll lusolve lup slu qr pinv norm'),
  iterative: words('eigs expm sqrtm schur sylvester lyap'),
  fourier: words('fft ifft'),
  filters: words('freqz zpk2tf'),
  sets: words(`
    setDifference setDistinct setIntersect setIsSubset setMultiplicity setSize setSymDifference
    setUnion setCartesian`),
  powerset: words('setPowerset'),
  /** These get their arguments unevaluated. */
  lazy: words('and or bitAnd bitOr nullish map filter forEach'),
} as const
export type CostClass = keyof typeof FUNCTIONS

/** These take a text as a text. All others may read a number or a unit in it (cost-convert.ts). */
export const TAKES_TEXT: ReadonlySet<string> = new Set(
  words(`
    clone compareNatural compareText concat equalText flatten format matrix print size squeeze
    string subset transpose typeOf`),
)

/** These turn every number into a fraction, also without another fraction among the arguments. */
export const MAKES_FRACTIONS: ReadonlySet<string> = new Set(words('den fraction num numeric'))

export const CONSTANTS = words(`
  true false null undefined NaN Infinity e E pi PI tau phi i LN2 LN10 LOG2E LOG10E SQRT1_2 SQRT2
  atomicMass avogadro bohrMagneton bohrRadius boltzmann classicalElectronRadius
  conductanceQuantum coulomb coulombConstant deuteronMass efimovFactor electricConstant
  electronMass elementaryCharge faraday fermiCoupling fineStructure firstRadiation gasConstant
  gravitationConstant gravity hartreeEnergy inverseConductanceQuantum klitzing loschmidt
  magneticConstant magneticFluxQuantum molarMass molarMassC12 molarPlanckConstant molarVolume
  neutronMass nuclearMagneton planckCharge planckConstant planckLength planckMass
  planckTemperature planckTime protonMass quantumOfCirculation reducedPlanckConstant rydberg
  sackurTetrode secondRadiation speedOfLight stefanBoltzmann thomsonCrossSection
  vacuumImpedance weakMixingAngle wienDisplacement`)

/** No variable, parameter, field or key may have one of these names. */
export function isUnsafeName(name: string): boolean {
  // An executor has no `__proto__` in Object.prototype (--disable-proto=delete).
  return (
    name in Object.prototype ||
    name === '__proto__' ||
    name === 'prototype' ||
    name === 'caller' ||
    name === 'callee'
  )
}
