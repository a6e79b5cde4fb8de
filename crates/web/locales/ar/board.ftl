
# اللوحة والمصاب.

board = اللوحة
nav-board = اللوحة
help-board = اللوحة تعرض كل من هو هنا ولم يخرج بعد، الأسوأ أولًا. الحافة السميكة تعني أنه انتظر أكثر مما ينبغي.
board-after = بعد الحدث
board-counts = العدد حسب الفئة
board-empty = لا أحد على اللوحة.
board-late = تأخر
board-hidden =
    { $n ->
        [zero] لا أحد غيرهم.
        [one] وواحد آخر لا تتسع له الصفحة.
        [two] واثنان آخران لا تتسع لهما الصفحة.
        [few] و{ $count } آخرون لا تتسع لهم الصفحة.
        [many] و{ $count } آخرًا لا تتسع لهم الصفحة.
       *[other] و{ $count } آخر لا تتسع لهم الصفحة.
    }
board-tag = بطاقة { $tag }
board-unidentified = مجهول { $number }
board-tag-worn = هذه البطاقة على مصاب آخر هنا الآن.
board-tag-open = افتح صفحته
board-tag-other = هو شخص آخر يحمل الرقم نفسه
waited-minutes =
    { $n ->
       *[other] { $count } د
    }
waited-hours =
    { $n ->
       *[other] { $count } س
    }
waited-days =
    { $n ->
       *[other] { $count } يوم
    }
event-open = حدث جماعي
event-begin = ابدأ حدثًا جماعيًا
event-close = أنهِ الحدث الجماعي
event-close-means = يبقى المصابون على اللوحة. يُكتب وقت الانتهاء، وتُحسب الأزمنة بعده.
event-name = الاسم، إن أردت؛ لا تكتب اسم المكان
casualty = مصاب
casualty-new = مصاب جديد
help-casualty-new = اللون وحده يكفي لوضع المصاب على اللوحة؛ اضغطه. البطاقة وما بقي يمكن أن ينتظر.
help-casualty = هنا يُكتب أين هو ومع من وماذا بعد، ولا يمحو أحد ما كتبه غيره في الوقت نفسه. «افرز من جديد» يغيّر اللون ويحفظ السابق.
help-triage = اضغط اللون، أو امشِ في الجدول سؤالًا سؤالًا. كل فرز يُحفظ بوقته وسببه.
casualty-more = المزيد، إن كان هناك وقت
optional = اختياري
tag = بطاقة الفرز
scan-tag = صوّر البطاقة
sex = الجنس
age-about-label = العمر، ولو تقريبًا: 30، 18 شهر
place = المكان
complaint = ما به
team = الفريق
next-step = الخطوة التالية
destination = الوجهة
where-now = أين ومع من
save = احفظ
first-contact = رآه طبيب الآن
allergy = حساسية
decontamination = إزالة التلوث
decontamination-needed = يحتاج إلى إزالة التلوث
decontamination-done = أُزيل التلوث
dead-on-arrival = وصل متوفى
triage-colour = اللون
triage-step-by-step = أو سؤالًا سؤالًا
triage-again = افرز من جديد
triage-take = احفظ هذا اللون
triage-other = لون آخر، مع السبب
triage-reason = لماذا ليس ما يقوله الجدول
triage-back = ارجع سؤالًا
triage-why = كيف وُجد اللون
triage-history = الفرز، الأحدث أولًا
triage-instead = الجدول يقول: { $colour }
triage-review = علامات حيوية عالية الخطورة: اطلب طبيبًا أقدم الآن، وقد يرفع اللون.
triage-unverified = لم يتحقق طبيب من هذا الجدول بعد. المصدر: { $source }
triage-no-tool = اختر الجدول أولًا.
triage-unfinished = لم تنته الأسئلة بعد؛ أجب عن الباقي.
triage-no-reason = هذا غير لون الجدول؛ اكتب السبب.
open-chart = الملف
stay-arrived = وصل، لم يُفرز
stay-triaged = فُرز، ينتظر
stay-in-progress = رآه طبيب
stay-onleave = خرج مؤقتًا
stay-finished = انتهت الإقامة
stay-unknown = حالة أخرى
leave = إنهاء الإقامة
leave-how = كيف
leave-how-missing = اختر كيف انتهت الإقامة.
leave-cause = سبب الوفاة، إن توفي
leave-follow-up = المراجعة: متى وأين
leave-back = كان خطأ: أعده إلى اللوحة
leave-said = { $how }، { $time }
leave-not-a-stay = هذه ليست إقامة يمكن إنهاؤها.
leave-over = انتهت هذه الإقامة قبل الآن.
leave-before-start = لا تنتهي الإقامة قبل أن تبدأ؛ راجع ساعة هذا الجهاز.
leave-cause-without-death = سبب الوفاة يُكتب عند الوفاة فقط.
input-empty = اكتب شيئًا هنا.
input-letters = في النص حروف لا تُرى أو تقلب السطر؛ اكتبه من جديد.
input-not-a-number = اكتب رقمًا، مثل 30 أو ٣٠.
input-ambiguous = الفاصلة هنا قد تعني شيئين؛ اكتب الرقم دونها.
input-too-small = أصغر من الممكن؛ راجعه.
input-too-large = أكبر من الممكن؛ راجعه.
input-unit = وحدة غير معروفة هنا.
input-not-a-date = اكتب تاريخًا كاملًا، مثل 2018-02-20 أو 2018.
input-no-such-day = لا يوجد يوم كهذا في التقويم.
input-in-future = هذا تاريخ لم يأت بعد.
input-too-long-ago = هذا تاريخ أقدم من الممكن.
left-home = تخريج إلى البيت
left-follow-up = تخريج مع مراجعة
left-against-advice = خروج على مسؤوليته
left-transferred = نُقل إلى موقع آخر
left-died = وفاة
left-dead-on-arrival = وصل متوفى
left-unknown = انتهت الإقامة
scan-photo = صوّر المربع المرمّز على البطاقة
scan-typed = أو اكتب رقمها
scan-go = ابحث عن المصاب
scan-nothing = صوّر البطاقة أو اكتب رقمها.
scan-unreadable = لا بطاقة مقروءة في هذه الصورة؛ اقترب وأمسكها مستقيمة، أو اكتب الرقم.
scan-several = في الصورة أكثر من بطاقة؛ صوّر واحدة وحدها.
help-scan = البطاقة التي على مصاب في اللوحة تفتح صفحته، وغيرها يبدأ مصابًا جديدًا بها. الصورة تُقرأ هنا ولا تُحفظ.
capacity = ما تستطيع المواقع استقباله
capacity-none = لم يذكر أي موقع ذلك بعد.
capacity-state = اذكر ما نستطيع استقباله
capacity-beds = أسرّة شاغرة
capacity-theatres = طاولات عمليات شاغرة
capacity-cannot = لا نستقبل:
capacity-old = ذُكر منذ وقت طويل؛ اسأل
help-capacity = ما تكتبه هنا يظهر على لوحة كل موقع مع وقته. النظام لا يعدّ شيئًا منه؛ اترك ما لا تعرفه فارغًا.
help-after = يُقيَّم اللون الأول بما آل إليه كل مصاب، وتُحسب الأزمنة من وقت وصوله. هذا للنقاش، ولا يلوم أحدًا.
after-no-event = لم يُفتح حدث جماعي؛ هذه كل الإقامات المكتوبة هنا.
after-cut = المصابون أكثر مما تقيّمه هذه الصفحة؛ تُرك بعضهم.
after-judged = الفرز الأعلى والأدنى من اللازم
after-judged-means = الداكن: فُرز أدنى من اللازم، وهو الأخطر. المخطط: فُرز أعلى من اللازم. العمليات والدم تُعدّ ما أنقذ الحياة.
after-contact = من الوصول إلى أول معاينة
after-theatre = من الوصول إلى غرفة العمليات
after-no-times = لا أزمنة مكتوبة بعد.
after-count = المصابون
after-median = الوسيط
after-three-quarters = ثلاثة أرباعهم خلال
triage-first = اللون الأول
judged-under = أدنى من اللازم
judged-over = أعلى من اللازم
