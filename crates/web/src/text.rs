//! What the screens say, in Arabic and English: every sentence lives in `locales/*.ftl`, none in the code.

use std::borrow::Cow;
use std::sync::Arc;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::langid;

/// The Arabic messages, as they are compiled in.
pub const ARABIC: &str = concat!(
    include_str!("../locales/ar.ftl"),
    include_str!("../locales/ar/triage.ftl"),
    include_str!("../locales/ar/board.ftl"),
    include_str!("../locales/ar/chart.ftl"),
    include_str!("../locales/ar/consult.ftl"),
    include_str!("../locales/ar/vitals.ftl"),
    include_str!("../locales/ar/registration.ftl"),
    include_str!("../locales/ar/outbox.ftl"),
    include_str!("../locales/ar/transfers.ftl"),
    include_str!("../locales/ar/ward.ftl"),
    include_str!("../locales/ar/paper.ftl"),
    include_str!("../locales/ar/timeline.ftl"),
    include_str!("../locales/ar/forms.ftl"),
    include_str!("../locales/ar/orders.ftl"),
);
/// The English messages, as they are compiled in.
pub const ENGLISH: &str = concat!(
    include_str!("../locales/en.ftl"),
    include_str!("../locales/en/triage.ftl"),
    include_str!("../locales/en/board.ftl"),
    include_str!("../locales/en/chart.ftl"),
    include_str!("../locales/en/consult.ftl"),
    include_str!("../locales/en/vitals.ftl"),
    include_str!("../locales/en/registration.ftl"),
    include_str!("../locales/en/outbox.ftl"),
    include_str!("../locales/en/transfers.ftl"),
    include_str!("../locales/en/ward.ftl"),
    include_str!("../locales/en/paper.ftl"),
    include_str!("../locales/en/timeline.ftl"),
    include_str!("../locales/en/forms.ftl"),
    include_str!("../locales/en/orders.ftl"),
);

/// A language of the screens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Lang {
    /// Arabic, right to left: what a screen speaks until somebody chooses otherwise.
    #[default]
    Ar,
    /// English, left to right.
    En,
}

impl Lang {
    /// The BCP 47 tag, as in `<html lang>` and in the cookie.
    pub fn tag(self) -> &'static str {
        match self {
            Lang::Ar => "ar",
            Lang::En => "en",
        }
    }

    /// The direction of writing, as in `<html dir>`.
    pub fn dir(self) -> &'static str {
        match self {
            Lang::Ar => "rtl",
            Lang::En => "ltr",
        }
    }

    /// The language of a tag, if it is one of ours.
    pub fn of_tag(tag: &str) -> Option<Lang> {
        [Lang::Ar, Lang::En].into_iter().find(|lang| lang.tag() == tag)
    }
}

/// The compiled-in messages do not parse. Cannot happen in a build whose tests passed.
#[derive(Debug, thiserror::Error)]
#[error("the {0} messages do not parse")]
pub struct BrokenMessages(&'static str);

/// The messages of both languages, read once at start.
pub struct Texts {
    ar: FluentBundle<FluentResource>,
    en: FluentBundle<FluentResource>,
}

impl Texts {
    /// Reads the compiled-in messages.
    ///
    /// # Errors
    /// [`BrokenMessages`] if a message file is not Fluent.
    pub fn load() -> Result<Texts, BrokenMessages> {
        Ok(Texts { ar: bundle(Lang::Ar, ARABIC)?, en: bundle(Lang::En, ENGLISH)? })
    }
}

fn bundle(lang: Lang, source: &str) -> Result<FluentBundle<FluentResource>, BrokenMessages> {
    let broken = || BrokenMessages(lang.tag());
    let resource = FluentResource::try_new(source.to_owned()).map_err(|_| broken())?;
    let locale = match lang {
        Lang::Ar => langid!("ar"),
        Lang::En => langid!("en"),
    };
    let mut bundle = FluentBundle::new_concurrent(vec![locale]);
    bundle.add_resource(resource).map_err(|_| broken())?;
    Ok(bundle)
}

/// A count with its thousands set apart, from five digits on: `4096`, `12,480`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// One voice: the messages in one language. Templates call it for every word they show.
///
/// A caller may rely on: a message that is missing shows its id instead of failing the page (a test holds that none is
/// missing), and every value put into a sentence is isolated (U+2068…U+2069), so that a Latin call sign or a number
/// cannot turn an Arabic sentence around.
#[derive(Clone)]
pub struct Voice {
    texts: Arc<Texts>,
    /// The language spoken.
    pub lang: Lang,
}

impl Voice {
    /// A voice over these messages.
    pub fn new(texts: Arc<Texts>, lang: Lang) -> Voice {
        Voice { texts, lang }
    }

    /// The message of that id.
    pub fn t(&self, id: &str) -> String {
        self.say(id, None)
    }

    /// The message of that id about a count: `$n` chooses the plural form, `$count` is what is shown.
    pub fn n(&self, id: &str, count: &u64) -> String {
        let mut args = FluentArgs::new();
        set_count(&mut args, *count);
        self.say(id, Some(&args))
    }

    /// The message of that id with one text in it.
    pub fn with(&self, id: &str, name: &'static str, value: &str) -> String {
        let mut args = FluentArgs::new();
        args.set(name, value.to_owned());
        self.say(id, Some(&args))
    }

    /// The message of that id with one text and a count in it, as [`Voice::n`].
    pub fn with_n(&self, id: &str, name: &'static str, value: &str, count: &u64) -> String {
        let mut args = FluentArgs::new();
        args.set(name, value.to_owned());
        set_count(&mut args, *count);
        self.say(id, Some(&args))
    }

    /// The message of that id with two texts in it.
    pub fn with2(&self, id: &str, first: (&'static str, &str), second: (&'static str, &str)) -> String {
        let mut args = FluentArgs::new();
        args.set(first.0, first.1.to_owned());
        args.set(second.0, second.1.to_owned());
        self.say(id, Some(&args))
    }

    /// The message of that id with three texts in it.
    pub fn with3(&self, id: &str, texts: [(&'static str, &str); 3]) -> String {
        let mut args = FluentArgs::new();
        for (name, text) in texts {
            args.set(name, text.to_owned());
        }
        self.say(id, Some(&args))
    }

    /// The message of that id if there is one: for words that come from data, such as a status code.
    pub fn known(&self, id: &str) -> Option<String> {
        self.bundle().has_message(id).then(|| self.say(id, None))
    }

    fn bundle(&self) -> &FluentBundle<FluentResource> {
        match self.lang {
            Lang::Ar => &self.texts.ar,
            Lang::En => &self.texts.en,
        }
    }

    fn say(&self, id: &str, args: Option<&FluentArgs<'_>>) -> String {
        let bundle = self.bundle();
        let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else {
            return id.to_owned();
        };
        // A message that lacks an argument still says the rest of its sentence.
        let mut errors = Vec::new();
        let text: Cow<'_, str> = bundle.format_pattern(pattern, args, &mut errors);
        text.into_owned()
    }
}

/// Sets what is shown and what chooses the plural form.
///
/// The two differ because the Arabic rules of `intl_pluralrules` 7.0.2 compare the number itself where CLDR compares
/// its last two digits: 103 would be `other` instead of `few`. A number that CLDR puts into the same form, and that is
/// small enough for both to agree, chooses in its place. In English every number above 1 has the same form anyway.
fn set_count(args: &mut FluentArgs<'_>, count: u64) {
    let chooses = match (count, count % 100) {
        (0..100, _) => count,
        (_, 0..=2) => 100,
        (_, last_two) => last_two,
    };
    args.set("n", chooses);
    args.set("count", grouped(count));
}

#[cfg(test)]
mod tests;
