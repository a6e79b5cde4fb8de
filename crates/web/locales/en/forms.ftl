
# Forms: any questionnaire, filled in and read.

forms = Forms
help-forms = Choose a form to fill it in for this patient; what was filled in earlier stands below it. A form that nobody has verified says so.
forms-new = Fill in
forms-filled = Filled in
forms-none = No form has been filled in yet.
help-form = Answer what you know; "Show what follows" opens further questions and works out numbers, and nothing is saved until you press Save. An answer that cannot be read is told at its field, and stays there.
help-response = These are the answers as they were saved. Correct them if something is wrong: the earlier version is kept.
form-chip-unverified = not verified
form-unverified = No clinician has verified this form yet: its source
form-update = Show what follows
form-leave = Back, without saving
form-required = needed
form-no-answer = no answer
form-other = Something else:
form-unit = Unit
form-add = One more: { $what }
form-repetition = { $label } ({ $number })
form-unsupported = A file or a link cannot be entered here; what is there is kept.
form-worked-out-later = Worked out from the answers.
form-hint-date = Day/month/year, as 18/02/2018; or the year alone.
form-hint-date-time = Date and time, as 18/02/2018 14:05.
form-hint-time = Hour and minute, as 14:05.
form-problems =
    { $n ->
        [one] Not saved: one answer cannot be read. Go to it
       *[other] Not saved: { $count } answers cannot be read. Go to the first
    }
form-changed = Somebody changed this form while you were filling it in. Your answers are below: compare them, and save once more.
form-more = The questions have changed with your answers. Look at them, and save once more.
form-blank = Nothing was answered, so nothing was saved.
form-too-many = Too many answers at once, { $max } at most: split them over two forms.
form-conflict = Two values of this form wait for a choice. Settle them before you correct it.
form-answers = Answers
form-correct = Correct
form-all = All forms
form-as-kept = As it is kept
form-mistake = This form was filled in by mistake.
form-unknown = A form that is not here
form-unknown-why = The questions of this form are not at this site, so its answers can only be seen as they are kept.
form-other-version = It was filled in with another version of this form. What this version does not ask is kept, and not shown here.

## What is wrong with an answer
form-problem-required = This is needed.
form-problem-not-a-number = Write digits and one decimal point only, as in 12.5 or ١٢٫٥.
form-problem-not-whole = Write a whole number.
form-problem-decimals = { $bound } decimals at most.
form-problem-too-small = { $bound } at least; check it.
form-problem-too-large = { $bound } at most; check it.
form-problem-too-long = { $bound } characters at most.
form-problem-not-a-date = There is no such date. Write it as 18/02/2018, or the year alone.
form-problem-not-a-date-time = There is no such time. Write it as 18/02/2018 14:05.
form-problem-not-a-time = There is no such time. Write it as 14:05.
form-problem-not-an-option = Choose one of the list.
form-problem-not-a-unit = Choose a unit of the list.
form-problem-not-a-boolean = Answer yes or no.
form-problem-not-a-url = This is not an address.
form-problem-too-many = { $bound } answers at most.
form-problem-calculation = This cannot be worked out from the answers.
form-problem-control = It has a letter that cannot be shown; write it again.

## Why a form of the record cannot be used
form-not-url = This form has no address (url); whoever made it has to add one.
form-not-syntax = This form cannot be read: it is not sound JSON.
form-not-questionnaire = This is no form.
form-not-link-id = A question of this form has no name (linkId).
form-not-twice = Two questions of this form are called { $item }.
form-not-type = The type of the question { $item } is not known here.
form-not-question = The question { $item } depends on { $question }, which is not there.
form-not-condition = The condition of the question { $item } is not understood.
form-not-circle = This form refers to itself and cannot be used: { $items }.
form-circle-arrow = { " → " }
form-not-calculation = What is worked out at { $item } is not understood.
form-not-supported = The question { $item } asks for what is not known here: { $what }.
form-not-small = This form is too large.
