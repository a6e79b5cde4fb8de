# Every word of the screens, in English. ar.ftl has the same ids and the same variables; a test holds that.

## Frame
app = sanad
skip = Go to the content
nav = Screens
nav-overview = Overview
nav-patients = Patients
nav-conflicts = Two values
nav-sites = Sites
gauges = Gauges
only-here = Only here
not-yet-safe = Not yet safe
readable-here = Readable here
readable-at = Readable at
language = العربية
theme-night = Night
theme-day = Day
theme-auto = As the device
theme-label = Light
sign-out = Lock this screen
yes = yes
no = no
list-comma = {", "}
page-of = Page { $page } of { $pages }
page-number = Page { $page }
page-previous = Previous
page-next = Next
page-nav = Pages
back-to-patient = To the patient
all-patients = All patients
news = There is something new in what this page shows.
news-reload = Load again

## Times
times-in = Times are by this device's clock, { $zone }.
time-unknown = time not known
time-on-day = { $day }, { $time }
time-day = { $day } { $month }
time-day-year = { $day } { $year }
time-month = { $month } { $year }
month-1 = Jan
month-2 = Feb
month-3 = Mar
month-4 = Apr
month-5 = May
month-6 = Jun
month-7 = Jul
month-8 = Aug
month-9 = Sep
month-10 = Oct
month-11 = Nov
month-12 = Dec

## Overview
overview-title = Site { $site }
overview-at = as of { $time } ({ $zone })
only-here-means =
    { $n ->
        [0] Nothing would be lost if this site were destroyed now: every record is confirmed elsewhere.
        [one] { $count } record would be lost if this site were destroyed now.
       *[other] { $count } records would be lost if this site were destroyed now.
    }
policy-outside =
    { $n ->
        [one] A record is safe when { $count } other site, a haven, has confirmed it.
       *[other] A record is safe when { $count } other sites have confirmed it, at least one of them a haven.
    }
policy-anywhere =
    { $n ->
        [one] A record is safe when { $count } other site has confirmed it.
       *[other] A record is safe when { $count } other sites have confirmed it.
    }
policy-cannot = The network has too few sites for that yet: until more join, nothing is safe.
lane = Records
lane-control = Network
lane-urgent = Urgent
lane-clinical = Clinical
lane-bulk = Attachments and documents
only-here-lower = Syncing with another site lowers this number, once its receipt has come back.
readable-means =
    { $n ->
        [0] Whoever takes this device unlocked can read no chart.
        [one] Whoever takes this device unlocked now can read { $count } chart.
       *[other] Whoever takes this device unlocked now can read { $count } charts.
    }
readable-rest =
    { $n ->
        [0] Nothing is sealed here: every record held here can be read here.
        [one] { $count } more record is held here sealed: this device cannot read it.
       *[other] { $count } more records are held here sealed: this device cannot read them.
    }
legend-elsewhere = confirmed elsewhere
legend-only-here = only here
legend-readable = readable
legend-sealed = sealed, cannot be read here
sites = Sites
sites-lead = How far each site has confirmed, by its signed receipt, what is held here.
sites-alone = No other site has been let in. Whatever is saved here exists only here.
site-this = this site
site-this-holds =
    { $n ->
        [0] holds no records yet
        [one] holds { $count } record
       *[other] holds { $count } records
    }
kind-enclave = enclave
kind-haven = haven
kind-keeper = keeper
keeper-cannot-read = holds, cannot read
site-confirmed =
    { $n ->
        [0] confirmed { $time }, nothing behind
        [one] confirmed { $time }, { $count } record behind
       *[other] confirmed { $time }, { $count } records behind
    }
site-never = nothing confirmed yet: no receipt has come
site-heard = last exchange { $time }
site-not-heard = not heard directly
site-failing = no answer since { $time }: { $why }
why-no-address = no address is known for it
why-unreachable = its address cannot be reached
why-timeout = it did not answer in time
why-busy = it answered and took no session
why-not-a-site = something else answers at its address
why-wrong-certificate = another certificate than the expected one was shown; nothing was sent
why-broken-off = the link broke during the session
why-refused = one side refused the other
why-disk-refused = the disk here did not take what came
site-no-address = no address known
sites-all = All sites
syncs = Last exchanges
syncs-none = Nothing has been exchanged yet.
sync-done = received { $received }, sent { $sent }
sync-broken = broke off after { $received } received, { $sent } sent; what arrived is kept, the rest follows
sync-refused = refused: not of this network, or not let in; nothing was exchanged
sync-disk = the disk here did not take what came; nothing saved before is lost. Make room, it will be tried again
aside = Kept aside
aside-none = Nothing. Every entry that came was taken in.
aside-lost =
    { $n ->
        [one] { $count } entry is damaged on this disk
       *[other] { $count } entries are damaged on this disk
    }
aside-lost-means = It counts as not held and is asked of the other sites again. Sync with one that holds it, and tell the technician: the disk may be failing.
aside-damaged =
    { $n ->
        [one] { $count } record of a damaged entry
       *[other] { $count } records of damaged entries
    }
aside-damaged-means = It was shown here until its entry was damaged, and is kept as it was shown. It leaves this list once another site has brought the entry; if nobody holds it any more, it can be taken in.
aside-all = All of it, with its reasons
aside-strangers =
    { $n ->
        [one] { $count } entry is of an author not known here
       *[other] { $count } entries are of authors not known here
    }
aside-strangers-means = Nobody has said yet that they belong to the network. They are kept and passed on, and are taken in by themselves once the enrolment comes.
aside-refused =
    { $n ->
        [one] { $count } entry was refused
       *[other] { $count } entries were refused
    }
aside-refused-means = The signature or the content did not match. It is kept and named; everything else goes on.
aside-forks =
    { $n ->
        [one] { $count } fork
       *[other] { $count } forks
    }
aside-forks-means = One device wrote two different entries in the same place: it may have been copied or restored. Both are kept and readable. Tell the technician.
aside-unreadable =
    { $n ->
        [one] { $count } entry cannot be read
       *[other] { $count } entries cannot be read
    }
aside-unreadable-means = It opened, but its content is damaged or newer than this version. It is kept and passed on.

## Patients
patients = Patients
search-label = Find a patient
search-hint = Name in Arabic or Latin letters, tag, or number. What you type never appears in the address.
search-button = Find
search-clear = Show all
search-gone = That search is no longer kept. Type it again.
patients-count =
    { $n ->
        [0] No patients can be read here yet.
        [one] { $count } patient
       *[other] { $count } patients
    }
found-count =
    { $n ->
        [0] Nobody found.
        [one] { $count } patient found
       *[other] { $count } patients found
    }
found-many = Many patients found. Add letters, the father’s name or the tag.
found-none-next = Try fewer letters, another spelling, or the tag. A patient whose chart is sealed here cannot be found by name.
patients-none-next = Patients appear here once a record is saved, imported or received.
patient-unnamed = Unidentified
patient-dead = died
sex-male = male
sex-female = female
sex-other = other
sex-unknown = sex not known
age-about =
    { $n ->
        [one] about { $count } year
       *[other] about { $count } years
    }
age-infant = under 1 year
chip-conflicts =
    { $n ->
        [one] two values
       *[other] two values: { $count }
    }
chip-conflict = two values

## One patient
patient-title = Patient
patient-only-here =
    { $n ->
        [0] Nothing of this chart exists only here.
        [one] { $count } record of this chart would be lost with this site.
       *[other] { $count } records of this chart would be lost with this site.
    }
where-is = Where is this record?
place-confirmed = confirmed; its newest receipt came { $time }
place-partly = confirmed in part ({ $part } entries); its newest receipt came { $time } and does not speak of the rest
place-part = { $part } of { $all }
place-not-yet = not confirmed: its newest receipt came { $time } and does not speak of this
place-never-heard = not confirmed: no receipt of this site has ever come
place-told-by = the receipt was brought by { $site }
place-talked = last finished exchange { $time }
place-only-through = known through others alone
place-under-way = left with a carrier { $time }: { $entries } entries; until it reports back they count as not there
place-readable = the key was granted to it: it can read what it holds of this
place-partly-readable = keys to a part were granted to it
place-sealed = sealed to it: it may hold this and cannot read it
patient-readable-none = No site can read this chart.
patient-merged-from = Merged from
allergies = Allergies
group-all =
    { $n ->
        [one] Show { $count }
       *[other] Show all { $count }
    }
group-empty = Nothing more has been saved about this patient.
no-date = no date
untitled = no description

## One resource
resource-says = What it says
patient-identity = Full identity
resource-deleted = This was deleted. Its versions remain.
resource-too-long = The list is too long to show whole. The rest is in the raw text.
resource-raw = As it is kept (JSON)
resource-raw-cut = The text is too long to show whole. An export has all of it.
versions = Versions
version = Version
version-current = current
version-deletes = deleted
version-by = { $author } · { $site }
version-unsigned = not said who
version-from = after
version-first = first
version-apart =
    { $n ->
        [one] { $count } version stands
       *[other] { $count } versions stand side by side
    }
version-older = This is one version as it was written. It may not be the current one.
version-to-current = To the current one
conflict-choose = Two values; choose one
conflict-count =
    { $n ->
        [one] Two values in { $count } place
       *[other] Two values in { $count } places
    }
conflict-why = Two people changed the same thing apart. Both values are kept; a clinician decides.
conflict-removed-elsewhere = One side removed this, the other kept or changed it. It is kept.
conflict-deleted-elsewhere = One side deleted the whole record, the other changed it. It is kept.
conflict-unreadable = One side could not be read as a record. Both are kept as they came.
conflict-removed = removed
conflicts = Two values
conflicts-none = Nothing waits for a choice. Every change made apart has merged.
conflicts-lead =
    { $n ->
        [0] Nothing waits for a choice.
        [one] { $count } record waits for a clinician's choice. Both values are kept.
       *[other] { $count } records wait for a clinician's choice. Both values are kept.
    }

## Sign in
sign-in = Open this screen
sign-in-lead = Type the eight digits that this site showed when it was started.
sign-in-code = Screen code
sign-in-button = Open
sign-in-wrong = The code was not right. Nothing was opened. Look at the site's own screen and type it again.
sign-in-wait =
    { $n ->
        [one] Too many wrong codes. Nothing was opened. Wait { $count } second, then type the code again.
       *[other] Too many wrong codes. Nothing was opened. Wait { $count } seconds, then type the code again.
    }
sign-in-plain = This connection is not encrypted. Whoever listens on this network can see what you see.

## What went wrong
safe = What is safe
next = What to do next
to-overview = To the overview
missing-happened = There is nothing at this address.
missing-safe = No record was changed. A record that was received and is sealed here shows nothing here either.
missing-next = Look for the patient in the list, or go back.
too-large-happened = What was sent is larger than this page takes.
too-large-safe = Nothing was changed.
too-large-next = Send less text, or import files with the command line.
broken-happened = The site could not read this just now.
broken-safe = Nothing was changed, and nothing that was saved is lost.
broken-next = Try again in a minute: the site makes a damaged table anew by itself. If it stays, tell the technician to run “sanad check”.
read-only-happened = These screens show a record that does not change.
read-only-safe = Nothing was changed.
read-only-next = Open the screens of a site at work.
disk-full-happened = The disk of this site has no room left.
disk-full-safe = This form was not saved; everything saved before it is safe.
disk-full-next = Go back to the page before: what you typed is still there. Have the technician make room, then send again.
field-too-long = Longer than this field takes; write { $max } characters at most.
foreign-form-happened = This form did not come from this page, or the page was open for too long.
foreign-form-safe = Nothing was changed.
foreign-form-next = Open the page again and repeat the step.
wrong-host-happened = This site was called by a name it does not know.
wrong-host-safe = Nothing was shown and nothing was changed.
wrong-host-next = Open the site by the address that it showed when it was started.
wrong-way-happened = This address does not take that kind of request.
wrong-way-safe = Nothing was changed.
wrong-way-next = Go back and use the button on the page.

## Words of FHIR: types
type-AllergyIntolerance = Allergies
type-CarePlan = Care plans
type-Composition = Documents
type-Condition = Diagnoses
type-Device = Devices
type-DiagnosticReport = Reports
type-DocumentReference = Documents
type-Encounter = Visits
type-Immunization = Vaccinations
type-Location = Places
type-MedicationAdministration = Medicines given
type-MedicationRequest = Medicines ordered
type-MedicationStatement = Medicines taken
type-Observation = Observations
type-Organization = Facilities
type-Patient = Patient
type-Practitioner = Staff
type-Procedure = Operations and procedures
type-ServiceRequest = Requests
type-Specimen = Specimens

## Words of FHIR: elements
el-abatement = Ended
el-active = In use
el-address = Address
el-authoredOn = Ordered
el-birthDate = Born
el-bodySite = Where
el-category = Kind
el-class = Kind of visit
el-clinicalStatus = Course
el-code = What
el-communication = Languages
el-component = Part
el-contact = Contact
el-context = Visit
el-criticality = Danger
el-deceased = Died
el-dosage = Dosage
el-dosageInstruction = Dosage
el-effective = When
el-encounter = Visit
el-gender = Sex
el-hospitalization = Stay
el-identifier = Number
el-intent = Intent
el-interpretation = Reading
el-issued = Issued
el-language = Language
el-location = Place
el-managingOrganization = Kept by
el-manifestation = Sign
el-medication = Medicine
el-method = Method
el-name = Name
el-city = Town
el-country = Country
el-district = District
el-line = Street
el-text = Text
el-use = Use
el-unit = Unit
el-note = Note
el-occurrence = When
el-onset = Began
el-participant = Taking part
el-patient = Patient
el-performed = Done
el-performer = Done by
el-period = From – to
el-priority = Urgency
el-reaction = Reaction
el-reasonCode = Reason
el-reasonReference = Reason
el-recordedDate = Written down
el-recorder = Written by
el-referenceRange = Usual range
el-requester = Ordered by
el-route = Route
el-serviceProvider = Facility
el-severity = Severity
el-status = Status
el-subject = Patient
el-telecom = Phone
el-type = Type
el-value = Value
el-vaccineCode = Vaccine
el-verificationStatus = Certainty

## Words of FHIR: codes
status-active = active
status-amended = amended
status-cancelled = cancelled
status-completed = completed
status-corrected = corrected
status-draft = draft
status-entered-in-error = entered in error
status-final = final
status-finished = finished
status-in-progress = in progress
status-inactive = inactive
status-not-done = not done
status-on-hold = held
status-planned = planned
status-preliminary = preliminary
status-recurrence = came back
status-relapse = came back
status-remission = in remission
status-resolved = resolved
status-stopped = stopped
status-unknown = status not known
criticality-high = dangerous
criticality-low = not dangerous

## Asking for charts
nav-asks = Ask
asks = Asking for a chart
asks-at-once = This site answers at once when exactly one patient fits in every part, written the same. Everything else waits here.
asks-a-person = This site answers only after a person here agrees.
asks-pending = Other sites ask
asks-pending-none = Nobody waits for an answer from here.
asks-from = asked by { $site }
asks-from-by = asked by { $by } at { $site }
asks-by = Your call sign
asks-partly = fits in part
asks-grant = Open this chart to them
asks-grant-means = Whoever is granted a chart can read it from then on. It is written down in the chart, and cannot be taken back.
asks-refuse = Refuse
asks-new = Ask the network
asks-new-means = Every site of the network reads the question; of a name, only what is needed to compare it. Sites that know nobody like that stay silent.
asks-what = Ask by
asks-name = name
asks-tag = tag number
asks-id = id of the record
asks-text = Name, tag number or id
asks-father = With a name: the father's name
asks-born = With a name: year of birth
asks-send = Ask
asks-own = What this site asked
asks-own-none = This site has asked nothing.
asks-withdrawn = taken back
asks-no-answer = no answer yet
asks-granted = { $site } granted it
asks-refused = { $site } refused
asks-on-its-way = the chart is still on its way
asks-bad-year = This is not a year of birth. Nothing was sent. Write four digits, or leave it empty.
asks-bad-whom = This cannot be asked for. Nothing was sent. Write a name with letters, a tag number, or an id as it stands on the card.
asks-bad-call-sign = A call sign is missing or is none. Nothing was done. Write your own call sign and press again.
asks-gone = This ask is not there any more, or not for this site to answer. Nothing was granted. Look at the list again.
asks-no-patient = No chart of that patient can be read here. Nothing was granted. Search for the patient first.
asks-no-site = There is no site to do this with. Nothing was granted and nothing was sent. Look at the list of sites.
asks-already = A chart was granted for this ask already, and a key that was given cannot be taken back. Nothing was changed.
grants = Opened to other sites
grant-by = { $to } may read it: { $by } agreed at { $from }
grant-by-policy = { $to } may read it: the policy of { $from }
asks-not-recorded = The grant could not be written down, so nothing was granted. Try again; if it stays so, call the technician.

quarantine = Kept aside
quarantine-lead = None of this stops anything else. What is sealed stays sealed here too; nothing of what a record says is on this page.
quarantine-pieces = What was not taken in
quarantine-unknown-site = a site not known here
quarantine-place = device { $device }, { $place }
quarantine-dropped =
    { $n ->
        [one] { $count } older piece had to give way to a newer one of the same source; it is not kept any more.
       *[other] { $count } older pieces had to give way to newer ones of the same source; they are not kept any more.
    }
quarantine-why-fork = Another entry of the same device stands in its place: the device was restored from a copy, or cloned.
quarantine-why-signature = The signature is not its author's: it was changed on the way, or forged.
quarantine-why-form = It is not an entry, or its body is not the one that was signed. Ask the site that wrote it to save again.
quarantine-why-unknown-format = It is of a format that this version does not know. Tell the technician: a later version reads it.
quarantine-why-carried = It carries another entry, and that one does not hold.
quarantine-why-unknown-author = Nobody has said here that its author belongs to the network. It is taken in by itself once the enrolment comes.
quarantine-why-broken-seal = Its key is here and the seal does not hold: nobody can read it. Ask the site that wrote it to save again.
quarantine-why-not-a-save = It opened and holds no record. Ask the site that wrote it to save again.
quarantine-why-damage = A record that was shown here before its entry was lost to damage on the disk.
quarantine-came-session = Came in a session with { $from }
quarantine-came-carrier = Came on a stick or in a message of { $from }
quarantine-came-here = From this site, or it is not known any more from whom
quarantine-adopted = Taken in
quarantine-adopt = Take it in
quarantine-adopt-means = You say that this may be used. Its records are saved anew by this site, beside whatever else is said of the same, with a record of whence they are, why they were kept aside, and your call sign. What is kept aside stays kept.
quarantine-bad-call-sign = A call sign is missing or is none. Nothing was done. Write your own call sign and press again.
quarantine-gone = Nothing is kept aside under this number. Nothing was changed. Look at the list again.
quarantine-held = The same entry is held here already, and shown where it belongs. Nothing was changed, and nothing needs to be done.
quarantine-sealed = This is sealed here: the key of its chart is not held, so nobody here can tell what it says. Nothing was changed. Ask the network for the chart, and try again when it has been opened.
quarantine-broken = The seal does not hold: nobody can read what was written. Everything else is safe. Ask the site that wrote it to save the record again.
quarantine-newer = A later version wrote this, and this one cannot read it. It is kept as it is. Tell the technician.
quarantine-no-record = There is no record in this that could be taken in. It is kept as evidence; everything else is safe.
forks = Devices that went back in time
forks-none = None.
fork-means = This device was restored from a copy, or cloned, and has said two things in one place. Both are kept and can be read in the charts.
fork-found = Found by { $site }
fork-carried = { $entries } entries of the branch that lost its places stand in the logs of { $sites }.
fork-carried-none = No entry had to be carried on here yet.
fork-replaced = The site goes on with a new device. Nothing needs to be done.
fork-not-replaced = The site has not taken a new device yet. Tell its technician that the folder is a copy.

# What an answer of the FHIR interface says of what went wrong.
outcome-business-rule = This goes against a rule of FHIR.
outcome-code-invalid = A code is not one of those that may stand there.
outcome-conflict = Somebody else has changed this. Nothing was saved; read it again and repeat the change.
outcome-expired = This has been here too long, or is not known any more. Ask for it anew.
outcome-incomplete = Part of it is missing.
outcome-deleted = This was deleted. Its earlier versions are kept.
outcome-duplicate = This is here already. Nothing was saved.
outcome-exception = The site could not do this. What was saved before is safe; run a check.
outcome-extension = An extension is not as it should be.
outcome-forbidden = The token does not allow this. Ask whoever runs the site for another.
outcome-invalid = Something in what was sent cannot be understood.
outcome-invariant = What was sent contradicts itself.
outcome-login = A token is needed. Whoever runs the site makes one.
outcome-multiple-matches = This fits several records. Nothing was saved.
outcome-no-store = The disk is full. Nothing of this was saved; everything saved before is safe.
outcome-not-found = There is nothing of this name here that may be read.
outcome-not-supported = The site cannot do this.
outcome-processing = This could not be carried out.
outcome-required = Something that is needed is missing.
outcome-security = It cannot be asked in this way or from this place.
outcome-structure = What was sent has not the form that it should have.
outcome-throttled = Too much is asked at the same time. Wait a little and ask again.
outcome-too-costly = This is too much at once. Narrow it.
outcome-too-long = This is too long. Send it in parts.
outcome-transient = The site is not ready. Nothing was saved; try again later.

# People, roles, the lock, the first run
as-whom = You are { $by }
call-sign = Call sign
call-sign-hint = A word that names nobody and no place, such as Heron.
pin = PIN
pin-hint = 6 to 12 digits, not all the same and not in a row.
pin-old = PIN until now
pin-new = New PIN
pin-again = The same PIN again
pin-change = Change my PIN
pin-changed = The PIN is changed. It holds from the next sign-in.
sign-in-lead-pin = Type your call sign and your PIN.
sign-in-wrong-pin = Call sign and PIN do not belong together. Nothing was opened. Type both again, or ask the technician for a new PIN.
sign-in-kept = The screen had locked before your form arrived. What you typed is kept; it is shown for sending after your PIN.
sign-in-lost = The screen had locked before your form arrived, and what was sent could not be kept. Nothing was saved. Sign in and send it again.
lock-idle = This page has closed itself
lock-idle-means = Nobody touched it for some time. Another page of this browser is still open and in use.
lock-idle-back = Open it again
resume = You are signed in again
resume-means = The form you sent while the screen was locked is ready. Nothing of it has been saved yet.
resume-send = Send it now
resume-leave = Do not send it
refused = Your role does not include this. Nothing was changed.
refused-who = Somebody with another role can do it; the technician says who has which role.
refused-typed = This is what you typed, to pass it on:
hide = Hide
help = What is this?
network = Network settings
network-state = State
network-connected = Connected
network-address = Address
network-automatic = Automatic
network-names = Name servers
network-proxy = Proxy
network-none = None
network-saved = All changes are saved.
network-refresh = Refresh
role-triage = Triage
role-nurse = Nurse
role-doctor = Doctor
role-pharmacy = Pharmacy
role-coordinator = Coordinator
role-technician = Technician
role-means-triage = Receives and sorts casualties, opens charts, prescribes nothing.
role-means-nurse = Opens charts, writes, gives medicines.
role-means-doctor = As a nurse, and prescribes and decides.
role-means-pharmacy = Sees orders and allergies, no charts.
role-means-coordinator = Sees where people are and where they are to go, no charts.
role-means-technician = Keeps the machine running and says who signs in; sees no patient.
people = People
people-lead = Who may sign in here, and as what. They are of this site alone and are not sent to others.
people-add = Add somebody
people-role = Role
people-pin = PIN, if one is wished for
people-pin-empty = Left empty, one is drawn and shown once.
people-drawn = PIN of { $by }
people-drawn-once = It is shown this once and kept nowhere in clear. Say it to nobody else; its owner can change it at the foot of any page.
people-here = At this site
people-disabled = may not sign in
people-change = Change
people-set-role = Set this role
people-new-pin = New PIN
people-disable = May not sign in any more
people-enable = May sign in again
people-lock = Idle screens
people-lock-minutes = Minutes until an idle screen locks itself
people-lock-set = Set
people-bad-call-sign = The call sign is missing, too long, or holds what cannot be seen. Nobody was added. Write one short word.
people-bad-pin = A PIN has 6 to 12 digits, not all the same and not in a row. Nothing was changed. Choose another.
people-pins-differ = The two PINs differ. Nothing was changed. Type both again.
people-taken = Somebody has this call sign already. Nobody was added. Choose another.
people-unknown = Nobody has this call sign. Nothing was changed. Look at the list below.
people-last-technician = Nobody else could say who signs in. Nothing was changed. Add another technician first.
people-first-is-technician = A technician has to be there first. Nobody was added. Add one, then the others.
people-too-many = The list of people is full. Nobody was added. Ask whoever runs the network.
people-bad-minutes = Write a number from 1 to { $count }. Nothing was changed.
start = Who looks after this site?
start-step-1 = Step 1 of 3
start-step-2 = Step 2 of 3
start-step-3 = Step 3 of 3
start-lead = This site keeps the records of its patients, encrypted, and passes them to the other sites by any link or stick.
start-technician = The first person is the technician, who says who may sign in. From now on everybody does, on this machine too.
start-go-on = Go on
start-people = Who else works here?
start-people-lead = Add as many as you like, now or later. Write each PIN down for its owner alone.
start-gauges = Two numbers to watch
start-gauges-lead = They stand at the top of every screen.
start-only-here = Records that would be lost if this site were destroyed now. Sending lowers it.
start-readable-here = Charts that could be read if this device were taken unlocked now. Forgetting lowers it.
start-hide = This key, or Escape twice, locks the screen and shows a page of network settings. Refresh on it leads back to the PIN.
start-help = Every screen has this line at its end; it says in two sentences what the screen is for.
start-done = Begin
start-nobody = Nobody has been added yet: whoever is at this machine, or has the screen code, may do everything.
start-begin = Add the first person

# Help: two sentences for each screen
help-overview = The two large numbers say what would be lost and what could be read if this site fell now. Below stand the other sites and when each was last heard from.
help-sites = These are the sites of the network, and how much of this site's record each has confirmed. A copy counts only once its receipt has come back.
help-patients = Search by tag number, name or a part of it, in Arabic or Latin letters. What you search for never stands in the address.
help-patient = This is one person's chart, with allergies first. At its end stands which sites hold it and which can read it.
help-kind = These are all records of one kind in this chart, newest first. Tap one to see where it came from.
help-resource = This is one record, with all its versions and who saved them. Where two values stand, both are shown until a clinician chooses.
help-version = This is how the record stood at one time. Nothing here can be changed; the current version is one tap away.
help-conflicts = Two people wrote different values in the same place, apart from each other. Both are kept until a clinician chooses one.
help-asks = Here you ask other sites for a chart that is sealed here, and answer theirs. A chart that was opened to a site cannot be closed to it again.
help-quarantine = What could not be accepted, or not yet, is kept here with its reason. Nothing of it stops anything else.
help-failure = Something did not go as it should, and this page says what is safe. Nothing you saved before is lost.
help-sign-in = Everybody signs in with their own call sign and PIN, so that it shows who wrote what. Who has forgotten the PIN asks the technician for a new one.
help-sign-in-code = The code stands on the screen of the machine that runs this site. It opens the pages on this device until nobody has used them for a quarter of an hour.
help-lock = A page that nobody touches closes itself, so that a screen left alone shows nothing. Nothing that was saved is lost.
help-resume = The screen locked while you were writing, and your form waited in the site's memory. Only you can send it.
help-refused = What somebody may do follows from their role. The technician can change a role on the page of people.
help-pin = Your PIN opens the screens in your name. Choose one that nobody at your side knows.
help-people = Here the technician says who may sign in and as what. Whoever leaves is not erased but may not sign in any more.
help-start = These three steps prepare the site for the people who work at it. They can be done again at any time under People.
help-start-gauges = The two numbers are the heart of this program. Everything you do moves one of them.
