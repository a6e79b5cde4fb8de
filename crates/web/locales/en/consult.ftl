# Asking somebody who knows more.
consult = Tele-consult
consult-ask = A new question
consult-no-names = This file leaves the hospital. Write no name, place or date into it.
consult-question = Question
consult-photos = Photos to go with it
consult-leaves = What leaves with the question
consult-make = Save the question and download the file
consult-case = Case
consult-answer = Enter the answer
consult-from = Who answered
consult-text = Answer
consult-ago = { $time } ago
consult-infant = under one year
consult-years = { $from }–{ $to } years
consult-years-over = { $from } years and over
consult-quote = Quote the number { $number } in your answer.
help-consult = One file of the case is made, without name, number or date, to be sent by any way there is. When the answer comes, write it here, and it stays in the chart with its question.
