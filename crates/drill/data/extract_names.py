#!/usr/bin/env python3
"""Make names.tsv from the name index of the PyPI package arabic-name-romanizer 0.2.0.

    python3 extract_names.py path/to/names.sqlite3 > names.tsv

Only rows whose source is Wikidata (CC0 1.0) are read. The index gives, for each Arabic spelling
(alef forms folded, teh marbuta written as heh), the Latin spellings in use, a count, a role (given name
or surname) and a country. It says nothing about sex and does not keep the hamza, so two things are done
here by hand, from general knowledge: the lists below sort given names into male and female, and write
each name as it is usually written in Syria. A name of the lists that the index does not attest in the
Levant (SY, LB, JO, PS) with the right role is left out and named on stderr.

Columns: kind (m, f, family), Arabic, Latin, weight (people in the index bearing it, 1 to WEIGHT_MAX).
"""

import re
import sqlite3
import sys

LEVANT = ("SY", "LB", "JO", "PS")
# Muhammad alone has a thousand bearers in the index; beyond this cap one name would crowd out the rest.
WEIGHT_MAX = 240
LATIN = re.compile(r"^[A-Z][A-Za-z']+([ -][A-Z]?[A-Za-z']+)?$")

MALE = """
محمد أحمد علي إبراهيم خالد محمود حسن عمر عبد_الله يوسف مصطفى حسين عدنان سمير زياد وليد جمال فؤاد مروان نبيل
خليل سليم سعيد عصام سامي أيمن رياض كمال صالح عماد فادي جهاد رامي سليمان طارق موسى بسام ناصر عادل هشام يحيى
أسامة أمين صلاح غسان فيصل ياسر توفيق ماهر إسماعيل جميل عباس أنس عبد_الرحمن وائل حسام رائد هيثم منير أسعد علاء
فريد هاني أكرم إياد أنور حمزة زهير مازن كامل غازي تيسير رشيد أشرف باسم فاروق نديم وسام رفيق فايز باسل بلال عامر
عيسى فتحي عمار فراس ماجد هاشم بشير زيد سهيل أمجد نزار حبيب حكمت داود سعد عبد_الكريم منذر أديب حازم صبحي طلال
فهد نعيم أنيس فوزي منصور مهند كريم مجدي نضال تامر ربيع سالم سامر عبد_القادر ناجي حسان زكريا هادي عارف عزيز
إيهاب شفيق عاطف عزت فارس لؤي مهدي حسني مجد مراد حيدر سميح شادي شوقي عبد_الحميد عبد_العزيز عبد_الفتاح محسن نايف
خضر خيري رضوان عفيف مالك مصعب سلمان عبد_الرحيم نور_الدين ياسين حمدي طاهر عبد_الرزاق عبد_اللطيف عبد_المجيد فضل
ليث معن موفق نادر نبيه نجيب هلال وسيم يزن بهاء جلال حاتم رأفت رشاد رضا عبد_الباسط عبد_الناصر عدي غالب قاسم
مؤيد وديع أدهم جواد حلمي رمضان زاهر سفيان شاكر صبري طه عبد_السلام عبد_الغني فواز مأمون ناظم وفيق برهان حامد
حليم راشد رامز رفعت رمزي عبد_الهادي فرحان معاذ معتز ممدوح نمر نواف أيوب بهجت جعفر حميد زكي صادق عاصم عثمان قصي
نذير نسيم وجيه براء جمعة حافظ عبد_المنعم عمرو مفيد معتصم معروف منتصر يعقوب عبد_الحليم عمران مؤمن مسعود نزيه هارون
يزيد خلدون دياب رافع ريان صفوان ضرار ظافر عواد عيد كرم مظهر معين نعمان وحيد يونس أيهم بدر_الدين بشر تحسين ثائر
راتب شوكت صلاح_الدين طلعت علاء_الدين عز_الدين عزام غياث فرج كنان لبيب مكرم نائل
"""

FEMALE = """
ليلى منى أمل لينا رولا مايا سارة مي ريم فاطمة ندى نور نادية هبة سناء زينة هدى رنا ريما غادة وفاء مريم مها زينب
دينا سميرة عبير إيمان رندة سلمى جمانة سحر سمر حنان دانا سهام عايدة هالة ديمة عائشة فدوى هند رشا سلام يارا سعاد
هناء سلوى نجوى أسماء رزان سامية سماح فادية مروة ياسمين إلهام حنين خلود رانيا سوسن علياء لمياء هيام وداد أميرة
بشرى دلال علا فرح نجاح ابتسام إسراء خديجة سيرين شادية شيرين ميسون نبيلة نوال هيفاء يمنى أريج آلاء آمال آمنة إيناس
روان سمية صباح لانا لمى ملك منال ميادة أحلام أمينة آية بسمة بيان رباب روضة سهير صبا صفاء فريال منيرة ميساء
نورا أسيل أماني حلا خولة دانية شذى كندة ليال لين ناهد نداء وعد آسيا أنغام بثينة تغريد ختام راوية رقية رهف
زهيرة شهد عزيزة عهد فاتن لميس ماجدة نجاة نسرين نورة هديل هلا هيا أنيسة بهية جميلة خيرية دعاء ربى رجاء زهرة سميحة
سهى صفية عبلة غفران فداء فردوس قمر لطيفة مرح منار نازك نهى جنى حسناء حياة خلود رؤى رغد ريهام سجى شام شيماء صابرين
ضحى عفاف عفراء غزل فايزة فتحية فوزية كوثر مجد مديحة ميس نهلة هاجر هنادي وردة وسام وصال يسرى
"""

FAMILY = """
الخطيب حداد الرفاعي المصري حيدر الحريري الزعبي المقدسي الأتاسي دياب الحسن العلي بركات درويش عمران السباعي الشامي
بدر مراد الأطرش الحلبي الخاني العطار القاسم جبر عبود عثمان غزال الريس السمان الصباغ العسلي حبيب حرب حمادة خليفة
ديب صباغ عزام عوض غازي فارس الأحمد الجندي الحافظ السعدي السقا الصابوني الصالح الطويل العمر الملوحي حقي حمشو خطاب
زيدان سلامة شرف طعمة عيد مارديني ونوس إدريس إسكندر آغا الأسعد الأسود البواب البيطار الحسين الشطي الشعار القادري
الكزبري المقداد أيوب بكداش جبري جمال حديد حصرية حلاق حلواني خياط رافع زيتون سكاف سويد سيف شحادة شعبان علوان علوش
قباني مرعشي مطر معتوق نجار نجيب ياسين أرناؤوط البشير البغدادي البكر الجراح الجزائري الحصني الخولي الدباغ الرحبي
الزحيلي الشربجي الشريف الشماط العمري العودة القدسي المجذوب الملا بكر بيطار تركماني جبران جنيد حجازي حسون حمدان حوراني
خضور خلف سلوم شاهين شربجي طيارة عطية فاخوري فياض قصاب كردي كنعان كيالي كيوان مرعي منصور مهنا ناجي نعمة هارون يونس
الأبرش الأسطواني الأيوبي البيانوني الترك الجابر الجاسم الجراد الجمل الحلو الحموي الحوراني الخالد الخالدي الدروبي الدقاق
الدهان الراشد الرشيد الزعيم الزيات الشعال الشمعة العباس العقاد الغريب الفحام الفرا القبيسي القنطار الكيالي اللحام
المالكي المبارك المسالمة المصطفى المعلم المفتي المنجد الميداني النجار النعسان النعيمي اليوسف أنطاكي بغدادي بيرقدار بيروتي
ترجمان جاموس جبور حبال حجار حطاب حمادي حمود خميس خولي دبسي رجب رحال شاكوش شحرور شعراوي شقير الإدلبي البرقاوي البقاعي
البكري التميمي الجبوري الجعفري الحسني الحلواني الحناوي الخربوطلي الدمشقي الراعي السرميني الشاغوري الشرباتي الصالحاني
الصفدي الطرابلسي الطرطوسي العاسمي العمادي الغزي الغوطاني القاضي القاطرجي القيسي الكردي المحاسني المرعي المغربي المهايني
النابلسي النحلاوي الهاشمي
"""


def key(name: str) -> str:
    """The index's folding: alef forms to alef, teh marbuta to heh, alef maksura to yeh."""
    for source, folded in (("أ", "ا"), ("إ", "ا"), ("آ", "ا"), ("ة", "ه"), ("ى", "ي")):
        name = name.replace(source, folded)
    return name


def look_up(index: sqlite3.Connection, name: str, role: str) -> tuple[str, int] | None:
    marks = ",".join("?" * len(LEVANT))
    rows = index.execute(
        f"""select latin, country, sum(count) from units
            where arabic_key = ? and role = ? and source = 'wikidata' and country in ({marks})
            group by latin, country""",
        (key(name), role, *LEVANT),
    ).fetchall()
    if not rows:
        return None
    weight = sum(count for _, _, count in rows)
    votes: dict[str, int] = {}
    for latin, country, count in rows:
        if LATIN.match(latin) or latin.lower().startswith("al-"):
            # A spelling seen in Syria counts double: it is the one the clinic would write.
            votes[latin] = votes.get(latin, 0) + count * (2 if country == "SY" else 1)
    if not votes:
        return None
    latin = min(votes, key=lambda spelling: (-votes[spelling], spelling))
    article = re.match(r"(?:al|el)[- ]+(.+)$", latin, re.IGNORECASE)
    if article:
        latin = "al-" + article[1][0].upper() + article[1][1:]
    return latin, min(weight, WEIGHT_MAX)


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: extract_names.py names.sqlite3 > names.tsv", file=sys.stderr)
        return 2
    index = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
    print("# Wikidata (CC0 1.0) by way of arabic-name-romanizer 0.2.0; made by extract_names.py")
    for kind, role, names in (("m", "given", MALE), ("f", "given", FEMALE), ("family", "surname", FAMILY)):
        for name in sorted({word.replace("_", " ") for word in names.split()}):
            found = look_up(index, name, role)
            if found is None:
                print(f"not attested: {kind} {name}", file=sys.stderr)
                continue
            print(kind, name, found[0], found[1], sep="\t")
    return 0


if __name__ == "__main__":
    sys.exit(main())
