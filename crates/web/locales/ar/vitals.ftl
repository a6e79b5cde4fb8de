
# العلامات الحيوية والسوائل، وما يقال عن رقم كُتب خطأ.

vitals = العلامات الحيوية
help-vitals = اكتب ما قسته الآن واترك الباقي فارغًا، فكل ما تكتبه يُحفظ معًا. القيمة غير المعتادة تُقبل بعد أن تؤكدها، والمستحيلة لا تُقبل.
vitals-now = القياس الآن
vitals-pressure = ضغط الدم (mmHg)
vitals-nothing = لم تكتب أي قياس؛ اكتب واحدًا على الأقل.
vitals-unusual = { $what }: غير معتاد، والمعتاد من { $least } إلى { $most }.
vitals-sure = قستها فعلًا، احفظها كما هي
vitals-impossible = لا يمكن إلا من { $least } إلى { $most }؛ راجع الرقم.
vitals-order = الرقم الأول هو الأعلى، مثل 120/80.
vitals-scale = ليس من درجات هذا المقياس.
vitals-coma-parts = اختر الأجزاء الثلاثة معًا، أو اتركها كلها.
vitals-newest = آخر القيم
vitals-none = لم يُسجَّل شيء بعد.
vitals-value = القيمة
vitals-when = الوقت
vitals-off = غير معتاد
vitals-over-time = مع الوقت
vitals-left-out =
    { $n ->
        [zero] كل القيم مرسومة.
        [one] قيمة واحدة لا تُرسم: وحدتها أو وقتها غير مفهوم. تجدها في الملف.
        [two] قيمتان لا تُرسمان: وحدتهما أو وقتهما غير مفهوم. تجدهما في الملف.
        [few] { $count } قيم لا تُرسم: وحدتها أو وقتها غير مفهوم. تجدها في الملف.
        [many] { $count } قيمة لا تُرسم: وحدتها أو وقتها غير مفهوم. تجدها في الملف.
       *[other] { $count } قيمة لا تُرسم: وحدتها أو وقتها غير مفهوم. تجدها في الملف.
    }
avpu = درجة الوعي
avpu-alert = صاحٍ
avpu-voice = يستجيب للصوت
avpu-pain = يستجيب للألم
avpu-unresponsive = لا يستجيب
coma = مقياس غلاسكو
coma-eye = العينان
coma-eye-4 = مفتوحتان تلقائيًا
coma-eye-3 = تُفتحان للصوت
coma-eye-2 = تُفتحان للألم
coma-eye-1 = لا تُفتحان
coma-verbal = الكلام
coma-verbal-5 = واعٍ للزمان والمكان
coma-verbal-4 = مشوش
coma-verbal-3 = كلمات غير مترابطة
coma-verbal-2 = أصوات غير مفهومة
coma-verbal-1 = لا كلام
coma-motor = الحركة
coma-motor-6 = ينفذ الأوامر
coma-motor-5 = يحدد موضع الألم
coma-motor-4 = يسحب من الألم
coma-motor-3 = عطف شاذ
coma-motor-2 = بسط شاذ
coma-motor-1 = لا حركة

## السوائل
fluids = السوائل في 24 ساعة (مل)
fluid-in = داخل
fluid-out = خارج
fluid-net = الموازنة
fluid-way = الطريق
fluid-way-missing = اختر من أين دخل أو خرج.
fluid-ml = الكمية (مل)
fluid-impossible = اكتب من 1 إلى 10000 مل في المرة الواحدة.

## لكل صفحات السرير
bedside-unverified = لم يتحقق طبيب من هذا الجدول بعد. المصدر: { $source }
bedside-changed = تغيّر هذا السجل قبل أن تحفظ؛ افتح الصفحة من جديد.
typed-empty = اكتب شيئًا هنا.
typed-nothing = اكتب كمية أكبر من الصفر.
typed-not-digits = اكتب أرقامًا ونقطة عشرية واحدة فقط، مثل 12.5 أو ١٢٫٥.
typed-mixed = في الرقم أرقام من نظامين؛ اكتبه بنظام واحد.
typed-ambiguous = الفاصلة قبل ثلاثة أرقام تُقرأ على وجهين؛ اكتب النقطة للكسور، ولا شيء للآلاف.
typed-too-precise = أرقام كثيرة بعد النقطة؛ ستة على الأكثر.
typed-too-large = أكبر من أي رقم ممكن هنا؛ راجعه.
typed-not-a-pair = اكتب رقمين بينهما خط، مثل 120/80.
