# كل ما تقوله الشاشات بالعربية. في en.ftl المعرّفات نفسها والمتغيرات نفسها، ويتحقق من ذلك اختبار.

## الإطار
app = سند
skip = إلى المحتوى
nav = الشاشات
nav-overview = نظرة عامة
nav-patients = المرضى
nav-conflicts = قيمتان
nav-sites = المواقع
gauges = المؤشران
only-here = هنا فقط
not-yet-safe = لم يُؤمَّن بعد
readable-here = مقروء هنا
readable-at = مقروء في
language = English
theme-night = ليلي
theme-day = نهاري
theme-auto = مثل الجهاز
theme-label = الإضاءة
sign-out = قفل هذه الشاشة
yes = نعم
no = لا
list-comma = {"، "}
page-of = الصفحة { $page } من { $pages }
page-number = الصفحة { $page }
page-previous = السابق
page-next = التالي
page-nav = الصفحات
back-to-patient = إلى المريض
all-patients = كل المرضى
news = هناك جديد في ما تعرضه هذه الصفحة.
news-reload = أعد التحميل

## الأوقات
times-in = الأوقات بساعة هذا الجهاز، { $zone }.
time-unknown = وقت غير معروف
time-on-day = { $day }، { $time }
time-day = { $day } { $month }
time-day-year = { $day } { $year }
time-month = { $month } { $year }
month-1 = كانون الثاني
month-2 = شباط
month-3 = آذار
month-4 = نيسان
month-5 = أيار
month-6 = حزيران
month-7 = تموز
month-8 = آب
month-9 = أيلول
month-10 = تشرين الأول
month-11 = تشرين الثاني
month-12 = كانون الأول

## نظرة عامة
overview-title = موقع { $site }
overview-at = حتى { $time } ({ $zone })
only-here-means =
    { $n ->
        [zero] لو دُمّر هذا الموقع الآن لما ضاع شيء: كل سجل أكّد موقع آخر استلامه.
        [one] لو دُمّر هذا الموقع الآن لضاع سجل واحد.
        [two] لو دُمّر هذا الموقع الآن لضاع سجلان.
        [few] لو دُمّر هذا الموقع الآن لضاعت { $count } سجلات.
        [many] لو دُمّر هذا الموقع الآن لضاع { $count } سجلًا.
       *[other] لو دُمّر هذا الموقع الآن لضاع { $count } سجل.
    }
policy-outside =
    { $n ->
        [zero] السجل مؤمَّن متى حُفظ هنا.
        [one] السجل مؤمَّن حين يؤكّد استلامه موقع آخر هو ملاذ.
        [two] السجل مؤمَّن حين يؤكّد استلامه موقعان آخران، أحدهما على الأقل ملاذ.
        [few] السجل مؤمَّن حين تؤكّد استلامه { $count } مواقع أخرى، أحدها على الأقل ملاذ.
        [many] السجل مؤمَّن حين يؤكّد استلامه { $count } موقعًا آخر، أحدها على الأقل ملاذ.
       *[other] السجل مؤمَّن حين يؤكّد استلامه { $count } موقع آخر، أحدها على الأقل ملاذ.
    }
policy-anywhere =
    { $n ->
        [zero] السجل مؤمَّن متى حُفظ هنا.
        [one] السجل مؤمَّن حين يؤكّد استلامه موقع آخر.
        [two] السجل مؤمَّن حين يؤكّد استلامه موقعان آخران.
        [few] السجل مؤمَّن حين تؤكّد استلامه { $count } مواقع أخرى.
        [many] السجل مؤمَّن حين يؤكّد استلامه { $count } موقعًا آخر.
       *[other] السجل مؤمَّن حين يؤكّد استلامه { $count } موقع آخر.
    }
policy-cannot = مواقع الشبكة أقل من ذلك بعد: إلى أن ينضم غيرها لا شيء مؤمَّن.
lane = السجلات
lane-control = الشبكة
lane-urgent = العاجل
lane-clinical = السريري
lane-bulk = المرفقات والوثائق
only-here-lower = المزامنة مع موقع آخر تُنقص هذا العدد، بعد أن يعود إيصاله.
readable-means =
    { $n ->
        [zero] من أخذ هذا الجهاز مفتوحًا لا يقرأ ملف أي مريض.
        [one] من أخذ هذا الجهاز مفتوحًا الآن يقرأ ملف مريض واحد.
        [two] من أخذ هذا الجهاز مفتوحًا الآن يقرأ ملفَّي مريضين.
        [few] من أخذ هذا الجهاز مفتوحًا الآن يقرأ ملفات { $count } مرضى.
        [many] من أخذ هذا الجهاز مفتوحًا الآن يقرأ ملفات { $count } مريضًا.
       *[other] من أخذ هذا الجهاز مفتوحًا الآن يقرأ ملفات { $count } مريض.
    }
readable-rest =
    { $n ->
        [zero] لا شيء مختوم هنا: كل سجل محفوظ هنا يُقرأ هنا.
        [one] وهنا سجل آخر مختوم: لا يقرؤه هذا الجهاز.
        [two] وهنا سجلان آخران مختومان: لا يقرؤهما هذا الجهاز.
        [few] وهنا { $count } سجلات أخرى مختومة: لا يقرؤها هذا الجهاز.
        [many] وهنا { $count } سجلًا آخر مختومًا: لا يقرؤه هذا الجهاز.
       *[other] وهنا { $count } سجل آخر مختوم: لا يقرؤه هذا الجهاز.
    }
legend-elsewhere = مؤكَّد في موقع آخر
legend-only-here = هنا فقط
legend-readable = مقروء
legend-sealed = مختوم، لا يُقرأ هنا
sites = المواقع
sites-lead = إلى أين أكّد كل موقع، بإيصاله الموقَّع، استلام ما هو محفوظ هنا.
sites-alone = لم يُضمّ أي موقع آخر بعد. كل ما يُحفظ هنا موجود هنا فقط.
site-this = هذا الموقع
site-this-holds =
    { $n ->
        [zero] لا سجلات فيه بعد
        [one] فيه سجل واحد
        [two] فيه سجلان
        [few] فيه { $count } سجلات
        [many] فيه { $count } سجلًا
       *[other] فيه { $count } سجل
    }
kind-enclave = داخل الحصار
kind-haven = ملاذ
kind-keeper = حافظ
keeper-cannot-read = يحمل ولا يستطيع القراءة
site-confirmed =
    { $n ->
        [zero] أكّد عند { $time }، لا ينقصه شيء
        [one] أكّد عند { $time }، ينقصه سجل واحد
        [two] أكّد عند { $time }، ينقصه سجلان
        [few] أكّد عند { $time }، تنقصه { $count } سجلات
        [many] أكّد عند { $time }، ينقصه { $count } سجلًا
       *[other] أكّد عند { $time }، ينقصه { $count } سجل
    }
site-never = لم يؤكّد شيئًا بعد: لم يصل منه إيصال
site-heard = آخر تبادل { $time }
site-not-heard = لم يُسمع منه مباشرة
site-failing = لا جواب منذ { $time }: { $why }
why-no-address = لا يُعرف له عنوان
why-unreachable = لا يمكن الوصول إلى عنوانه
why-timeout = لم يُجب في الوقت المتاح
why-busy = أجاب ولم يقبل جلسة
why-not-a-site = يجيب على عنوانه شيء آخر
why-wrong-certificate = ظهرت شهادة غير المنتظرة؛ لم يُرسل شيء
why-broken-off = انقطع الوصل أثناء الجلسة
why-refused = رفض أحد الطرفين الآخر
why-disk-refused = لم يقبل القرص هنا ما وصل
site-no-address = لا عنوان معروف
sites-all = كل المواقع
syncs = آخر التبادلات
syncs-none = لم يجرِ أي تبادل بعد.
sync-done = استلام { $received }، إرسال { $sent }
sync-broken = انقطع بعد استلام { $received } وإرسال { $sent }؛ ما وصل محفوظ والباقي يلحق
sync-refused = رُفض: ليس من هذه الشبكة أو لم يُضمّ بعد؛ لم يُتبادل شيء
sync-disk = لم يتّسع القرص هنا لما وصل؛ لم يضع شيء مما حُفظ. أفسح مكانًا وستُعاد المحاولة
aside = محفوظ جانبًا
aside-none = لا شيء. قُبل كل ما وصل.
aside-lost =
    { $n ->
        [zero] لا مدخلات تالفة على هذا القرص
        [one] مدخل واحد تالف على هذا القرص
        [two] مدخلان تالفان على هذا القرص
        [few] { $count } مدخلات تالفة على هذا القرص
        [many] { $count } مدخلًا تالفًا على هذا القرص
       *[other] { $count } مدخل تالف على هذا القرص
    }
aside-lost-means = يُعدّ غير موجود هنا ويُطلب من المواقع الأخرى من جديد. زامِن مع موقع يحمله، وأخبر الفني: قد يكون القرص على وشك التلف.
aside-damaged =
    { $n ->
        [zero] لا سجلات من مداخل تالفة
        [one] سجل واحد من مدخل تالف
        [two] سجلان من مداخل تالفة
        [few] { $count } سجلات من مداخل تالفة
        [many] { $count } سجلًا من مداخل تالفة
       *[other] { $count } سجل من مداخل تالفة
    }
aside-damaged-means = كان معروضًا هنا حتى تلف مدخله، وهو محفوظ كما كان معروضًا. يخرج من هذه القائمة حين يجلب موقع آخر المدخل، وإن لم يعد أحد يحمله فيمكن إدخاله.
aside-all = كلها مع أسبابها
aside-strangers =
    { $n ->
        [zero] لا مداخل من كاتب غير معروف هنا
        [one] مدخل واحد من كاتب غير معروف هنا
        [two] مدخلان من كاتب غير معروف هنا
        [few] { $count } مداخل من كتّاب غير معروفين هنا
        [many] { $count } مدخلًا من كتّاب غير معروفين هنا
       *[other] { $count } مدخل من كتّاب غير معروفين هنا
    }
aside-strangers-means = لم يقل أحد بعدُ إنهم من الشبكة. هي محفوظة وتُمرَّر، وتدخل من نفسها عند وصول ضمّهم.
aside-refused =
    { $n ->
        [zero] لا مدخلات مرفوضة
        [one] مدخل واحد مرفوض
        [two] مدخلان مرفوضان
        [few] { $count } مدخلات مرفوضة
        [many] { $count } مدخلًا مرفوضًا
       *[other] { $count } مدخل مرفوض
    }
aside-refused-means = لم يتطابق التوقيع أو المحتوى. حُفظ جانبًا وذُكر اسمه، وكل ما عداه مستمر.
aside-forks =
    { $n ->
        [zero] لا تفرّعات
        [one] تفرّع واحد
        [two] تفرّعان
        [few] { $count } تفرّعات
        [many] { $count } تفرّعًا
       *[other] { $count } تفرّع
    }
aside-forks-means = كتب جهاز واحد مدخلين مختلفين في الموضع نفسه: ربما نُسخ الجهاز أو استُعيد. كلاهما محفوظ ومقروء. أخبر الفني.
aside-unreadable =
    { $n ->
        [zero] لا مدخلات متعذّرة القراءة
        [one] مدخل واحد لا يُقرأ
        [two] مدخلان لا يُقرآن
        [few] { $count } مدخلات لا تُقرأ
        [many] { $count } مدخلًا لا يُقرأ
       *[other] { $count } مدخل لا يُقرأ
    }
aside-unreadable-means = فُتح، لكن محتواه تالف أو أحدث من هذه النسخة. هو محفوظ ويُمرَّر إلى غيرنا.

## المرضى
patients = المرضى
search-label = ابحث عن مريض
search-hint = الاسم بحروف عربية أو لاتينية، أو بطاقة الفرز، أو الرقم. ما تكتبه لا يظهر في العنوان.
search-button = ابحث
search-clear = أظهر الكل
search-gone = لم يعد هذا البحث محفوظًا. اكتبه من جديد.
patients-count =
    { $n ->
        [zero] لا مرضى تُقرأ ملفاتهم هنا بعد.
        [one] مريض واحد
        [two] مريضان
        [few] { $count } مرضى
        [many] { $count } مريضًا
       *[other] { $count } مريض
    }
found-count =
    { $n ->
        [zero] لم يُعثر على أحد.
        [one] عُثر على مريض واحد
        [two] عُثر على مريضين
        [few] عُثر على { $count } مرضى
        [many] عُثر على { $count } مريضًا
       *[other] عُثر على { $count } مريض
    }
found-many = عُثر على مرضى كثيرين. أضف حروفًا أو اسم الأب أو بطاقة الفرز.
found-none-next = جرّب حروفًا أقل، أو كتابة أخرى، أو بطاقة الفرز. المريض الذي ملفه مختوم هنا لا يُعثر عليه باسمه.
patients-none-next = يظهر المرضى هنا حين يُحفظ سجل أو يُستورد أو يُستلم.
patient-unnamed = مجهول الهوية
patient-dead = متوفى
sex-male = ذكر
sex-female = أنثى
sex-other = آخر
sex-unknown = الجنس غير معروف
age-about =
    { $n ->
        [zero] أقل من سنة
        [one] نحو سنة
        [two] نحو سنتين
        [few] نحو { $count } سنوات
        [many] نحو { $count } سنة
       *[other] نحو { $count } سنة
    }
age-infant = أقل من سنة
chip-conflicts =
    { $n ->
        [one] قيمتان
       *[other] قيمتان: { $count }
    }
chip-conflict = قيمتان

## مريض واحد
patient-title = مريض
patient-only-here =
    { $n ->
        [zero] لا شيء من هذا الملف هنا فقط.
        [one] سجل واحد من هذا الملف يضيع بضياع هذا الموقع.
        [two] سجلان من هذا الملف يضيعان بضياع هذا الموقع.
        [few] { $count } سجلات من هذا الملف تضيع بضياع هذا الموقع.
        [many] { $count } سجلًا من هذا الملف يضيع بضياع هذا الموقع.
       *[other] { $count } سجل من هذا الملف يضيع بضياع هذا الموقع.
    }
where-is = أين هذا السجل؟
place-confirmed = مؤكَّد؛ وصل أحدث إيصال منه { $time }
place-partly = مؤكَّد جزئيًا (المدخلات { $part })؛ وصل أحدث إيصال منه { $time } ولا يذكر الباقي
place-part = { $part } من { $all }
place-not-yet = غير مؤكَّد: وصل أحدث إيصال منه { $time } ولا يذكر هذا
place-never-heard = غير مؤكَّد: لم يصل من هذا الموقع أي إيصال قط
place-told-by = حمل الإيصال { $site }
place-talked = آخر تبادل مكتمل { $time }
place-only-through = معروف عن طريق غيره فقط
place-under-way = غادر مع ساعٍ { $time }، المدخلات: { $entries }؛ وتُحسب غير موجودة هناك حتى يعود الإيصال
place-readable = مُنح مفتاحه: يقرأ ما يصله منه
place-partly-readable = مُنح مفاتيح جزء منه
place-sealed = مختوم عليه: قد يحمله ولا يقرؤه
patient-readable-none = لا موقع يقرأ هذا الملف.
patient-merged-from = دُمج من
allergies = حساسية
group-all =
    { $n ->
        [zero] لا شيء
        [one] أظهره
        [two] أظهر الاثنين
        [few] أظهر الكل، { $count }
        [many] أظهر الكل، { $count }
       *[other] أظهر الكل، { $count }
    }
group-empty = لم يُحفظ عن هذا المريض شيء آخر.
no-date = بلا تاريخ
untitled = بلا وصف

## سجل واحد
resource-says = ما يقوله
patient-identity = الهوية كاملة
resource-deleted = حُذف هذا. نسخه باقية.
resource-too-long = القائمة أطول من أن تظهر كاملة. الباقي في النص الأصلي.
resource-raw = كما هو محفوظ (JSON)
resource-raw-cut = النص أطول من أن يظهر كاملًا. التصدير فيه النص كله.
versions = النسخ
version = نسخة
version-current = الحالية
version-deletes = حذف
version-by = { $author } · { $site }
version-unsigned = لم يُذكر من
version-from = بعد
version-first = الأولى
version-apart =
    { $n ->
        [zero] لا نسخة قائمة
        [one] نسخة واحدة قائمة
        [two] نسختان قائمتان جنبًا إلى جنب
        [few] { $count } نسخ قائمة جنبًا إلى جنب
        [many] { $count } نسخة قائمة جنبًا إلى جنب
       *[other] { $count } نسخة قائمة جنبًا إلى جنب
    }
version-older = هذه نسخة واحدة كما كُتبت. قد لا تكون الحالية.
version-to-current = إلى الحالية
conflict-choose = قيمتان؛ اختر واحدة
conflict-count =
    { $n ->
        [zero] لا قيم متعارضة
        [one] قيمتان في موضع واحد
        [two] قيمتان في كل من موضعين
        [few] قيمتان في كل من { $count } مواضع
        [many] قيمتان في كل من { $count } موضعًا
       *[other] قيمتان في كل من { $count } موضع
    }
conflict-why = غيّر شخصان الشيء نفسه كلٌّ على حدة. القيمتان محفوظتان، والطبيب يقرر.
conflict-removed-elsewhere = أزاله طرف وأبقاه الآخر أو غيّره. هو باقٍ.
conflict-deleted-elsewhere = حذف طرف السجل كله وغيّره الآخر. هو باقٍ.
conflict-unreadable = تعذّرت قراءة أحد الطرفين سجلًا. كلاهما محفوظ كما وصل.
conflict-removed = أُزيل
conflicts = قيمتان
conflicts-none = لا شيء ينتظر اختيارًا. كل ما غُيّر على حدة اندمج.
conflicts-lead =
    { $n ->
        [zero] لا شيء ينتظر اختيارًا.
        [one] سجل واحد ينتظر اختيار طبيب. القيمتان محفوظتان.
        [two] سجلان ينتظران اختيار طبيب. القيم كلها محفوظة.
        [few] { $count } سجلات تنتظر اختيار طبيب. القيم كلها محفوظة.
        [many] { $count } سجلًا ينتظر اختيار طبيب. القيم كلها محفوظة.
       *[other] { $count } سجل ينتظر اختيار طبيب. القيم كلها محفوظة.
    }

## فتح الشاشة
sign-in = فتح هذه الشاشة
sign-in-lead = اكتب الأرقام الثمانية التي أظهرها هذا الموقع عند تشغيله.
sign-in-code = رمز الشاشة
sign-in-button = افتح
sign-in-wrong = الرمز غير صحيح. لم يُفتح شيء. انظر إلى شاشة الموقع نفسه واكتبه من جديد.
sign-in-wait =
    { $n ->
        [zero] رموز خاطئة كثيرة. لم يُفتح شيء. اكتب الرمز من جديد.
        [one] رموز خاطئة كثيرة. لم يُفتح شيء. انتظر ثانية واحدة ثم اكتب الرمز من جديد.
        [two] رموز خاطئة كثيرة. لم يُفتح شيء. انتظر ثانيتين ثم اكتب الرمز من جديد.
        [few] رموز خاطئة كثيرة. لم يُفتح شيء. انتظر { $count } ثوانٍ ثم اكتب الرمز من جديد.
        [many] رموز خاطئة كثيرة. لم يُفتح شيء. انتظر { $count } ثانية ثم اكتب الرمز من جديد.
       *[other] رموز خاطئة كثيرة. لم يُفتح شيء. انتظر { $count } ثانية ثم اكتب الرمز من جديد.
    }
sign-in-plain = هذا الاتصال غير معمّى. من يتنصّت على هذه الشبكة يرى ما تراه.

## ما حدث
safe = ما هو آمن
next = ما العمل الآن
to-overview = إلى النظرة العامة
missing-happened = لا شيء في هذا العنوان.
missing-safe = لم يتغيّر أي سجل. والسجل الذي استُلم وهو مختوم هنا لا يظهر هنا أيضًا.
missing-next = ابحث عن المريض في القائمة، أو ارجع.
too-large-happened = ما أُرسل أكبر مما تقبله هذه الصفحة.
too-large-safe = لم يتغيّر شيء.
too-large-next = أرسل نصًا أقصر، أو استورد الملفات من سطر الأوامر.
broken-happened = تعذّر على الموقع قراءة هذا الآن.
broken-safe = لم يتغيّر شيء، ولم يضع شيء مما حُفظ.
broken-next = حاول مرة أخرى بعد دقيقة: الموقع يعيد بناء الجدول التالف من تلقاء نفسه. إن تكرر ذلك فليشغّل الفني الأمر “sanad check”.
read-only-happened = هذه الشاشات تعرض سجلًا لا يتغيّر.
read-only-safe = لم يتغيّر شيء.
read-only-next = افتح شاشات موقع يعمل.
disk-full-happened = لم يبق مكان على قرص هذا الموقع.
disk-full-safe = لم يُحفظ هذا النموذج، وكل ما حُفظ قبله سليم.
disk-full-next = ارجع إلى الصفحة السابقة: ما كتبته ما زال فيها. ليفرغ الفني مكانًا، ثم أرسل مرة أخرى.
field-too-long = أطول مما يتسع له هذا الحقل؛ اكتب { $max } حرفًا على الأكثر.
foreign-form-happened = لم يأتِ هذا الطلب من هذه الصفحة، أو بقيت الصفحة مفتوحة طويلًا.
foreign-form-safe = لم يتغيّر شيء.
foreign-form-next = افتح الصفحة من جديد وأعد الخطوة.
wrong-host-happened = نودي هذا الموقع باسم لا يعرفه.
wrong-host-safe = لم يظهر شيء ولم يتغيّر شيء.
wrong-host-next = افتح الموقع بالعنوان الذي أظهره عند تشغيله.
wrong-way-happened = هذا العنوان لا يقبل هذا النوع من الطلبات.
wrong-way-safe = لم يتغيّر شيء.
wrong-way-next = ارجع واستعمل الزر الذي في الصفحة.

## كلمات FHIR: الأنواع
type-AllergyIntolerance = الحساسية
type-CarePlan = خطط الرعاية
type-Composition = الوثائق
type-Condition = التشخيصات
type-Device = الأجهزة
type-DiagnosticReport = التقارير
type-DocumentReference = الوثائق
type-Encounter = الزيارات
type-Immunization = اللقاحات
type-Location = الأماكن
type-MedicationAdministration = أدوية أُعطيت
type-MedicationRequest = أدوية موصوفة
type-MedicationStatement = أدوية يتناولها
type-Observation = المشاهدات
type-Organization = المرافق
type-Patient = المريض
type-Practitioner = الكادر
type-Procedure = العمليات والإجراءات
type-ServiceRequest = الطلبات
type-Specimen = العينات

## كلمات FHIR: العناصر
el-abatement = انتهى
el-active = مستعمل
el-address = العنوان
el-authoredOn = وقت الوصف
el-birthDate = الميلاد
el-bodySite = الموضع
el-category = الصنف
el-class = نوع الزيارة
el-clinicalStatus = المسار
el-code = ما هو
el-communication = اللغات
el-component = جزء
el-contact = للاتصال
el-context = الزيارة
el-criticality = الخطورة
el-deceased = الوفاة
el-dosage = الجرعة
el-dosageInstruction = الجرعة
el-effective = متى
el-encounter = الزيارة
el-gender = الجنس
el-hospitalization = الإقامة
el-identifier = الرقم
el-intent = الغرض
el-interpretation = التفسير
el-issued = صدر
el-language = اللغة
el-location = المكان
el-managingOrganization = لدى
el-manifestation = العلامة
el-medication = الدواء
el-method = الطريقة
el-name = الاسم
el-city = البلدة
el-country = البلد
el-district = المنطقة
el-line = الشارع
el-text = النص
el-use = الاستعمال
el-unit = الوحدة
el-note = ملاحظة
el-occurrence = متى
el-onset = بدأ
el-participant = المشاركون
el-patient = المريض
el-performed = أُجري
el-performer = من أجراه
el-period = من – إلى
el-priority = الاستعجال
el-reaction = رد الفعل
el-reasonCode = السبب
el-reasonReference = السبب
el-recordedDate = وقت التدوين
el-recorder = من دوّنه
el-referenceRange = المجال المعتاد
el-requester = من وصفه
el-route = الطريق
el-serviceProvider = المرفق
el-severity = الشدة
el-status = الحالة
el-subject = المريض
el-telecom = الهاتف
el-type = النوع
el-value = القيمة
el-vaccineCode = اللقاح
el-verificationStatus = اليقين

## كلمات FHIR: الرموز
status-active = فعّال
status-amended = معدَّل
status-cancelled = أُلغي
status-completed = تم
status-corrected = مصحَّح
status-draft = مسودة
status-entered-in-error = أُدخل خطأً
status-final = نهائي
status-finished = انتهى
status-in-progress = جارٍ
status-inactive = غير فعّال
status-not-done = لم يُنفّذ
status-on-hold = أُجِّل
status-planned = مخطط له
status-preliminary = أولي
status-recurrence = عاد
status-relapse = انتكس
status-remission = هدأ
status-resolved = شُفي
status-stopped = أُوقف
status-unknown = الحالة غير معروفة
criticality-high = خطِر
criticality-low = غير خطِر

## طلب الملفات
nav-asks = طلب ملف
asks = طلب ملف
asks-at-once = يجيب هذا الموقع فورًا حين يطابق مريض واحد فقط في كل جزء وبالكتابة نفسها. وكل ما عدا ذلك ينتظر هنا.
asks-a-person = لا يجيب هذا الموقع إلا بعد موافقة شخص هنا.
asks-pending = مواقع أخرى تطلب
asks-pending-none = لا أحد ينتظر جوابًا من هنا.
asks-from = يطلبه { $site }
asks-from-by = يطلبه { $by } في { $site }
asks-by = نداؤك
asks-partly = يطابق جزئيًا
asks-grant = افتح لهم هذا الملف
asks-grant-means = من يُتح له ملف يقرأه من ذلك الحين. يُدوَّن ذلك في الملف ولا يمكن الرجوع عنه.
asks-refuse = ارفض
asks-new = اسأل الشبكة
asks-new-means = يقرأ كل موقع في الشبكة السؤال؛ ومن الاسم لا يقرأ إلا ما يلزم للمقارنة. والمواقع التي لا تعرف أحدًا كهذا تبقى صامتة.
asks-what = السؤال عن
asks-name = اسم
asks-tag = رقم بطاقة الفرز
asks-id = معرّف السجل
asks-text = الاسم أو رقم البطاقة أو المعرّف
asks-father = مع الاسم: اسم الأب
asks-born = مع الاسم: سنة الميلاد
asks-send = اسأل
asks-own = ما سأله هذا الموقع
asks-own-none = لم يسأل هذا الموقع شيئًا.
asks-withdrawn = سُحب
asks-no-answer = لا جواب بعد
asks-granted = أتاحه { $site }
asks-refused = رفضه { $site }
asks-on-its-way = الملف ما زال في الطريق
asks-bad-year = ليست هذه سنة ميلاد. لم يُرسل شيء. اكتب أربعة أرقام أو اتركها فارغة.
asks-bad-whom = لا يمكن السؤال عن هذا. لم يُرسل شيء. اكتب اسمًا بحروف، أو رقم بطاقة، أو معرّفًا كما هو على البطاقة.
asks-bad-call-sign = النداء ناقص أو غير صالح. لم يُفعل شيء. اكتب نداءك ثم اضغط من جديد.
asks-gone = لم يعد هذا الطلب موجودًا، أو ليس لهذا الموقع أن يجيب عنه. لم يُتح شيء. انظر إلى القائمة من جديد.
asks-no-patient = لا ملف لهذا المريض يمكن قراءته هنا. لم يُتح شيء. ابحث عن المريض أولًا.
asks-no-site = لا موقع يُفعل معه هذا. لم يُتح شيء ولم يُرسل شيء. انظر إلى قائمة المواقع.
asks-already = أُتيح ملف لهذا الطلب من قبل، والمفتاح الذي أُعطي لا يُسترد. لم يتغير شيء.
grants = فُتح لمواقع أخرى
grant-by = يجوز لـ{ $to } قراءته: وافق { $by } في { $from }
grant-by-policy = يجوز لـ{ $to } قراءته: سياسة { $from }
asks-not-recorded = لم يمكن تدوين الإتاحة، فلم يُتح شيء. حاول من جديد، فإن بقي الأمر كذلك فاستدعِ التقني.

quarantine = محفوظ جانبًا
quarantine-lead = لا شيء من هذا يوقف غيره. المختوم مختوم هنا أيضًا، وليس في هذه الصفحة شيء مما تقوله السجلات.
quarantine-pieces = ما لم يُقبل
quarantine-unknown-site = موقع غير معروف هنا
quarantine-place = الجهاز { $device }، { $place }
quarantine-dropped =
    { $n ->
        [zero] لم تُترك أي قطعة.
        [one] قطعة أقدم أفسحت المكان لأحدث منها من المصدر نفسه، ولم تعد محفوظة.
        [two] قطعتان أقدم أفسحتا المكان لأحدث منهما من المصدر نفسه، ولم تعودا محفوظتين.
        [few] { $count } قطع أقدم أفسحت المكان لأحدث منها من المصدر نفسه، ولم تعد محفوظة.
        [many] { $count } قطعة أقدم أفسحت المكان لأحدث منها من المصدر نفسه، ولم تعد محفوظة.
       *[other] { $count } قطعة أقدم أفسحت المكان لأحدث منها من المصدر نفسه، ولم تعد محفوظة.
    }
quarantine-why-fork = في موضعه مدخل آخر من الجهاز نفسه: استُعيد الجهاز من نسخة أو استُنسخ.
quarantine-why-signature = التوقيع ليس توقيع كاتبه: تغيّر في الطريق أو زُوّر.
quarantine-why-form = ليس مدخلًا، أو أن مضمونه غير الذي وُقّع. اطلب من الموقع الذي كتبه أن يحفظ من جديد.
quarantine-why-unknown-format = صيغته لا تعرفها هذه النسخة. أخبر الفني: تقرؤه نسخة أحدث.
quarantine-why-carried = يحمل مدخلًا آخر، وذلك المدخل غير صحيح.
quarantine-why-unknown-author = لم يقل أحد هنا إن كاتبه من الشبكة. يدخل من نفسه عند وصول ضمّه.
quarantine-why-broken-seal = مفتاحه هنا والختم لا يصح: لا يستطيع أحد قراءته. اطلب من الموقع الذي كتبه أن يحفظ من جديد.
quarantine-why-not-a-save = فُتح وليس فيه سجل. اطلب من الموقع الذي كتبه أن يحفظ من جديد.
quarantine-why-damage = سجل كان معروضًا هنا قبل أن يضيع مدخله بتلف القرص.
quarantine-came-session = وصل في جلسة مع { $from }
quarantine-came-carrier = وصل على ذاكرة USB أو في رسالة من { $from }
quarantine-came-here = من هذا الموقع، أو لم يعد معروفًا ممّن وصل
quarantine-adopted = أُدخل
quarantine-adopt = أدخِله
quarantine-adopt-means = أنت تقول إن هذا صالح للاستعمال. يحفظ هذا الموقع سجلاته من جديد بجانب كل ما قيل غيرها، مع بيان من أين جاءت ولماذا حُفظت جانبًا ونداؤك. وما هو محفوظ جانبًا يبقى محفوظًا.
quarantine-bad-call-sign = النداء ناقص أو غير صالح. لم يُفعل شيء. اكتب نداءك ثم اضغط من جديد.
quarantine-gone = لا شيء محفوظ جانبًا بهذا الرقم. لم يتغير شيء. انظر إلى القائمة من جديد.
quarantine-held = المدخل نفسه موجود هنا ومعروض في مكانه. لم يتغير شيء، ولا حاجة إلى شيء.
quarantine-sealed = هذا مختوم هنا: مفتاح ملفه غير موجود، فلا يعرف أحد هنا ما فيه. لم يتغير شيء. اسأل الشبكة عن الملف وأعد المحاولة بعد فتحه.
quarantine-broken = الختم لا يصح: لا يستطيع أحد قراءة ما كُتب. كل ما عداه سليم. اطلب من الموقع الذي كتبه أن يحفظ السجل من جديد.
quarantine-newer = كتبته نسخة أحدث ولا تقرؤه هذه النسخة. يبقى كما هو. أخبر الفني.
quarantine-no-record = ليس في هذا سجل يمكن إدخاله. يبقى دليلًا، وكل ما عداه سليم.
forks = أجهزة عادت إلى الوراء في الزمن
forks-none = لا شيء.
fork-means = استُعيد هذا الجهاز من نسخة أو استُنسخ، وقال شيئين في موضع واحد. كلاهما محفوظ ويُقرأ في الملفات.
fork-found = اكتشفه { $site }
fork-carried = { $entries } من مدخلات الفرع الذي فقد مواضعه موجودة في سجلات { $sites }.
fork-carried-none = لم يلزم بعدُ نقل أي مدخل هنا.
fork-replaced = يتابع الموقع بجهاز جديد. لا حاجة إلى شيء.
fork-not-replaced = لم يأخذ الموقع جهازًا جديدًا بعد. أخبر فنيّه أن المجلد نسخة.

# What an answer of the FHIR interface says of what went wrong.
outcome-business-rule = هذا يخالف إحدى قواعد FHIR.
outcome-code-invalid = أحد الرموز ليس من الرموز المسموح بها هنا.
outcome-conflict = غيّر شخص آخر هذا السجل. لم يُحفظ شيء؛ اقرأه من جديد وأعد التغيير.
outcome-expired = انتهت مدة هذا الطلب أو لم يعد معروفًا هنا. اطلبه من جديد.
outcome-incomplete = جزء منه ناقص.
outcome-deleted = حُذف هذا السجل. نسخه السابقة محفوظة.
outcome-duplicate = هذا موجود هنا من قبل. لم يُحفظ شيء.
outcome-exception = لم يستطع الموقع فعل ذلك. ما حُفظ من قبل سليم؛ أجرِ فحصاً.
outcome-extension = إحدى الإضافات ليست كما ينبغي.
outcome-forbidden = رمز الدخول لا يسمح بذلك. اطلب رمزاً آخر ممن يدير الموقع.
outcome-invalid = في المُرسَل ما لا يمكن فهمه.
outcome-invariant = في المُرسَل تناقض.
outcome-login = يلزم رمز دخول. يصنعه من يدير الموقع.
outcome-multiple-matches = هذا ينطبق على أكثر من سجل. لم يُحفظ شيء.
outcome-no-store = القرص ممتلئ. لم يُحفظ شيء من هذا؛ كل ما حُفظ من قبل سليم.
outcome-not-found = لا يوجد هنا شيء بهذا الاسم تُسمح قراءته.
outcome-not-supported = لا يستطيع الموقع فعل ذلك.
outcome-processing = لم يمكن تنفيذ هذا.
outcome-required = ينقص شيء لازم.
outcome-security = لا يمكن الطلب بهذه الطريقة أو من هذا المكان.
outcome-structure = ليس للمُرسَل الشكل المطلوب.
outcome-throttled = الطلبات كثيرة في الوقت نفسه. انتظر قليلًا ثم اطلب من جديد.
outcome-too-costly = هذا كثير دفعة واحدة. ضيّق الطلب.
outcome-too-long = هذا أطول مما يُقبل. أرسله على أجزاء.
outcome-transient = الموقع غير جاهز. لم يُحفظ شيء؛ حاول لاحقاً.

# People, roles, the lock, the first run
as-whom = أنت { $by }
call-sign = اسم النداء
call-sign-hint = كلمة لا تدل على شخص ولا على مكان، مثل «بلشون».
pin = الرمز
pin-hint = من 6 إلى 12 رقمًا، لا كلها متشابهة ولا متتالية.
pin-old = الرمز الحالي
pin-new = الرمز الجديد
pin-again = الرمز نفسه مرة أخرى
pin-change = تغيير رمزي
pin-changed = تغيّر الرمز. يسري من الدخول القادم.
sign-in-lead-pin = اكتب اسم ندائك ورمزك.
sign-in-wrong-pin = اسم النداء والرمز لا يتوافقان. لم يُفتح شيء. اكتبهما من جديد، أو اطلب من الفني رمزًا جديدًا.
sign-in-kept = قُفلت الشاشة قبل أن تصل استمارتك. ما كتبته محفوظ، ويُعرض للإرسال بعد رمزك.
sign-in-lost = قُفلت الشاشة قبل أن تصل استمارتك، وتعذّر الاحتفاظ بما أُرسل. لم يُحفظ شيء. ادخل وأرسله من جديد.
lock-idle = أغلقت هذه الصفحة نفسها
lock-idle-means = لم يلمسها أحد منذ مدة. صفحة أخرى في هذا المتصفح ما زالت مفتوحة وقيد الاستعمال.
lock-idle-back = افتحها من جديد
resume = دخلت من جديد
resume-means = الاستمارة التي أرسلتها والشاشة مقفلة جاهزة. لم يُحفظ منها شيء بعد.
resume-send = أرسلها الآن
resume-leave = لا ترسلها
refused = دورك لا يشمل هذا. لم يتغيّر شيء.
refused-who = يستطيعه من له دور آخر؛ الفني يعرف لمن أي دور.
refused-typed = هذا ما كتبته، لتنقله إلى غيرك:
hide = إخفاء
help = ما هذا؟
network = إعدادات الشبكة
network-state = الحالة
network-connected = متصل
network-address = العنوان
network-automatic = تلقائي
network-names = خوادم الأسماء
network-proxy = الوكيل
network-none = لا يوجد
network-saved = حُفظت كل التغييرات.
network-refresh = تحديث
role-triage = الفرز
role-nurse = تمريض
role-doctor = طبيب
role-pharmacy = صيدلية
role-coordinator = منسّق
role-technician = فني
role-means-triage = يستقبل المصابين ويفرزهم ويفتح الملفات، ولا يصف دواء.
role-means-nurse = يفتح الملفات ويكتب ويعطي الأدوية.
role-means-doctor = كالتمريض، ويصف ويقرّر.
role-means-pharmacy = يرى الوصفات والحساسية، لا الملفات.
role-means-coordinator = يرى أين الناس وإلى أين يذهبون، لا الملفات.
role-means-technician = يُبقي الجهاز عاملًا ويحدد من يدخل، ولا يرى أي مريض.
people = العاملون
people-lead = من يدخل هنا وبأي دور. هم لهذا الموقع وحده ولا يُرسلون إلى غيره.
people-add = إضافة شخص
people-role = الدور
people-pin = الرمز، إن أردت اختياره
people-pin-empty = إن تُرك فارغًا اختير رمز عشوائي وعُرض مرة واحدة.
people-drawn = رمز { $by }
people-drawn-once = يُعرض هذه المرة فقط ولا يُحفظ مكشوفًا في أي مكان. لا تقله لغير صاحبه؛ ويستطيع صاحبه تغييره من أسفل أي صفحة.
people-here = في هذا الموقع
people-disabled = لا يُسمح له بالدخول
people-change = تغيير
people-set-role = تعيين هذا الدور
people-new-pin = رمز جديد
people-disable = منعه من الدخول
people-enable = السماح له بالدخول من جديد
people-lock = الشاشات المتروكة
people-lock-minutes = الدقائق حتى تقفل الشاشة المتروكة نفسها
people-lock-set = تعيين
people-bad-call-sign = اسم النداء ناقص أو طويل جدًا أو فيه ما لا يُرى. لم يُضف أحد. اكتب كلمة قصيرة.
people-bad-pin = الرمز من 6 إلى 12 رقمًا، لا كلها متشابهة ولا متتالية. لم يتغيّر شيء. اختر غيره.
people-pins-differ = الرمزان مختلفان. لم يتغيّر شيء. اكتبهما من جديد.
people-taken = اسم النداء هذا لغيره. لم يُضف أحد. اختر اسمًا آخر.
people-unknown = لا أحد بهذا الاسم. لم يتغيّر شيء. انظر إلى القائمة أدناه.
people-last-technician = لن يبقى من يحدد من يدخل. لم يتغيّر شيء. أضف فنيًا آخر أولًا.
people-first-is-technician = يجب أن يكون هنا فني أولًا. لم يُضف أحد. أضف فنيًا ثم الآخرين.
people-too-many = قائمة العاملين ممتلئة. لم يُضف أحد. اسأل من يدير الشبكة.
people-bad-minutes = اكتب عددًا من 1 إلى { $count }. لم يتغيّر شيء.
start = من يعتني بهذا الموقع؟
start-step-1 = الخطوة 1 من 3
start-step-2 = الخطوة 2 من 3
start-step-3 = الخطوة 3 من 3
start-lead = يحفظ هذا الموقع سجلات مرضاه معمّاة، وينقلها إلى المواقع الأخرى بأي وصلة أو ذاكرة.
start-technician = أول شخص هو الفني، وهو من يحدد من يدخل. من الآن يدخل كل واحد باسمه، على هذا الجهاز أيضًا.
start-go-on = متابعة
start-people = من يعمل هنا أيضًا؟
start-people-lead = أضف من شئت، الآن أو لاحقًا. اكتب كل رمز لصاحبه وحده.
start-gauges = رقمان تنتبه لهما
start-gauges-lead = هما في أعلى كل شاشة.
start-only-here = سجلات تضيع لو دُمّر هذا الموقع الآن. الإرسال ينقصها.
start-readable-here = ملفات تُقرأ لو أُخذ هذا الجهاز مفتوحًا الآن. الإزالة من هنا تنقصها.
start-hide = هذا الزر، أو Escape مرتين، يقفل الشاشة ويعرض صفحة إعدادات الشبكة. «تحديث» فيها يعيدك إلى الرمز.
start-help = في آخر كل شاشة هذا السطر؛ يقول في جملتين ما الغرض منها.
start-done = ابدأ
start-nobody = لم يُضف أحد بعد: من كان عند هذا الجهاز، أو معه رمز الشاشة، يستطيع كل شيء.
start-begin = إضافة أول شخص

# Help: two sentences for each screen
help-overview = الرقمان الكبيران يقولان ما يضيع وما يُقرأ لو سقط هذا الموقع الآن. وتحتهما المواقع الأخرى ومتى وصل آخر خبر من كل منها.
help-sites = هذه مواقع الشبكة، وكم أكّد كل منها من سجلات هذا الموقع. لا تُحسب نسخة حتى يعود إيصالها.
help-patients = ابحث برقم البطاقة أو الاسم أو جزء منه، بحروف عربية أو لاتينية. ما تبحث عنه لا يظهر في العنوان أبدًا.
help-patient = هذا ملف شخص واحد، والحساسية أوله. وفي آخره أي المواقع تحمله وأيها يستطيع قراءته.
help-kind = هذه كل السجلات من نوع واحد في هذا الملف، الأحدث أولًا. المس أحدها لترى من أين جاء.
help-resource = هذا سجل واحد بكل نسخه ومن حفظها. وحيث توجد قيمتان تُعرضان معًا حتى يختار الطبيب.
help-version = هكذا كان السجل في وقت ما. لا يتغيّر شيء هنا، والنسخة الحالية على بُعد لمسة.
help-conflicts = كتب شخصان قيمتين مختلفتين في المكان نفسه وكل منهما بعيد عن الآخر. تبقى القيمتان حتى يختار الطبيب إحداهما.
help-asks = هنا تطلب من المواقع الأخرى ملفًا مختومًا هنا، وتجيب طلباتها. الملف الذي فُتح لموقع لا يُغلق عنه بعدها.
help-quarantine = ما لم يُقبل، أو لم يُقبل بعد، محفوظ هنا مع سببه. لا شيء منه يوقف غيره.
help-failure = لم يجرِ شيء كما يجب، وهذه الصفحة تقول ما هو سليم. ما حفظته من قبل لم يضع.
help-sign-in = يدخل كل واحد باسم ندائه ورمزه، ليُعرف من كتب ماذا. من نسي رمزه يطلب من الفني رمزًا جديدًا.
help-sign-in-code = الرمز على شاشة الجهاز الذي يشغّل هذا الموقع. يفتح الصفحات على هذا الجهاز إلى أن يمر ربع ساعة دون استعمال.
help-lock = الصفحة التي لا يلمسها أحد تغلق نفسها، فلا تُظهر الشاشة المتروكة شيئًا. ما حُفظ لم يضع.
help-resume = قُفلت الشاشة وأنت تكتب، فانتظرت استمارتك في ذاكرة الموقع. لا يرسلها غيرك.
help-refused = ما يستطيعه المرء يتبع دوره. الفني يغيّر الدور في صفحة العاملين.
help-pin = رمزك يفتح الشاشات باسمك. اختر رمزًا لا يعرفه من حولك.
help-people = هنا يحدد الفني من يدخل وبأي دور. من يغادر لا يُمحى بل لا يُسمح له بالدخول بعدها.
help-start = هذه الخطوات الثلاث تجهّز الموقع لمن يعمل فيه. ويمكن إعادتها في أي وقت من صفحة العاملين.
help-start-gauges = الرقمان قلب هذا البرنامج. كل ما تفعله يحرّك أحدهما.
