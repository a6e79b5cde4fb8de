
# الاستمارات: أي استبيان، يُملأ ويُقرأ.

forms = الاستمارات
help-forms = اختر استمارة لتملأها لهذا المريض، وما مُلئ سابقًا تحتها. الاستمارة التي لم يتحقق منها أحد مكتوب عليها ذلك.
forms-new = املأ استمارة
forms-filled = استمارات مملوءة
forms-none = لم تُملأ أي استمارة بعد.
help-form = أجب عما تعرفه؛ «أظهر ما يتبع» يفتح أسئلة أخرى ويحسب الأرقام، ولا يُحفظ شيء قبل أن تضغط «احفظ». الجواب الذي لا يُقرأ يُذكر عند خانته ويبقى فيها.
help-response = هذه الأجوبة كما حُفظت. صحّحها إن كان فيها خطأ: النسخة السابقة تبقى.
form-chip-unverified = غير متحقَّق منها
form-unverified = لم يتحقق طبيب من هذه الاستمارة بعد: مصدرها
form-update = أظهر ما يتبع
form-leave = رجوع بلا حفظ
form-required = لازم
form-no-answer = بلا جواب
form-other = غير ذلك:
form-unit = الوحدة
form-add = أضف: { $what }
form-repetition = { $label } ({ $number })
form-unsupported = لا يمكن إدخال ملف أو رابط هنا؛ الموجود يبقى كما هو.
form-worked-out-later = يُحسب من الأجوبة.
form-hint-date = يوم/شهر/سنة، مثل 18/02/2018، أو السنة وحدها.
form-hint-date-time = التاريخ والوقت، مثل 18/02/2018 14:05.
form-hint-time = الساعة والدقيقة، مثل 14:05.
form-problems =
    { $n ->
        [zero] لم يُحفظ.
        [one] لم يُحفظ: جواب واحد لا يُقرأ. اذهب إليه
        [two] لم يُحفظ: جوابان لا يُقرآن. اذهب إلى الأول
        [few] لم يُحفظ: { $count } أجوبة لا تُقرأ. اذهب إلى الأول
        [many] لم يُحفظ: { $count } جوابًا لا تُقرأ. اذهب إلى الأول
       *[other] لم يُحفظ: { $count } جواب لا تُقرأ. اذهب إلى الأول
    }
form-changed = غيّر أحدهم هذه الاستمارة وأنت تملؤها. أجوبتك في الأسفل: قارنها ثم احفظ مرة ثانية.
form-more = تغيّرت الأسئلة بحسب أجوبتك. انظر فيها ثم احفظ مرة ثانية.
form-blank = لم تُجب عن شيء، فلم يُحفظ شيء.
form-too-many = أجوبة كثيرة مرة واحدة، { $max } على الأكثر: وزّعها على استمارتين.
form-conflict = في هذه الاستمارة قيمتان تنتظران الاختيار. احسمهما قبل أن تصححها.
form-answers = الأجوبة
form-correct = صحّح
form-all = كل الاستمارات
form-as-kept = كما هي محفوظة
form-mistake = مُلئت هذه الاستمارة بالخطأ.
form-unknown = استمارة غير موجودة هنا
form-unknown-why = أسئلة هذه الاستمارة ليست في هذا الموقع، فلا تُرى أجوبتها إلا كما هي محفوظة.
form-other-version = مُلئت بنسخة أخرى من هذه الاستمارة. ما لا تسأل عنه هذه النسخة محفوظ ولا يظهر هنا.

## ما الخطأ في الجواب
form-problem-required = هذا لازم.
form-problem-not-a-number = اكتب أرقامًا ونقطة عشرية واحدة فقط، مثل 12.5 أو ١٢٫٥.
form-problem-not-whole = اكتب عددًا صحيحًا بلا كسور.
form-problem-decimals = { $bound } من الأرقام العشرية على الأكثر.
form-problem-too-small = { $bound } على الأقل؛ راجعه.
form-problem-too-large = { $bound } على الأكثر؛ راجعه.
form-problem-too-long = { $bound } حرف على الأكثر.
form-problem-not-a-date = لا يوجد تاريخ كهذا. اكتبه مثل 18/02/2018، أو السنة وحدها.
form-problem-not-a-date-time = لا يوجد وقت كهذا. اكتبه مثل 18/02/2018 14:05.
form-problem-not-a-time = لا يوجد وقت كهذا. اكتبه مثل 14:05.
form-problem-not-an-option = اختر من القائمة.
form-problem-not-a-unit = اختر وحدة من القائمة.
form-problem-not-a-boolean = أجب بنعم أو لا.
form-problem-not-a-url = هذا ليس عنوانًا.
form-problem-too-many = { $bound } أجوبة على الأكثر.
form-problem-calculation = لا يمكن حسابه من الأجوبة.
form-problem-control = فيه حرف لا يمكن عرضه؛ اكتبه من جديد.

## لماذا لا تُستعمل استمارة من السجل
form-not-url = ليس لهذه الاستمارة عنوان (url)؛ على من أعدّها أن يضيفه.
form-not-syntax = لا يمكن قراءة هذه الاستمارة: صيغة JSON فيها خطأ.
form-not-questionnaire = هذه ليست استمارة.
form-not-link-id = في هذه الاستمارة سؤال بلا اسم (linkId).
form-not-twice = في هذه الاستمارة سؤالان باسم { $item }.
form-not-type = نوع السؤال { $item } غير معروف هنا.
form-not-question = السؤال { $item } يتوقف على { $question } وهو غير موجود.
form-not-condition = شرط السؤال { $item } غير مفهوم.
form-not-circle = هذه الاستمارة تدور على نفسها ولا يمكن استعمالها: { $items }.
form-circle-arrow = { " ← " }
form-not-calculation = حساب السؤال { $item } غير مفهوم.
form-not-supported = في السؤال { $item } ما ليس معروفًا هنا: { $what }.
form-not-small = هذه الاستمارة كبيرة جدًا.
