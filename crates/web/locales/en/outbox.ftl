
# What a phone sends when the Wi-Fi is back.

waiting = waiting on this phone for the Wi-Fi; sent by itself
sealed = No Wi-Fi. The form is sealed on this phone, which cannot open it again, and is sent by itself when the Wi-Fi is back.
outbox = Came late, not saved
help-outbox = These forms were filled in without Wi-Fi and could not be saved by themselves. Open one again, see what speaks against it, and save it; remove it once it is seen to.
outbox-none = Nothing waits here for you.
outbox-open = Open it again
outbox-done = Seen to; remove it
outbox-kept =
    { $n ->
        [zero] No form came late.
        [one] One form came late and is not saved.
        [two] { $count } forms came late and are not saved.
        [few] { $count } forms came late and are not saved.
       *[other] { $count } forms came late and are not saved.
    }
