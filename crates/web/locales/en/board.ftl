
# The board and a casualty.

board = Board
nav-board = Board
help-board = The board shows everybody who is here and has not left, the worst first. A thick edge means that somebody has waited longer than they should.
board-after = After the event
board-counts = How many of each colour
board-empty = Nobody is on the board.
board-late = late
board-hidden =
    { $n ->
        [zero] Nobody else.
        [one] One more, whom the page does not hold.
        [two] { $count } more, whom the page does not hold.
        [few] { $count } more, whom the page does not hold.
        [many] { $count } more, whom the page does not hold.
       *[other] { $count } more, whom the page does not hold.
    }
board-tag = Tag { $tag }
board-unidentified = Unidentified { $number }
board-tag-worn = Another casualty here wears this tag now.
board-tag-open = Open their page
board-tag-other = It is somebody else with the same number
waited-minutes =
    { $n ->
       *[other] { $count } min
    }
waited-hours =
    { $n ->
       *[other] { $count } h
    }
waited-days =
    { $n ->
       *[other] { $count } d
    }
event-open = Mass-casualty event
event-begin = Begin a mass-casualty event
event-close = End the mass-casualty event
event-close-means = The casualties stay on the board. The end is written down, and the times are worked out after it.
event-name = A name, if you like; not a place
casualty = Casualty
casualty-new = New casualty
help-casualty-new = A colour alone puts a casualty on the board; press it. The tag and everything else can wait.
help-casualty = Where they are, with whom and what comes next is written here, and nobody erases what somebody else writes at the same time. “Triage again” changes the colour and keeps the one before.
help-triage = Press the colour, or walk through the table question by question. Every triage is kept with its time and reason.
casualty-more = More, if there is time
optional = optional
tag = Triage tag
scan-tag = Photograph the tag
sex = Sex
age-about-label = Age, even about: 30, 18 months
place = Place
complaint = What is wrong
team = Team
next-step = Next step
destination = Destination
where-now = Where, and with whom
save = Save
first-contact = Seen by a clinician now
allergy = Allergy
decontamination = Decontamination
decontamination-needed = Needs decontamination
decontamination-done = Decontaminated
dead-on-arrival = Dead on arrival
triage-colour = Colour
triage-step-by-step = Or question by question
triage-again = Triage again
triage-take = Save this colour
triage-other = Another colour, with the reason
triage-reason = Why not what the table says
triage-back = One question back
triage-why = How the colour was found
triage-history = Triage, newest first
triage-instead = The table says: { $colour }
triage-review = High-risk vital signs: call a senior clinician now, who may raise the colour.
triage-unverified = No clinician has verified this table yet. Source: { $source }
triage-no-tool = Choose the table first.
triage-unfinished = The questions are not at their end; answer the rest.
triage-no-reason = This is not the table’s colour; write why.
open-chart = Chart
stay-arrived = arrived, not sorted
stay-triaged = sorted, waiting
stay-in-progress = seen
stay-onleave = away for a while
stay-finished = over
stay-unknown = another state
leave = End the stay
leave-how = How
leave-how-missing = Choose how the stay ended.
leave-cause = Cause of death, if they died
leave-follow-up = Follow-up: when and where
leave-back = It was a mistake: back to the board
leave-said = { $how }, { $time }
leave-not-a-stay = This is no stay that could be ended.
leave-over = This stay is over already.
leave-before-start = A stay cannot end before it began; check this device’s clock.
leave-cause-without-death = A cause of death is written for a death only.
input-empty = Write something here.
input-letters = There are letters that cannot be seen or that turn the line around; write it again.
input-not-a-number = Write a number, such as 30 or ٣٠.
input-ambiguous = The comma may mean two things here; write the number without it.
input-too-small = Less than is possible; check it.
input-too-large = More than is possible; check it.
input-unit = A unit that is not known here.
input-not-a-date = Write a whole date, such as 2018-02-20 or 2018.
input-no-such-day = No calendar has such a day.
input-in-future = This date is still to come.
input-too-long-ago = This date is longer ago than possible.
left-home = Discharged home
left-follow-up = Discharged with follow-up
left-against-advice = Left against advice
left-transferred = Transferred
left-died = Died
left-dead-on-arrival = Dead on arrival
left-unknown = The stay is over
scan-photo = Take a photo of the tag’s square code
scan-typed = Or type its number
scan-go = Find the casualty
scan-nothing = Take a photo of the tag, or type its number.
scan-unreadable = No tag can be read in this photo; go closer, hold it straight, or type the number.
scan-several = There is more than one tag in this photo; take one alone.
help-scan = A tag that somebody on the board wears opens their page; any other begins a new casualty with it. The photo is read here and not kept.
capacity = What the sites can take
capacity-none = No site has said it yet.
capacity-state = Say what we can take
capacity-beds = beds free
capacity-theatres = operating tables free
capacity-cannot = Cannot take:
capacity-old = said long ago; ask
help-capacity = What you say here is seen on the board of every site, with its time. Nothing of it is counted by the system; leave empty what you do not know.
help-after = The first colour is judged by what became of each casualty, and the times are counted from their arrival. It is there to talk about, and it blames nobody.
after-no-event = No mass-casualty event was opened; these are all stays that are written down here.
after-cut = There were more casualties than this page judges; some are left out.
after-judged = Over- and under-triage
after-judged-means = Dark: sorted too low, which is the dangerous one. Dashed: sorted too high. Operations and blood count as what saved a life.
after-contact = From arrival to first contact
after-theatre = From arrival to theatre
after-no-times = No times are written down yet.
after-count = Casualties
after-median = Median
after-three-quarters = Three quarters within
triage-first = First colour
judged-under = Too low
judged-over = Too high
