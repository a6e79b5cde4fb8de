
# التسجيل: من هو، بأقل ما يُعرف.

person-new = شخص جديد
person-new-lead = كل حقل يمكن أن يبقى فارغًا. تكفي بطاقة الفرز.
person-identity = الهوية
person-chart = عودة إلى الملف
person-versions = كل النسخ ومن كتبها
person-save = حفظ
person-tag = بطاقة الفرز
person-call-name = اللقب (أبو، أم)
person-given = الاسم
person-father = الأب
person-grandfather = الجد
person-family = الكنية
person-mother = الأم
person-sex = الجنس
person-age = العمر
person-age-hint = 40 أو نحو 40 أو 8 أشهر أو 3 أيام.
person-born = تاريخ الولادة
person-born-hint = 1984 أو 3/1984 أو 2/3/1984.
person-months = شهر
person-days = يوم
person-unidentified = مجهول الهوية حتى الآن
person-age-or-born = اكتب العمر أو تاريخ الولادة، لا كليهما.
person-nothing = لم يُكتب شيء: اكتب رقم البطاقة أو اسمًا أو عمرًا، أو حدّد أنه مجهول الهوية.
person-tag-worn = هذه البطاقة على شخص آخر الآن.
person-tag-wearer = افتح ملف من يحملها
alike-title = هل هو أحد هؤلاء؟
alike-lead = لم يُحفظ شيء بعد. تحقّق قبل فتح ملف ثانٍ للشخص نفسه.
alike-this = هو هذا
alike-new = لا أحد منهم: شخص جديد
alike-again = ابحث مجددًا
like-same = متطابق: { $parts }
like-differs = مختلف: { $parts }
trait-identifier = الرقم أو البطاقة
trait-own-name = الاسم
trait-fathers-name = اسم الأب
trait-family-name = الكنية
trait-birth-date = العمر
trait-sex = الجنس
trait-telecom = الهاتف
trait-city = البلدة
help-registration = اكتب ما يُعرف واترك الباقي فارغًا. إن وُجد هنا من يشبهه عُرض عليك قبل أن يُحفظ شيء.
help-identity = هنا يُكمَل الاسم والعمر أو يُصحَّحان. كل نسخة سابقة تبقى مقروءة.

## ما الخطأ في ما كُتب
input-empty = هذا الحقل فارغ.
input-letters = فيه أحرف لا تُرى أو تقلب اتجاه السطر: اكتبه من جديد.
input-not-a-number = هذا ليس رقمًا.
input-ambiguous = الفاصلة قد تعني الكسر أو الآلاف: اكتب نقطة أو احذفها.
input-too-small = هذا أقل من الممكن.
input-too-large = هذا أكثر من الممكن.
input-unit = هذه الوحدة غير معروفة هنا.
input-not-a-date = هذا تاريخ ناقص: اكتب 1984 أو 3/1984 أو 2/3/1984.
input-no-such-day = لا يوجد يوم كهذا.
input-in-future = هذا التاريخ لم يأتِ بعد.
input-too-long-ago = هذا التاريخ قديم جدًا.
