
# One person in two records: the merge, and the way back.

merge-alike = Another record?
merge-who = May be the same person
merge-nobody = Nobody here is like this patient.
merge-look = Compare the two
merge-merged = Merged into this record
merge-merged-lead = If that was a mistake, each gets their own record back with all that is in it.
merge-undo = They are not one person
merge-title = One person or two?
merge-lead = Look at both before you decide.
merge-what = What
merge-kept = this record is kept
merge-other = this record joins it
merge-name = Full name
merge-colour = Newest colour
merge-seen = Last written
merge-do = They are one person
merge-back = Nothing is lost, and the merge can be taken back from the record that is kept.
merge-not = No, they are two
merge-swap = Keep the other record
help-alike = Here are those who may be the same person, best first. Two records become one only when a person says so.
help-merge = The two records stand beside each other, and what differs is marked. After the merge everything is shown in one record.
