
# Vital signs and fluids, and what is said of a number that was typed wrong.

vitals = Vital signs
help-vitals = Write what you have measured now and leave the rest empty, for all that you write is saved together. An unusual value is taken once you confirm it, an impossible one is not.
vitals-now = Measured now
vitals-pressure = Blood pressure (mmHg)
vitals-nothing = Nothing was written; write at least one value.
vitals-unusual = { $what }: unusual, the usual is { $least } to { $most }.
vitals-sure = I measured it so, save it as it is
vitals-impossible = Only { $least } to { $most } is possible; check the number.
vitals-order = The first number is the higher one, as in 120/80.
vitals-scale = This is not a step of the scale.
vitals-coma-parts = Choose all three parts, or none.
vitals-newest = Newest values
vitals-none = Nothing is recorded yet.
vitals-value = Value
vitals-when = Time
vitals-off = unusual
vitals-over-time = Over time
vitals-left-out =
    { $n ->
        [one] One value is not drawn: its unit or time is not understood. It is in the chart.
       *[other] { $count } values are not drawn: their unit or time is not understood. They are in the chart.
    }
avpu = How awake
avpu-alert = alert
avpu-voice = responds to voice
avpu-pain = responds to pain
avpu-unresponsive = unresponsive
coma = Glasgow coma scale
coma-eye = Eyes
coma-eye-4 = open by themselves
coma-eye-3 = open to voice
coma-eye-2 = open to pain
coma-eye-1 = do not open
coma-verbal = Speech
coma-verbal-5 = oriented
coma-verbal-4 = confused
coma-verbal-3 = single words
coma-verbal-2 = sounds
coma-verbal-1 = none
coma-motor = Movement
coma-motor-6 = obeys
coma-motor-5 = localises pain
coma-motor-4 = withdraws from pain
coma-motor-3 = abnormal flexion
coma-motor-2 = extension
coma-motor-1 = none

## Fluids
fluids = Fluids in 24 hours (mL)
fluid-in = In
fluid-out = Out
fluid-net = Balance
fluid-way = Way
fluid-way-missing = Choose where it went in or out.
fluid-ml = Amount (mL)
fluid-impossible = Write 1 to 10000 mL at a time.

## For all pages at the bedside
bedside-unverified = No clinician has verified this table yet. Source: { $source }
bedside-changed = This record was changed before you saved; open the page again.
typed-empty = Write something here.
typed-nothing = Write an amount above zero.
typed-not-digits = Write digits and one decimal point only, as in 12.5 or ١٢٫٥.
typed-mixed = The number has digits of two kinds; write it in one.
typed-ambiguous = A comma before three digits can be read in two ways; write a point for decimals, and nothing for thousands.
typed-too-precise = Too many digits behind the point; six at most.
typed-too-large = More than any number that can stand here; check it.
typed-not-a-pair = Write two numbers with a stroke between them, as in 120/80.
