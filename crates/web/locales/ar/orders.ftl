
# الأدوية الموصوفة وما حان منها، والحساسية.

medicines = الأدوية
help-medicines = سجّل كل جرعة حين تُعطى أو تُرفض أو تُؤجَّل، فتخرج من قائمة المستحق. الحساسية في الأعلى، وما سُجّل منها في موقعين يظهر مرة واحدة.
allergies-none = لا حساسية مسجلة. هذا لا يعني أنه لا توجد.
allergy-new = سجّل حساسية
allergy-listed = المجموعة أو المادة، من القائمة
allergy-typed = أو اكتبها
allergy-reaction = ماذا حدث
allergy-danger = مدى الخطورة
allergy-danger-missing = اختر مدى الخطورة.
allergy-high = قد تقتل
allergy-low = غير خطرة
allergy-both = اختر من القائمة أو اكتب، لا الاثنين معًا.
allergy-none-named = اختر مادة الحساسية أو اكتبها.
allergy-over = انتهت
allergy-refuted = نُفيت
allergy-in-error = كُتبت خطأ
allergy-withdraw = اسحب حساسية خاطئة
allergy-which = أي حساسية
allergy-why = لماذا تُسحب
allergy-why-error = كُتبت خطأً
allergy-why-refuted = نُفيت بعد فحص أو سؤال
allergy-wrong-missing = اختر الحساسية وسبب سحبها.
allergy-withdrawn-already = سُحبت هذه الحساسية من قبل. لم يُحفظ شيء.
allergy-unnamed = حساسية بلا اسم
allergy-records =
    { $n ->
        [zero] لا سجلات.
        [one] سجل واحد.
        [two] سُجّلت مرتين، وتظهر مرة واحدة.
        [few] سُجّلت { $count } مرات، وتظهر مرة واحدة.
        [many] سُجّلت { $count } مرة، وتظهر مرة واحدة.
       *[other] سُجّلت { $count } مرة، وتظهر مرة واحدة.
    }
medicine-unnamed = دواء بلا اسم
orders = الأدوية الحالية
orders-none = لا دواء موصوفًا.
orders-over = أدوية انتهت
order-new = صِف دواءً
help-order = ابحث عن الدواء بالعربية أو اللاتينية، ثم اكتب الجرعة وكم مرة. التحذير لا يمنع: اقرأه واكتب السبب ثم احفظ ثانية.
order-held = هذا الدواء موقوف مؤقتًا.
order-resume = تابع الدواء
order-not-held = هذا الدواء ليس موقوفًا مؤقتًا. لم يُحفظ شيء.
order-more =
    { $n ->
        [zero] لا جرعات سابقة بلا تسجيل.
        [one] جرعة سابقة واحدة لم تُسجَّل.
        [two] جرعتان سابقتان لم تُسجَّلا.
        [few] { $count } جرعات سابقة لم تُسجَّل.
        [many] { $count } جرعة سابقة لم تُسجَّل.
       *[other] { $count } جرعة سابقة لم تُسجَّل.
    }
order-last = آخر جرعة
order-not-before = لا يُعاد قبل
order-next = التالية
order-elsewhere = لا تذكر هذه الوصفة الجرعة والطريق بما هو معروف هنا. اكتب ما أعطيته في ملاحظة.
order-stop = أوقف الدواء
order-is-over = هذا الدواء أُوقف أو انتهى. لم يُحفظ شيء.
order-in-spite = رغم التحذير
order-from = من
order-until = حتى
order-find = أي دواء
order-not-found = لا شيء في القائمة بهذا الاسم.
order-weight = الوزن { $kg } كغ
order-no-weight = لا وزن معروفًا من الشهرين الأخيرين.
order-dose = الجرعة في كل مرة
order-unit = الوحدة
order-route = طريق الإعطاء
order-often = كم مرة
order-begin = الجرعة الأولى
order-begin-now = الآن
order-begin-hours =
    { $n ->
        [zero] الآن
        [one] بعد ساعة
        [two] بعد ساعتين
        [few] بعد { $count } ساعات
        [many] بعد { $count } ساعة
       *[other] بعد { $count } ساعة
    }
order-days = لكم يومًا؛ إن تُرك فارغًا فحتى يُوقَف
order-days-wrong = اكتب أكثر من صفر و{ $most } يومًا على الأكثر، أو اتركه فارغًا.
order-note = ما يهم غير ذلك
order-save = احفظ الوصفة
order-choose = اختر واحدًا.
order-why = لماذا هو صحيح رغم ذلك
order-sure = راجع الوصفة، واحفظها ثانية إن كانت صحيحة.
often-once = مرة واحدة
often-minutes =
    { $n ->
        [zero] كل دقيقة
        [one] كل دقيقة
        [two] كل دقيقتين
        [few] كل { $count } دقائق
        [many] كل { $count } دقيقة
       *[other] كل { $count } دقيقة
    }
often-hours =
    { $n ->
        [zero] كل ساعة
        [one] كل ساعة
        [two] كل ساعتين
        [few] كل { $count } ساعات
        [many] كل { $count } ساعة
       *[other] كل { $count } ساعة
    }
often-days =
    { $n ->
        [zero] كل يوم
        [one] مرة في اليوم
        [two] كل يومين
        [few] كل { $count } أيام
        [many] كل { $count } يومًا
       *[other] كل { $count } يوم
    }
often-needed = عند الحاجة
often-needed-most = عند الحاجة، { $often } على الأكثر
often-unknown = لا تذكر كم مرة
doses = ما أُعطي
doses-none = لا جرعة مسجلة.
dose-give = أُعطيت الآن
dose-not = لم تُعطَ
dose-refuse = رفضها المريض
dose-hold = أُجّلت
dose-reason = السبب
dose-reason-missing = اكتب السبب.
dose-answered = سُجّلت هذه الجرعة من قبل، أو لم يحن وقتها. لم يُحفظ شيء.
dose-given = أُعطيت
dose-refused = رُفضت
dose-held = أُجّلت
dose-stopped = قُطعت
due = المستحق
help-due = كل الجرعات المنتظرة لكل المرضى، الأكثر تأخرًا أولًا. المس واحدة لتسجل ما جرى فيها.
due-none = لا شيء مستحقًا في الساعات القادمة.
due-now = الآن
due-late = متأخرة { $time }
due-missed = فاتت قبل { $time }
due-left-out =
    { $n ->
        [zero] كل الجرعات ظاهرة.
        [one] جرعة واحدة لا تظهر هنا؛ وقتها أبعد.
        [two] جرعتان لا تظهران هنا؛ وقتهما أبعد.
        [few] { $count } جرعات لا تظهر هنا؛ وقتها أبعد.
        [many] { $count } جرعة لا تظهر هنا؛ وقتها أبعد.
       *[other] { $count } جرعة لا تظهر هنا؛ وقتها أبعد.
    }
due-cut = الوصفات أكثر مما تقرؤه هذه الصفحة ({ $count })، وقد تنقص هنا جرعات. صفحة كل مريض فيها كل جرعاته.
warn-allergy = لديه حساسية من هذا الدواء: { $what }.
warn-allergy-group = لديه حساسية من المجموعة نفسها ({ $group }): { $what }.
warn-allergy-near = لديه حساسية من مجموعة قريبة ({ $group }): { $what }.
warn-duplicate = الدواء نفسه موصوف من قبل: { $what }.
warn-duplicate-class = دواء من الصنف نفسه موصوف من قبل: { $what }.
warn-above = { $dose } أكثر من المعتاد: من { $least } إلى { $most } في المرة.
warn-below = { $dose } أقل من المعتاد: من { $least } إلى { $most } في المرة.
warn-above-in-day = في اليوم أكثر من المعتاد وهو { $most }.
warn-no-weight = الجرعة المعتادة بحسب الوزن، ولا وزن حديثًا معروفًا.
warn-no-age = الجرعة المعتادة بحسب العمر، والعمر غير معروف بما يكفي.
warn-units = الجرعة المعتادة بوحدة { $unit } ولم تمكن مقارنتها.
warn-route = لا تعرف القائمة هذا الطريق لهذا الدواء.
warn-nothing-known = لا جرعة معتادة معروفة هنا؛ لم تُقارَن بشيء.
