# Words of the sort and of the drawing of the body.

## Questions at the gate
tq-walks = Can walk?
tq-breathes = Breathing?
tq-breathes-after-airway-opened = Breathing once the airway is opened?
tq-peripheral-pulse-while-not-breathing = Not breathing: is a peripheral pulse felt?
tq-breathes-after-5-rescue-breaths = Breathing after 5 rescue breaths?
tq-respiratory-rate = How many breaths a minute?
tq-perfusion = Perfusion: what is found?
tq-peripheral-pulse = Is a peripheral pulse felt?
tq-obeys-commands = Obeys simple commands?
tq-avpu = What does the patient respond to?

## Questions of the sort inside the hospital
tq-red-airway-breathing = Airway and breathing: any of these?
tq-red-circulation = Circulation: any of these?
tq-red-disability = Neurological state: any of these?
tq-red-other = Trauma, poisoning or other: any of these?
tq-red-pregnancy = If pregnant: any of these?
tq-red-infant = Age of a young infant: any of these?
tq-yellow-airway-breathing = Airway and breathing, further signs: any of these?
tq-yellow-circulation = Circulation and fluids, further signs: any of these?
tq-yellow-disability = Neurological state and pain, further signs: any of these?
tq-yellow-injury = Injuries: any of these?
tq-yellow-other = Other complaints: any of these?
tq-age = What age?
tq-high-risk-vitals = Vital signs: any of these?
tq-high-risk-vitals-under-1-year = Vital signs, under 1 year: any of these?
tq-high-risk-vitals-1-to-4-years = Vital signs, 1 to 4 years: any of these?
tq-high-risk-vitals-5-to-12-years = Vital signs, 5 to 12 years: any of these?

## General answers
tc-yes = Yes
tc-no = No
tc-none = None of these

## Answers at the gate
tc-over-30 = Over 30 a minute
tc-30-or-less = 30 a minute or less
tc-under-15 = Under 15 a minute
tc-15-to-45 = 15 to 45 a minute
tc-over-45 = Over 45 a minute
tc-irregular = Irregular breathing
tc-radial-pulse-absent = No radial pulse
tc-refill-over-2-seconds = Capillary refill over 2 seconds
tc-sufficient = Neither: perfusion is sufficient
tc-alert = Alert
tc-voice = Responds to voice
tc-pain-appropriate = Responds to pain appropriately (withdraws or localises)
tc-pain-inappropriate = Responds to pain inappropriately (such as posturing)
tc-unresponsive = Unresponsive

## Airway and breathing
tc-stridor = Stridor
tc-respiratory-distress = Respiratory distress
tc-central-cyanosis = Central cyanosis (lips and tongue)
tc-swelling-or-mass-of-mouth-throat-or-neck = Swelling or mass of mouth, throat or neck
tc-wheeze = Wheeze

## Circulation and fluids
tc-refill-over-3-seconds = Capillary refill over 3 seconds
tc-weak-and-fast-pulse = Weak and fast pulse
tc-heavy-bleeding = Heavy bleeding
tc-heart-rate-under-50-or-over-150 = Heart rate under 50 or over 150 a minute
tc-two-of-lethargy-sunken-eyes-skin-pinch-drinks-poorly = Two of: lethargy, sunken eyes, very slow skin pinch, drinks poorly
tc-vomits-everything-or-ongoing-diarrhoea = Vomits everything, or ongoing diarrhoea
tc-unable-to-feed-or-drink = Unable to feed or drink
tc-severe-pallor = Severe pallor
tc-ongoing-bleeding = Ongoing bleeding
tc-recent-fainting = Recent fainting

## Neurological state
tc-active-convulsions = Convulsing now
tc-two-of-mental-status-neck-temperature-headache = Two of: altered mental status, stiff neck, fever or hypothermia, headache
tc-hypoglycaemia = Low blood sugar
tc-altered-mental-status-or-agitation = Altered mental status or agitation
tc-acute-general-weakness = Acute general weakness
tc-acute-focal-neurologic-complaint = Acute focal neurological complaint
tc-acute-visual-disturbance = Acute visual disturbance
tc-severe-pain = Severe pain

## Trauma, poisoning and other
tc-high-risk-trauma = High-risk trauma
tc-poisoning-or-ingestion = Poisoning, or a harmful substance swallowed
tc-dangerous-chemical-exposure = Exposure to a dangerous chemical
tc-threatened-limb = Threatened limb
tc-snake-bite = Snake bite
tc-chest-or-abdominal-pain-over-50-years = Chest or abdominal pain, over 50 years old
tc-ecg-ischaemia = Ischaemia on the ECG
tc-violent-or-aggressive = Violent or aggressive

## Pregnancy
tc-severe-abdominal-pain = Severe abdominal pain
tc-seizures-or-altered-mental-status = Seizures or altered mental status
tc-severe-headache = Severe headache
tc-visual-changes = Visual changes
tc-systolic-160-or-diastolic-110-or-over = Systolic 160 or over, or diastolic 110 or over
tc-active-labour = Active labour
tc-trauma = Trauma
tc-other-pregnancy-complaint = Other complaint of pregnancy

## Ages
tc-under-8-days = Under 8 days old
tc-under-2-months-and-temperature-under-36-or-over-39 = Under 2 months old, and temperature under 36 or over 39 °C
tc-infant-8-days-to-6-months = Infant of 8 days to 6 months
tc-under-1-year = Under 1 year
tc-1-to-4-years = 1 to 4 years (not yet 5)
tc-5-to-12-years = 5 to 12 years (not yet 12)

## Injuries
tc-visible-acute-limb-deformity = Visible acute limb deformity
tc-open-fracture = Open fracture
tc-suspected-dislocation = Suspected dislocation
tc-other-trauma-or-burns = Other trauma or burns

## Other complaints
tc-visible-severe-wasting = Visible severe wasting
tc-oedema-of-both-feet = Oedema of both feet
tc-new-rash-worsening-over-hours-or-peeling = New rash, worsening over hours or peeling
tc-known-diagnosis-needing-urgent-surgery = Known diagnosis that needs urgent surgery
tc-sexual-assault = Sexual assault
tc-acute-testicular-pain-or-priapism = Acute testicular pain or priapism
tc-unable-to-pass-urine = Unable to pass urine
tc-exposure-needing-time-sensitive-prophylaxis = Exposure that needs timely prophylaxis (such as animal bite or needlestick)

## Vital signs
tc-heart-rate-under-60-or-over-130 = Heart rate under 60 or over 130 a minute
tc-heart-rate-under-90-or-over-180 = Heart rate under 90 or over 180 a minute
tc-heart-rate-under-80-or-over-160 = Heart rate under 80 or over 160 a minute
tc-heart-rate-under-70-or-over-140 = Heart rate under 70 or over 140 a minute
tc-respiratory-rate-under-10-or-over-30 = Breathing under 10 or over 30 a minute
tc-respiratory-rate-under-25-or-over-50 = Breathing under 25 or over 50 a minute
tc-respiratory-rate-under-20-or-over-40 = Breathing under 20 or over 40 a minute
tc-temperature-under-36-or-over-39 = Temperature under 36 or over 39 °C
tc-oxygen-saturation-under-92 = Oxygen saturation under 92%
tc-avpu-other-than-alert = Not alert: responds only to voice or pain, or not at all

## Tools
tool-start = START, adults at the gate
tool-jumpstart = JumpSTART, children at the gate
tool-iitt-12-and-over = IITT, 12 years and over
tool-iitt-under-12 = IITT, under 12 years

## Colours
colour-immediate = Immediate
colour-delayed = Delayed
colour-minor = Minor
colour-expectant = Expectant
colour-dead = Dead
colour-none = Not sorted yet

## The letter inside the triage shape
letter-immediate = I
letter-delayed = D
letter-minor = M
letter-expectant = E
letter-dead = X
letter-none = ?

## Regions of the body from the front; left and right are the patient's own
region-head-front = Head, front
region-neck-front = Neck, front
region-chest-right = Right chest
region-chest-left = Left chest
region-abdomen-right = Right abdomen
region-abdomen-left = Left abdomen
region-pelvis = Pelvis
region-shoulder-right = Right shoulder
region-shoulder-left = Left shoulder
region-upper-arm-right = Right upper arm, front
region-upper-arm-left = Left upper arm, front
region-forearm-right = Right forearm, front
region-forearm-left = Left forearm, front
region-hand-right = Right hand, front
region-hand-left = Left hand, front
region-thigh-right = Right thigh, front
region-thigh-left = Left thigh, front
region-knee-right = Right knee
region-knee-left = Left knee
region-leg-right = Right lower leg, front
region-leg-left = Left lower leg, front
region-foot-right = Right foot
region-foot-left = Left foot

## Regions of the body from the back
region-head-back = Head, back
region-neck-back = Neck, back
region-upper-back-right = Right upper back
region-upper-back-left = Left upper back
region-lower-back-right = Right lower back
region-lower-back-left = Left lower back
region-buttock-right = Right buttock
region-buttock-left = Left buttock
region-upper-arm-back-right = Right upper arm, back
region-upper-arm-back-left = Left upper arm, back
region-forearm-back-right = Right forearm, back
region-forearm-back-left = Left forearm, back
region-hand-back-right = Right hand, back
region-hand-back-left = Left hand, back
region-thigh-back-right = Right thigh, back
region-thigh-back-left = Left thigh, back
region-calf-right = Right calf
region-calf-left = Left calf
region-whole-body = Whole body

## Kinds of injury
injury-wound = Wound
injury-penetrating = Penetrating wound
injury-bleeding = Bleeding
injury-fracture = Fracture
injury-burn = Burn
injury-blast = Blast injury
injury-crush = Crush injury
injury-amputation = Amputation
injury-dislocation = Dislocation
injury-other = Other injury
