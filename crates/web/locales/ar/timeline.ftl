# The chart: its head, everything in the order of time, and two values of which one is chosen.
timeline = التسلسل الزمني
timeline-kinds = نوع السجلات
timeline-all = الكل
timeline-signs = قياسات وملاحظات
timeline-medicines = أدوية
timeline-problems = مشكلات وحساسية
timeline-care = إقامة وإجراءات
timeline-forms = استمارات
timeline-pictures = صور
timeline-transfers = نقل
timeline-person = هوية
timeline-none = لا سجل من هذا النوع بعد.
timeline-version = النسخة { $number }
timeline-deleted = محذوف
help-timeline = كل ما كُتب عن هذا الشخص، والأحدث أولًا. المس سطرًا لترى السجل كله ونُسخه ومن كتب كلًّا منها.
alerts = تنبيهات
glance = خلاصة الملف
glance-nothing = لا شيء مسجَّل
glance-unknown = غير معروف
glance-problems = الإصابات والمشكلات
glance-blood = زمرة الدم
glance-plan = الخطوة التالية
glance-transfer = نقل جارٍ
glance-due = { $what }: { $when }
glance-more =
    { $n ->
        [zero] ولا شيء غيرها
        [one] وواحد آخر
        [two] واثنان آخران
        [few] و{ $count } أخرى
        [many] و{ $count } غيرها
       *[other] و{ $count } غيرها
    }
transfer-how-far = { $state } · إلى { $to }
settle-title = قيمتان؛ اختر واحدة
settle-why = كتب كلٌّ منهما وحده. اختر الصحيحة؛ وتبقى الأخرى في النسخ السابقة.
settle-this = اعتمد هذه
settle-all = احفظ ما اخترته
settle-more = قيم أخرى تنتظر الاختيار
settle-back = العودة إلى الملف
settle-none = لا شيء هنا ينتظر اختيارًا.
settle-stands = القائم الآن
settle-done = سبقك زميل وحسم هذا قبلك. لم يُحفظ اختيارك؛ القائم الآن هنا في الأسفل.
settle-changed = وصلت نسخة أخرى بعد أن فتحت هذه الصفحة. لم يُحفظ اختيارك؛ انظر إلى القيم من جديد ثم اختر.
settle-unchosen = اختر قيمة في كل موضع.
settle-unreadable = لا تُقرأ إحدى النسختين هنا، فلا يمكن الحسم من هذه الشاشة. كلتاهما محفوظتان كما وصلتا.
help-settle = هاتان قيمتان للشيء نفسه، مع من كتب كلًّا منهما ومتى. اختر الصحيحة؛ ولا تُمحى الأخرى، بل تبقى في النسخ السابقة.
