//! Where the passphrase comes from: a file, the environment, or a prompt. It is wiped when it is no longer needed.

use crate::say::Trouble;
use anyhow::Result;
use std::fs;
use std::io::IsTerminal as _;
use std::path::Path;
use zeroize::Zeroizing;

/// Shortest passphrase for a new site, in characters. Length alone proves little; four random words have about 52 bits.
const NEW_CHARS_MIN: usize = 12;

/// Reads the passphrase of a site. `new` asks twice and wants a long one.
pub fn read(file: Option<&Path>, new: bool) -> Result<Zeroizing<String>> {
    let passphrase = if let Some(file) = file {
        let text = Zeroizing::new(fs::read_to_string(file).map_err(|_| Trouble::PassphraseFile(file.to_owned()))?);
        Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())
    } else if let Ok(text) = std::env::var("SANAD_PASSPHRASE") {
        Zeroizing::new(text)
    } else if std::io::stdin().is_terminal() {
        prompt(new)?
    } else {
        return Err(Trouble::NoPassphrase.into());
    };
    if new && passphrase.chars().count() < NEW_CHARS_MIN {
        return Err(Trouble::ShortPassphrase(NEW_CHARS_MIN).into());
    }
    Ok(passphrase)
}

fn prompt(new: bool) -> Result<Zeroizing<String>> {
    let ask = |id| Ok::<_, anyhow::Error>(Zeroizing::new(rpassword::prompt_password(crate::say::text(id, &[]))?));
    let first = ask("prompt-passphrase")?;
    if new && *ask("prompt-passphrase-again")? != *first {
        return Err(Trouble::PassphrasesDiffer.into());
    }
    Ok(first)
}
