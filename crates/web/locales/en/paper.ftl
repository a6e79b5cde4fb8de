
# What is printed.

paper-tags = Blank tags to print
help-paper-tags = Print this page from the browser's menu on A4, cut along the lines, and tie one tag to each casualty. Every time the page is opened it has other numbers, so print each sheet once and copy none.
paper-tags-how = Print once, cut, and tie on. The number and the code say nothing of anybody.
paper-tags-more = Another sheet
