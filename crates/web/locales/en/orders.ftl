
# Orders, what is due of them, and allergies.

medicines = Medicines
help-medicines = Answer each dose as it is given, refused or held back, and what is answered leaves the due list. Allergies stand on top, and the same one from two sites is shown once.
allergies-none = No allergy is recorded. That does not mean that there is none.
allergy-new = Record an allergy
allergy-listed = Group or substance, from the list
allergy-typed = Or in words
allergy-reaction = What happened
allergy-danger = How dangerous
allergy-danger-missing = Choose how dangerous it is.
allergy-high = may kill
allergy-low = not dangerous
allergy-both = Choose from the list or write it, not both.
allergy-none-named = Choose what it is to, or write it.
allergy-over = over
allergy-refuted = ruled out
allergy-in-error = written by mistake
allergy-withdraw = Withdraw an allergy that is wrong
allergy-which = Which allergy
allergy-why = Why it is withdrawn
allergy-why-error = Written by mistake
allergy-why-refuted = Ruled out by a test or by asking
allergy-wrong-missing = Choose the allergy and why it is withdrawn.
allergy-withdrawn-already = This allergy was withdrawn already. Nothing was saved.
allergy-unnamed = Allergy without a name
allergy-records =
    { $n ->
        [one] One record.
       *[other] Recorded { $count } times; shown once.
    }
medicine-unnamed = Medicine without a name
orders = Current orders
orders-none = Nothing is ordered.
orders-over = Orders that are over
order-new = Order a medicine
help-order = Find the medicine in Arabic or Latin letters, then say how much and how often. A warning never forbids: read it, give your reason, and save again.
order-held = This order is halted for now.
order-resume = Go on with this order
order-not-held = This order is not on hold. Nothing was saved.
order-more =
    { $n ->
        [one] One earlier dose was never answered.
       *[other] { $count } earlier doses were never answered.
    }
order-last = Last given
order-not-before = Not again before
order-next = Next
order-elsewhere = This order does not say dose and route in words that are known here. Write what you gave as a note.
order-stop = Stop this order
order-is-over = This order is stopped or over. Nothing was saved.
order-in-spite = In spite of warnings
order-from = From
order-until = until
order-find = Which medicine
order-not-found = Nothing in the list is called that.
order-weight = Weight { $kg } kg
order-no-weight = No weight of the last two months is known.
order-dose = Dose, each time
order-unit = Unit
order-route = Route
order-often = How often
order-begin = First dose
order-begin-now = now
order-begin-hours =
    { $n ->
        [one] in an hour
       *[other] in { $count } hours
    }
order-days = For how many days; empty: until it is stopped
order-days-wrong = Write more than 0 and at most { $most } days, or nothing.
order-note = What else matters
order-save = Order it
order-choose = Choose one.
order-why = Why it is right all the same
order-sure = Check the order, and save it again if it is right.
often-once = once
often-minutes =
    { $n ->
       *[other] every { $count } minutes
    }
often-hours =
    { $n ->
        [one] every hour
       *[other] every { $count } hours
    }
often-days =
    { $n ->
        [one] once a day
       *[other] every { $count } days
    }
often-needed = when needed
often-needed-most = when needed, at most { $often }
often-unknown = it does not say how often
doses = What was given
doses-none = No dose is recorded.
dose-give = Given now
dose-not = Not given
dose-refuse = Refused
dose-hold = Held back
dose-reason = Reason
dose-reason-missing = Write the reason.
dose-answered = Somebody recorded this dose already, or it is not due. Nothing was saved.
dose-given = Given
dose-refused = Refused
dose-held = Held back
dose-stopped = Broken off
due = Due
help-due = All doses that wait, of all patients, the most overdue first. Touch one to record what became of it.
due-none = Nothing is due in the next hours.
due-now = now
due-late = { $time } late
due-missed = missed { $time } ago
due-left-out =
    { $n ->
        [one] One more dose is not shown; it lies further ahead.
       *[other] { $count } more doses are not shown; they lie further ahead.
    }
due-cut = There are more orders than this page reads ({ $count }); doses may be missing here. Each patient’s own page has them all.
warn-allergy = Allergic to this: { $what }.
warn-allergy-group = Allergic to the same group ({ $group }): { $what }.
warn-allergy-near = Allergic to a group that is near ({ $group }): { $what }.
warn-duplicate = The same medicine is ordered already: { $what }.
warn-duplicate-class = One of the same class is ordered already: { $what }.
warn-above = { $dose } is more than usual: { $least } to { $most } at a time.
warn-below = { $dose } is less than usual: { $least } to { $most } at a time.
warn-above-in-day = In a day that is more than the usual { $most }.
warn-no-weight = The usual dose goes by weight, and no recent weight is known.
warn-no-age = The usual dose goes by age, and the age is not known well enough.
warn-units = The usual dose is in { $unit } and could not be compared.
warn-route = The list does not know this route for this medicine.
warn-nothing-known = No usual dose is known here; it was compared with nothing.
