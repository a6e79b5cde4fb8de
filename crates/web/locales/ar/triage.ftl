# هنا كلمات الفرز ورسم الجسم.

## أسئلة البوابة
tq-walks = هل يمشي؟
tq-breathes = هل يتنفس؟
tq-breathes-after-airway-opened = هل يتنفس بعد فتح الطريق الهوائي؟
tq-peripheral-pulse-while-not-breathing = لا يتنفس: هل يُجسّ نبض محيطي؟
tq-breathes-after-5-rescue-breaths = هل يتنفس بعد 5 نفخات إنقاذية؟
tq-respiratory-rate = كم مرة يتنفس في الدقيقة؟
tq-perfusion = التروية: ماذا تجد؟
tq-peripheral-pulse = هل يُجسّ نبض محيطي؟
tq-obeys-commands = هل ينفّذ أوامر بسيطة؟
tq-avpu = لأي شيء يستجيب؟

## أسئلة الفرز داخل المشفى
tq-red-airway-breathing = الطريق الهوائي والتنفس: هل يوجد أي منها؟
tq-red-circulation = الدوران: هل يوجد أي منها؟
tq-red-disability = الحالة العصبية: هل يوجد أي منها؟
tq-red-other = رض أو تسمم أو غير ذلك: هل يوجد أي منها؟
tq-red-pregnancy = إن كانت حاملًا: هل يوجد أي منها؟
tq-red-infant = عمر الرضيع: هل يوجد أي منها؟
tq-yellow-airway-breathing = الطريق الهوائي والتنفس، علامات أخرى: هل يوجد أي منها؟
tq-yellow-circulation = الدوران والسوائل، علامات أخرى: هل يوجد أي منها؟
tq-yellow-disability = الحالة العصبية والألم، علامات أخرى: هل يوجد أي منها؟
tq-yellow-injury = الإصابات: هل يوجد أي منها؟
tq-yellow-other = شكاوى أخرى: هل يوجد أي منها؟
tq-age = كم عمره؟
tq-high-risk-vitals = العلامات الحيوية: هل يوجد أي منها؟
tq-high-risk-vitals-under-1-year = العلامات الحيوية، أقل من سنة: هل يوجد أي منها؟
tq-high-risk-vitals-1-to-4-years = العلامات الحيوية، من سنة إلى 4 سنوات: هل يوجد أي منها؟
tq-high-risk-vitals-5-to-12-years = العلامات الحيوية، من 5 إلى 12 سنة: هل يوجد أي منها؟

## أجوبة عامة
tc-yes = نعم
tc-no = لا
tc-none = لا شيء منها

## أجوبة البوابة
tc-over-30 = أكثر من 30 في الدقيقة
tc-30-or-less = 30 في الدقيقة أو أقل
tc-under-15 = أقل من 15 في الدقيقة
tc-15-to-45 = من 15 إلى 45 في الدقيقة
tc-over-45 = أكثر من 45 في الدقيقة
tc-irregular = تنفس غير منتظم
tc-radial-pulse-absent = لا نبض كعبري
tc-refill-over-2-seconds = عود الامتلاء الشعري أكثر من ثانيتين
tc-sufficient = لا هذا ولا ذاك: التروية كافية
tc-alert = صاحٍ
tc-voice = يستجيب للصوت
tc-pain-appropriate = يستجيب للألم استجابة ملائمة (يسحب أو يدفع)
tc-pain-inappropriate = يستجيب للألم استجابة غير ملائمة (كوضعية بسط أو عطف شاذة)
tc-unresponsive = لا يستجيب

## الطريق الهوائي والتنفس
tc-stridor = صرير
tc-respiratory-distress = شدة تنفسية
tc-central-cyanosis = زرقة مركزية (الشفتان واللسان)
tc-swelling-or-mass-of-mouth-throat-or-neck = تورم أو كتلة في الفم أو الحلق أو العنق
tc-wheeze = وزيز

## الدوران والسوائل
tc-refill-over-3-seconds = عود الامتلاء الشعري أكثر من 3 ثوانٍ
tc-weak-and-fast-pulse = نبض ضعيف وسريع
tc-heavy-bleeding = نزف غزير
tc-heart-rate-under-50-or-over-150 = النبض أقل من 50 أو أكثر من 150 في الدقيقة
tc-two-of-lethargy-sunken-eyes-skin-pinch-drinks-poorly = اثنان من: خمول، غؤور العينين، عودة ثنية الجلد بطيئة جدًا، ضعف في الشرب
tc-vomits-everything-or-ongoing-diarrhoea = إقياء كل ما يتناوله، أو إسهال مستمر
tc-unable-to-feed-or-drink = لا يستطيع الأكل أو الرضاعة أو الشرب
tc-severe-pallor = شحوب شديد
tc-ongoing-bleeding = نزف مستمر
tc-recent-fainting = إغماء حديث

## الحالة العصبية
tc-active-convulsions = اختلاج مستمر الآن
tc-two-of-mental-status-neck-temperature-headache = اثنان من: تغيّر الوعي، صلابة النقرة، حمى أو انخفاض حرارة، صداع
tc-hypoglycaemia = نقص سكر الدم
tc-altered-mental-status-or-agitation = تغيّر الوعي أو هياج
tc-acute-general-weakness = ضعف عام حاد
tc-acute-focal-neurologic-complaint = شكوى عصبية بؤرية حادة
tc-acute-visual-disturbance = اضطراب رؤية حاد
tc-severe-pain = ألم شديد

## رض وتسمم وغير ذلك
tc-high-risk-trauma = رض عالي الخطورة
tc-poisoning-or-ingestion = تسمم أو ابتلاع مادة ضارة
tc-dangerous-chemical-exposure = تعرّض لمادة كيميائية خطرة
tc-threatened-limb = طرف مهدّد بالفقد
tc-snake-bite = لدغة أفعى
tc-chest-or-abdominal-pain-over-50-years = ألم صدري أو بطني، والعمر أكثر من 50 سنة
tc-ecg-ischaemia = نقص تروية على تخطيط القلب
tc-violent-or-aggressive = عنيف أو عدواني

## الحمل
tc-severe-abdominal-pain = ألم بطني شديد
tc-seizures-or-altered-mental-status = اختلاج أو تغيّر الوعي
tc-severe-headache = صداع شديد
tc-visual-changes = تغيّر في الرؤية
tc-systolic-160-or-diastolic-110-or-over = الضغط الانقباضي 160 أو أكثر، أو الانبساطي 110 أو أكثر
tc-active-labour = مخاض فعّال
tc-trauma = رض
tc-other-pregnancy-complaint = شكوى أخرى تخص الحمل

## الأعمار
tc-under-8-days = العمر أقل من 8 أيام
tc-under-2-months-and-temperature-under-36-or-over-39 = العمر أقل من شهرين، والحرارة أقل من 36 أو أكثر من 39 درجة
tc-infant-8-days-to-6-months = رضيع عمره من 8 أيام إلى 6 أشهر
tc-under-1-year = أقل من سنة
tc-1-to-4-years = من سنة إلى 4 سنوات (لم يتم الخامسة)
tc-5-to-12-years = من 5 إلى 12 سنة (لم يتم الثانية عشرة)

## الإصابات
tc-visible-acute-limb-deformity = تشوه حاد ظاهر في طرف
tc-open-fracture = كسر مفتوح
tc-suspected-dislocation = اشتباه خلع
tc-other-trauma-or-burns = رض آخر أو حروق

## شكاوى أخرى
tc-visible-severe-wasting = هزال شديد ظاهر
tc-oedema-of-both-feet = وذمة في القدمين معًا
tc-new-rash-worsening-over-hours-or-peeling = طفح جديد يسوء خلال ساعات أو يتقشر
tc-known-diagnosis-needing-urgent-surgery = تشخيص معروف يحتاج إلى جراحة عاجلة
tc-sexual-assault = اعتداء جنسي
tc-acute-testicular-pain-or-priapism = ألم خصية حاد أو انتصاب مستمر مؤلم (قساح)
tc-unable-to-pass-urine = لا يستطيع التبول
tc-exposure-needing-time-sensitive-prophylaxis = تعرّض يحتاج إلى وقاية عاجلة (كعضة حيوان أو وخزة إبرة)

## العلامات الحيوية
tc-heart-rate-under-60-or-over-130 = النبض أقل من 60 أو أكثر من 130 في الدقيقة
tc-heart-rate-under-90-or-over-180 = النبض أقل من 90 أو أكثر من 180 في الدقيقة
tc-heart-rate-under-80-or-over-160 = النبض أقل من 80 أو أكثر من 160 في الدقيقة
tc-heart-rate-under-70-or-over-140 = النبض أقل من 70 أو أكثر من 140 في الدقيقة
tc-respiratory-rate-under-10-or-over-30 = التنفس أقل من 10 أو أكثر من 30 في الدقيقة
tc-respiratory-rate-under-25-or-over-50 = التنفس أقل من 25 أو أكثر من 50 في الدقيقة
tc-respiratory-rate-under-20-or-over-40 = التنفس أقل من 20 أو أكثر من 40 في الدقيقة
tc-temperature-under-36-or-over-39 = الحرارة أقل من 36 أو أكثر من 39 درجة
tc-oxygen-saturation-under-92 = إشباع الأكسجين أقل من 92 بالمئة
tc-avpu-other-than-alert = ليس صاحيًا: يستجيب للصوت أو للألم فقط، أو لا يستجيب

## طرق الفرز
tool-start = START، للبالغين عند البوابة
tool-jumpstart = JumpSTART، للأطفال عند البوابة
tool-iitt-12-and-over = IITT لعمر 12 سنة فما فوق
tool-iitt-under-12 = IITT لعمر أقل من 12 سنة

## درجات الفرز
colour-immediate = فوري
colour-delayed = مؤجل
colour-minor = بسيط
colour-expectant = حرج غير مرجو
colour-dead = متوفى
colour-none = لم يُفرز بعد

## الحرف داخل شكل الفرز
letter-immediate = ف
letter-delayed = م
letter-minor = ب
letter-expectant = ح
letter-dead = ت
letter-none = ؟

## مناطق الجسم من الأمام، واليمين واليسار كما عند المريض
region-head-front = الرأس من الأمام
region-neck-front = العنق من الأمام
region-chest-right = الصدر، الجهة اليمنى
region-chest-left = الصدر، الجهة اليسرى
region-abdomen-right = البطن، الجهة اليمنى
region-abdomen-left = البطن، الجهة اليسرى
region-pelvis = الحوض
region-shoulder-right = الكتف الأيمن
region-shoulder-left = الكتف الأيسر
region-upper-arm-right = العضد الأيمن من الأمام
region-upper-arm-left = العضد الأيسر من الأمام
region-forearm-right = الساعد الأيمن من الأمام
region-forearm-left = الساعد الأيسر من الأمام
region-hand-right = اليد اليمنى من الأمام
region-hand-left = اليد اليسرى من الأمام
region-thigh-right = الفخذ الأيمن من الأمام
region-thigh-left = الفخذ الأيسر من الأمام
region-knee-right = الركبة اليمنى
region-knee-left = الركبة اليسرى
region-leg-right = الساق اليمنى من الأمام
region-leg-left = الساق اليسرى من الأمام
region-foot-right = القدم اليمنى
region-foot-left = القدم اليسرى

## مناطق الجسم من الخلف
region-head-back = الرأس من الخلف
region-neck-back = العنق من الخلف
region-upper-back-right = أعلى الظهر، الجهة اليمنى
region-upper-back-left = أعلى الظهر، الجهة اليسرى
region-lower-back-right = أسفل الظهر، الجهة اليمنى
region-lower-back-left = أسفل الظهر، الجهة اليسرى
region-buttock-right = الألية اليمنى
region-buttock-left = الألية اليسرى
region-upper-arm-back-right = العضد الأيمن من الخلف
region-upper-arm-back-left = العضد الأيسر من الخلف
region-forearm-back-right = الساعد الأيمن من الخلف
region-forearm-back-left = الساعد الأيسر من الخلف
region-hand-back-right = اليد اليمنى من الخلف
region-hand-back-left = اليد اليسرى من الخلف
region-thigh-back-right = الفخذ الأيمن من الخلف
region-thigh-back-left = الفخذ الأيسر من الخلف
region-calf-right = ربلة الساق اليمنى
region-calf-left = ربلة الساق اليسرى
region-whole-body = الجسم كله

## أنواع الإصابات
injury-wound = جرح
injury-penetrating = جرح نافذ
injury-bleeding = نزف
injury-fracture = كسر
injury-burn = حرق
injury-blast = إصابة انفجار
injury-crush = إصابة هرس
injury-amputation = بتر
injury-dislocation = خلع
injury-other = إصابة أخرى
