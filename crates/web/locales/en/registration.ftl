
# Registration: who somebody is, as little as is known.

person-new = New person
person-new-lead = Every field may stay empty. A tag is enough.
person-identity = Who this is
person-chart = Back to the chart
person-versions = Every version, and who wrote it
person-save = Save
person-tag = Tag
person-call-name = Call name (Abu, Umm)
person-given = Given name
person-father = Father
person-grandfather = Grandfather
person-family = Family name
person-mother = Mother
person-sex = Sex
person-age = Age
person-age-hint = 40, about 40, 8 months, 3 days.
person-born = Born
person-born-hint = 1984, 3/1984 or 2/3/1984.
person-months = months
person-days = days
person-unidentified = Nobody knows yet who this is
person-age-or-born = Give the age or the date of birth, not both.
person-nothing = Nothing is filled in: give a tag, a name or an age, or say that nobody knows who this is.
person-tag-worn = Somebody else wears this tag now.
person-tag-wearer = Open the chart of who wears it
alike-title = Is it one of these?
alike-lead = Nothing is saved yet. Look before you make a second chart of one person.
alike-this = It is this one
alike-new = None of these: a new person
alike-again = Look again
like-same = Agrees: { $parts }
like-differs = Differs: { $parts }
trait-identifier = number or tag
trait-own-name = given name
trait-fathers-name = father’s name
trait-family-name = family name
trait-birth-date = age
trait-sex = sex
trait-telecom = telephone
trait-city = town
help-registration = Write what is known and leave the rest empty. If somebody like this is here already, they are shown before anything is saved.
help-identity = Here the name and age are completed or corrected. Every earlier version stays readable.

## What is wrong with what was typed
input-empty = This field is empty.
input-letters = This holds letters that cannot be seen or that turn the line around: type it again.
input-not-a-number = This is not a number.
input-ambiguous = The comma may mean decimals or thousands: write it with a point or without.
input-too-small = This is less than is possible.
input-too-large = This is more than is possible.
input-unit = This unit is not known here.
input-not-a-date = This is not a whole date: write 1984, 3/1984 or 2/3/1984.
input-no-such-day = There is no such day.
input-in-future = This date is still to come.
input-too-long-ago = This date is too long ago.
