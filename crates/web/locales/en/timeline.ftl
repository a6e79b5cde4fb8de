# The chart: its head, everything in the order of time, and two values of which one is chosen.
timeline = Timeline
timeline-kinds = Kind of record
timeline-all = All
timeline-signs = Signs and notes
timeline-medicines = Medicines
timeline-problems = Problems and allergies
timeline-care = Stays and procedures
timeline-forms = Forms
timeline-pictures = Pictures
timeline-transfers = Transfers
timeline-person = Identity
timeline-none = No record of this kind yet.
timeline-version = version { $number }
timeline-deleted = deleted
help-timeline = Everything that was written about this person, the newest first. Touch a line to see the whole record, its versions, and who wrote each of them.
alerts = Alerts
glance = The chart in short
glance-nothing = Nothing is recorded
glance-unknown = Not known
glance-problems = Injuries and problems
glance-blood = Blood group
glance-plan = Next step
glance-transfer = Transfer under way
glance-due = { $what }: { $when }
glance-more =
    { $n ->
        [one] and one more
       *[other] and { $count } more
    }
transfer-how-far = { $state } · to { $to }
settle-title = Two values; choose one
settle-why = Each was written apart from the other. Choose the right one; the other stays among the earlier versions.
settle-this = Take this one
settle-all = Save what I chose
settle-more = More values wait for a choice
settle-back = Back to the chart
settle-none = Nothing here waits for a choice.
settle-stands = What stands now
settle-done = Somebody else settled this before you. Your choice was not saved; what stands now is below.
settle-changed = Another version has come since you opened this page. Your choice was not saved; look at the values again, then choose.
settle-unchosen = Choose a value in every place.
settle-unreadable = One of the two versions cannot be read here, so this screen cannot settle it. Both are kept as they came.
help-settle = These are two values of one thing, with who wrote each and when. Choose the right one; the other is not erased and stays among the earlier versions.
