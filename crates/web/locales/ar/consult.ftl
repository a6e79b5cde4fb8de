# Asking somebody who knows more.
consult = استشارة عن بُعد
consult-ask = سؤال جديد
consult-no-names = هذا الملف يخرج من المشفى. لا تكتب فيه اسماً ولا مكاناً ولا تاريخاً.
consult-question = السؤال
consult-photos = صور تُرفق
consult-leaves = ما يخرج مع السؤال
consult-make = احفظ السؤال ونزّل الملف
consult-case = حالة
consult-answer = أدخل الجواب
consult-from = من أجاب
consult-text = الجواب
consult-ago = قبل { $time }
consult-infant = أقل من سنة
consult-years = { $from }–{ $to } سنة
consult-years-over = { $from } سنة فما فوق
consult-quote = اذكر الرقم { $number } في جوابك.
help-consult = يُصنع ملف واحد عن الحالة بلا اسم ولا رقم ولا تاريخ، ترسله بأي طريق. حين يصل الجواب اكتبه هنا فيبقى في الملف الطبي مع السؤال.
