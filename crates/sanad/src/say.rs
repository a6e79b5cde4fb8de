//! What the command line says when something goes wrong: what happened, what is safe, what to do next, in the language
//! of the user (`SANAD_LANG`, else `LANG`; Arabic and English).

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource};
use sanad_log::replica::SaveError;
use sanad_node::ask::AskError;
use sanad_node::bundle::BundleError;
use sanad_node::carrier::DialError;
use sanad_node::people::PeopleError;
use sanad_node::quarantine::AdoptError;
use sanad_node::site::SiteError;
use sanad_store::StoreError;
use std::path::PathBuf;
use unic_langid::{LanguageIdentifier, langid};

/// Failed.
pub const EXIT_FAILED: u8 = 1;
/// Wrong usage.
pub const EXIT_USAGE: u8 = 2;
/// Refused: locked, not allowed.
pub const EXIT_REFUSED: u8 = 3;
/// Damaged data found.
pub const EXIT_DAMAGED: u8 = 4;

/// Troubles of the command line itself.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The passphrase file cannot be read.
    #[error("the passphrase file cannot be read")]
    PassphraseFile(PathBuf),
    /// Neither a file, nor the environment, nor a terminal gives a passphrase.
    #[error("no passphrase was given")]
    NoPassphrase,
    /// A new passphrase is too short.
    #[error("the passphrase is too short")]
    ShortPassphrase(usize),
    /// The two entries differ.
    #[error("the two passphrases differ")]
    PassphrasesDiffer,
    /// The invite code is not one.
    #[error("the invite code cannot be read")]
    BadInvite(String),
    /// The inviting site refused.
    #[error("the inviting site refused")]
    JoinRefused(String),
    /// No site of the network has this address.
    #[error("no site has this address")]
    UnknownAddress(String),
    /// Only where the authority is held can the policy be set.
    #[error("this site does not hold the network's authority")]
    PolicyNoAuthority,
    /// Neither a patient nor an entry.
    #[error("not understood")]
    ExplainNotUnderstood(String),
    /// Nothing of this name is held.
    #[error("nothing has this name")]
    ExplainNotFound(String),
    /// Several things begin so.
    #[error("several things begin so")]
    ExplainAmbiguous(String),
    /// The folder is a keeper's: it has no screens.
    #[error("this folder is a keeper's")]
    IsAKeeper,
    /// The folder holds a site that is no keeper.
    #[error("this folder holds no keeper")]
    NotAKeeper(PathBuf),
    /// Two folders hold keepers of one network.
    #[error("two folders hold keepers of one network")]
    KeptTwice(PathBuf, PathBuf),
    /// An address cannot be read.
    #[error("the address cannot be read")]
    BadAddress(String),
    /// It is not said which of several networks an address is for.
    #[error("it is not said which network the address is for")]
    PeerOfWhich(String),
    /// More text than any phone sends.
    #[error("too much text")]
    TooMuchText,
    /// Something is in the folder already.
    #[error("the folder is not empty")]
    QuarantineExportOccupied(String),
    /// The folder cannot be written.
    #[error("the folder cannot be written")]
    QuarantineExportFailed(String),
    /// The port is taken.
    #[error("cannot listen there")]
    CannotListen(String),
    /// A public address was not allowed.
    #[error("a public address is not listened on")]
    PublicAddress(String),
    /// A serial device that cannot be used.
    #[error("the device cannot be used")]
    Serial {
        /// Which.
        device: String,
        /// Why.
        why: String,
    },
    /// Frames of a size that no tiny link has.
    #[error("no such size of frames")]
    BadMtu(usize),
    /// The network's keys are not here yet.
    #[error("the keys have not arrived yet")]
    NoKeysYet,
    /// Not an amount of bytes a day.
    #[error("not an amount of bytes a day")]
    BadBudget(String),
    /// No role of that name.
    #[error("no such role")]
    BadRole(String),
    /// No role of that name for a person.
    #[error("no such role")]
    BadPersonRole(String),
    /// Not a scope.
    #[error("not a scope")]
    BadScope(String),
    /// No token of that id.
    #[error("no such token")]
    UnknownToken(String),
    /// An error of the running process of this folder, already explained there.
    #[error("{text}")]
    Remote {
        /// Its exit code.
        code: u8,
        /// Its words.
        text: String,
    },
}

const ENGLISH: &str = include_str!("../messages/en.ftl");
const ARABIC: &str = include_str!("../messages/ar.ftl");

fn arabic() -> bool {
    let language = std::env::var("SANAD_LANG").or_else(|_| std::env::var("LANG")).unwrap_or_default();
    language.starts_with("ar")
}

fn bundle(language: LanguageIdentifier, source: &str) -> FluentBundle<FluentResource> {
    // A message that does not parse is left out; the test reads every message in both languages.
    let resource = match FluentResource::try_new(source.to_owned()) {
        Ok(resource) | Err((resource, _)) => resource,
    };
    let mut bundle = FluentBundle::new(vec![language]);
    bundle.set_use_isolating(false);
    drop(bundle.add_resource(resource));
    bundle
}

/// A message in one of the two languages.
pub fn text_in(arabic: bool, id: &str, args: &[(&str, String)]) -> String {
    let bundle = if arabic { bundle(langid!("ar"), ARABIC) } else { bundle(langid!("en"), ENGLISH) };
    let mut values = FluentArgs::new();
    for (name, value) in args {
        values.set(*name, value.clone());
    }
    let pattern = bundle.get_message(id).and_then(|message| message.value());
    pattern.map_or_else(
        || id.to_owned(),
        |pattern| bundle.format_pattern(pattern, Some(&values), &mut vec![]).into_owned(),
    )
}

/// A message in the user's language.
pub fn text(id: &str, args: &[(&str, String)]) -> String {
    text_in(arabic(), id, args)
}

/// A message that another process named, in the user's language; `None` if it is not known here.
pub fn text_of_other(id: &str, args: &serde_json::Value) -> Option<String> {
    let args: Vec<_> = args.as_object()?.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let args: Option<Vec<_>> = args.into_iter().map(|(name, value)| Some((name, value?.to_owned()))).collect();
    Some(text(id, &args?)).filter(|text| text != id)
}

/// The exit code and the words for an error.
pub fn explain(error: &anyhow::Error) -> (u8, String) {
    if let Some(Trouble::Remote { code, text }) = error.downcast_ref() {
        return (*code, text.clone());
    }
    let (code, id, args) = name(error);
    (code, text(id, &args))
}

/// An exit code, a message's name, and what the message speaks of.
pub type Named = (u8, &'static str, Vec<(&'static str, String)>);

/// The exit code of an error, and the message for it by name.
pub fn name(error: &anyhow::Error) -> Named {
    if let Some(trouble) = error.downcast_ref::<Trouble>() {
        return name_trouble(trouble);
    }
    if let Some(error) = error.downcast_ref::<AskError>() {
        return match error {
            AskError::Site(error) => name_site(error),
            error => crate::commands::ask::name(error),
        };
    }
    if let Some(error) = error.downcast_ref::<PeopleError>() {
        return match error {
            PeopleError::Site(error) => name_site(error),
            error => crate::commands::people::name(error),
        };
    }
    if let Some(error) = error.downcast_ref::<AdoptError>() {
        return match error {
            AdoptError::Site(error) => name_site(error),
            error => crate::commands::quarantine::name(error),
        };
    }
    if let Some(error) = error.downcast_ref::<BundleError>() {
        return name_bundle(error);
    }
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return name_store(error);
    }
    if let Some(error) = error.downcast_ref::<SiteError>() {
        return name_site(error);
    }
    if let Some(error) = error.downcast_ref::<DialError>() {
        let code = if matches!(error, DialError::WrongCertificate { .. }) { EXIT_REFUSED } else { EXIT_FAILED };
        return (code, "unreachable", vec![("why", error.to_string())]);
    }
    (EXIT_FAILED, "failed", vec![("why", format!("{error:#}"))])
}

fn name_site(error: &SiteError) -> Named {
    match error {
        SiteError::Save(SaveError::KeeperWritesNothing) => (EXIT_REFUSED, "keeper-writes-nothing", vec![]),
        SiteError::Save(SaveError::KeeperGetsNoKeys) => (EXIT_REFUSED, "keeper-gets-no-keys", vec![]),
        SiteError::Store(error) => name_store(error),
        SiteError::BadCallSign => (EXIT_USAGE, "bad-call-sign", vec![]),
        SiteError::NoAuthority => (EXIT_REFUSED, "no-authority", vec![]),
        SiteError::UnknownSite(site) => (EXIT_USAGE, "unknown-site", vec![("site", site.clone())]),
        SiteError::SeveralSites(ids) => {
            let ids = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            (EXIT_USAGE, "several-sites", vec![("sites", ids)])
        }
        SiteError::TooManyTokens => (EXIT_REFUSED, "too-many-tokens", vec![]),
        SiteError::NoAddress => (EXIT_FAILED, "invite-no-address", vec![]),
        SiteError::Save(error) => (EXIT_FAILED, "save-refused", vec![("why", error.to_string())]),
        error => (EXIT_FAILED, "failed", vec![("why", error.to_string())]),
    }
}

/// The exit code and the message for an error of a bundle.
pub fn name_bundle(error: &BundleError) -> Named {
    match error {
        BundleError::Site(error) => name_site(error),
        BundleError::NotReadable => (EXIT_REFUSED, "bundle-not-readable", vec![]),
        BundleError::NotAFile => (EXIT_USAGE, "bundle-not-a-file", vec![]),
        BundleError::Occupied => (EXIT_REFUSED, "bundle-occupied", vec![]),
        BundleError::UnknownPatient(patient) => (EXIT_USAGE, "unknown-patient", vec![("patient", patient.clone())]),
        BundleError::TooManyPins(max) => (EXIT_REFUSED, "too-many-pins", vec![("max", max.to_string())]),
        BundleError::NoKeys => (EXIT_REFUSED, "no-keys-yet", vec![]),
        BundleError::TooSmall => (EXIT_USAGE, "bundle-too-small", vec![]),
        BundleError::Full => (EXIT_FAILED, "bundle-full", vec![]),
        error => (EXIT_FAILED, "bundle-io", vec![("why", error.to_string())]),
    }
}

fn name_trouble(trouble: &Trouble) -> Named {
    match trouble {
        Trouble::PassphraseFile(file) => (EXIT_USAGE, "passphrase-file", vec![("file", file.display().to_string())]),
        Trouble::NoPassphrase => (EXIT_USAGE, "no-passphrase", vec![]),
        Trouble::ShortPassphrase(min) => (EXIT_USAGE, "short-passphrase", vec![("min", min.to_string())]),
        Trouble::PassphrasesDiffer => (EXIT_USAGE, "passphrases-differ", vec![]),
        Trouble::BadInvite(why) => (EXIT_USAGE, "bad-invite", vec![("why", why.clone())]),
        Trouble::JoinRefused(why) => (EXIT_REFUSED, "join-refused", vec![("why", why.clone())]),
        Trouble::UnknownAddress(address) => (EXIT_USAGE, "unknown-address", vec![("address", address.clone())]),
        Trouble::PolicyNoAuthority => (EXIT_REFUSED, "policy-no-authority", vec![]),
        Trouble::ExplainNotUnderstood(what) => (EXIT_USAGE, "explain-not-understood", vec![("what", what.clone())]),
        Trouble::ExplainNotFound(what) => (EXIT_USAGE, "explain-not-found", vec![("what", what.clone())]),
        Trouble::ExplainAmbiguous(what) => (EXIT_USAGE, "explain-ambiguous", vec![("what", what.clone())]),
        Trouble::IsAKeeper => (EXIT_USAGE, "is-a-keeper", vec![]),
        Trouble::NotAKeeper(folder) => (EXIT_USAGE, "not-a-keeper", vec![("folder", folder.display().to_string())]),
        Trouble::KeptTwice(one, other) => {
            let args = vec![("one", one.display().to_string()), ("other", other.display().to_string())];
            (EXIT_USAGE, "kept-twice", args)
        }
        Trouble::BadAddress(address) => (EXIT_USAGE, "bad-address", vec![("address", address.clone())]),
        Trouble::PeerOfWhich(name) => (EXIT_USAGE, "peer-of-which", vec![("name", name.clone())]),
        Trouble::TooMuchText => (EXIT_USAGE, "too-much-text", vec![]),
        Trouble::QuarantineExportOccupied(out) => {
            (EXIT_REFUSED, "quarantine-export-occupied", vec![("out", out.clone())])
        }
        Trouble::QuarantineExportFailed(why) => (EXIT_FAILED, "quarantine-export-failed", vec![("why", why.clone())]),
        Trouble::Serial { device, why } => {
            (EXIT_FAILED, "serial", vec![("device", device.clone()), ("why", why.clone())])
        }
        Trouble::BadMtu(mtu) => (EXIT_USAGE, "bad-mtu", vec![("mtu", mtu.to_string())]),
        Trouble::NoKeysYet => (EXIT_REFUSED, "no-keys-yet", vec![]),
        Trouble::BadBudget(given) => (EXIT_USAGE, "bad-budget", vec![("given", given.clone())]),
        Trouble::BadRole(role) => (EXIT_USAGE, "bad-role", vec![("role", role.clone())]),
        Trouble::BadPersonRole(role) => (EXIT_USAGE, "people-bad-role", vec![("role", role.clone())]),
        Trouble::BadScope(scope) => (EXIT_USAGE, "bad-scope", vec![("scope", scope.clone())]),
        Trouble::UnknownToken(id) => (EXIT_USAGE, "unknown-token", vec![("id", id.clone())]),
        Trouble::PublicAddress(address) => (EXIT_REFUSED, "public-address", vec![("address", address.clone())]),
        Trouble::CannotListen(why) => (EXIT_FAILED, "cannot-listen", vec![("why", why.clone())]),
        Trouble::Remote { code, .. } => (*code, "failed", vec![]),
    }
}

fn name_store(error: &StoreError) -> Named {
    match error {
        StoreError::WrongPassphrase => (EXIT_REFUSED, "wrong-passphrase", vec![]),
        StoreError::InUse => (EXIT_REFUSED, "in-use", vec![]),
        StoreError::NoStore => (EXIT_USAGE, "no-store", vec![]),
        StoreError::Exists => (EXIT_REFUSED, "exists", vec![]),
        StoreError::Full => (EXIT_FAILED, "disk-full", vec![]),
        StoreError::DamagedHead => (EXIT_DAMAGED, "damaged-head", vec![]),
        StoreError::Vault(why) => (EXIT_DAMAGED, "damaged-vault", vec![("why", (*why).to_owned())]),
        StoreError::Damaged { .. } | StoreError::DamagedFile => {
            (EXIT_DAMAGED, "damaged", vec![("why", error.to_string())])
        }
        error => (EXIT_FAILED, "failed", vec![("why", error.to_string())]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Message ids with the variables that they use.
    fn messages(source: &str) -> BTreeMap<String, Vec<String>> {
        let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut id = String::new();
        for line in source.lines().filter(|line| !line.starts_with('#')) {
            if let Some((name, _)) = line.split_once('=').filter(|_| !line.starts_with(' ')) {
                id = name.trim().to_owned();
                out.insert(id.clone(), vec![]);
            }
            for rest in line.split("{ $").skip(1) {
                let name = rest.split([' ', '}']).next().unwrap().to_owned();
                out.get_mut(&id).unwrap().push(name);
            }
        }
        out.values_mut().for_each(|names| {
            names.sort();
            names.dedup();
        });
        out
    }

    #[test]
    fn both_languages_say_the_same_things() {
        assert_eq!(messages(ENGLISH), messages(ARABIC));
        for id in messages(ENGLISH).keys() {
            assert_ne!(text_in(true, id, &[]), *id);
            assert_ne!(text_in(false, id, &[]), *id);
        }
    }

    #[test]
    fn a_wrong_passphrase_is_refused_with_words_and_code_3() {
        let error = anyhow::Error::from(SiteError::Store(StoreError::WrongPassphrase));
        let (code, _) = explain(&error);
        assert_eq!(code, EXIT_REFUSED);
        assert!(text_in(false, "wrong-passphrase", &[]).contains("Nothing was touched"));
        assert!(text_in(true, "wrong-passphrase", &[]).contains("لم يُمسّ شيء"));
    }
}
