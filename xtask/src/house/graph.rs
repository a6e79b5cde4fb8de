//! The graph of crates: who may know whom, what the pure crates may stand on, where crates come from.

use super::Findings;
use anyhow::Context as _;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One package, as far as the checks care.
#[derive(Clone, Debug, Default)]
pub struct Package {
    /// Unique; carries version and origin.
    pub id: String,
    pub name: String,
    pub licence: Option<String>,
    /// `None` for a package that lies on this disk.
    pub source: Option<String>,
    /// The native library that it links.
    pub links: Option<String>,
    /// Named in the manifest, for whatever purpose.
    pub direct: BTreeSet<String>,
    /// Ids of the packages that are linked into it: neither build nor development dependencies.
    pub linked: Vec<String>,
    pub is_member: bool,
}

/// Design §1: whom each crate may know. `xtask` is a tool beside the product and may use all of it.
const DIRECTION: &[(&str, &[&str])] = &[
    ("sanad-log", &[]),
    ("sanad-record", &["sanad-log"]),
    ("sanad-store", &["sanad-record", "sanad-log"]),
    ("sanad-node", &["sanad-store", "sanad-record", "sanad-log"]),
    ("sanad-web", &["sanad-node", "sanad-store", "sanad-record", "sanad-log"]),
    ("sanad-drill", &["sanad-store", "sanad-record", "sanad-log"]),
    ("sanad", &["sanad-log", "sanad-record", "sanad-store", "sanad-node", "sanad-web", "sanad-drill"]),
    ("xtask", &["sanad-log", "sanad-record", "sanad-store", "sanad-node", "sanad-web", "sanad-drill"]),
];

/// Crates that must not reach out of the process, by themselves or through what they stand on.
const PURE: &[&str] = &["sanad-log", "sanad-record"];

/// What reaches out: runtimes, sockets, disks, clocks, ambient randomness.
const IMPURE: &[&str] = &[
    "async-std",
    "aws-lc-rs",
    "axum",
    "chrono",
    "fs_extra",
    "getrandom",
    "hyper",
    "jiff",
    "libsqlite3-sys",
    "log",
    "mio",
    "native-tls",
    "openssl-sys",
    "rand",
    "rayon",
    "reqwest",
    "rusqlite",
    "rustix",
    "rustls",
    "smol",
    "socket2",
    "tempfile",
    "time",
    "tokio",
    "tracing",
    "ureq",
    "walkdir",
];

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Crates that are not built, and why. What merely stands in the lock file is not built.
const BANNED: &[(&str, &str)] = &[
    ("native-tls", "one TLS library: rustls with aws-lc-rs"),
    ("openssl", "one TLS library: rustls with aws-lc-rs; libcrypto is there for SQLCipher alone, through openssl-sys"),
    ("ring", "it has no post-quantum key exchange; aws-lc-rs is the provider"),
    ("reqwest", "hyper is there already"),
    ("rand", "randomness comes in as an argument; the system's is getrandom"),
    ("chrono", "time is there already, and no decision uses time"),
    ("lazy_static", "std has LazyLock"),
    ("serde_cbor", "unmaintained; minicbor is there"),
    ("webpki-roots", "peers are pinned; no certificate authority is trusted"),
    ("rustls-native-certs", "peers are pinned; no certificate authority is trusted"),
];

/// Native libraries that may be linked: SQLCipher with its libcrypto, zstd, the TLS provider. A prefix, since some carry
/// their version in the name.
const C_LIBRARIES: &[(&str, &str)] = &[
    ("sqlite3", "SQLCipher"),
    ("openssl", "libcrypto, which SQLCipher encrypts with"),
    ("zstd", "compression of saves"),
    ("aws_lc_", "the TLS provider"),
    ("wasm_bindgen", "no C at all, and on a platform that sanad is not built for"),
    ("wsqlite3", "SQLite on a platform that sanad is not built for"),
];

/// Reads `cargo metadata`.
pub fn read(metadata: &str) -> anyhow::Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(metadata)?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let members: BTreeSet<_> = list(&metadata["workspace_members"]).iter().filter_map(text).collect();
    let is_linked = |edge: &Value| list(&edge["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
    let nodes: BTreeMap<_, _> = list(&metadata["resolve"]["nodes"])
        .iter()
        .map(|node| {
            let linked = list(&node["deps"]).into_iter().filter(is_linked).filter_map(|edge| text(&edge["pkg"]));
            (text(&node["id"]), linked.collect::<Vec<_>>())
        })
        .collect();
    list(&metadata["packages"])
        .iter()
        .map(|package| {
            let id = text(&package["id"]).context("a package has an id")?;
            Ok(Package {
                name: text(&package["name"]).context("a package has a name")?,
                licence: text(&package["license"]),
                source: text(&package["source"]),
                links: text(&package["links"]),
                direct: list(&package["dependencies"]).iter().filter_map(|edge| text(&edge["name"])).collect(),
                linked: nodes.get(&Some(id.clone())).cloned().unwrap_or_default(),
                is_member: members.contains(&id),
                id,
            })
        })
        .collect()
}

/// Members know only whom they may know, for tests too.
pub fn direction(packages: &[Package]) -> Findings {
    let members: BTreeSet<_> = packages.iter().filter(|package| package.is_member).map(|p| p.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in packages.iter().filter(|package| package.is_member) {
        let Some((_, allowed)) = DIRECTION.iter().find(|(name, _)| *name == package.name) else {
            findings.push(format!("{} has no place in the direction of crates", package.name));
            continue;
        };
        let known = package.direct.iter().filter(|name| members.contains(name.as_str()));
        findings.extend(
            known
                .filter(|name| !allowed.contains(&name.as_str()))
                .map(|name| format!("{} must not depend on {name}", package.name)),
        );
    }
    findings
}

/// Nothing that reaches out of the process stands under a pure crate.
pub fn purity(packages: &[Package]) -> Findings {
    let by_id: BTreeMap<_, _> = packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let mut findings = Vec::new();
    for root in packages.iter().filter(|package| package.is_member && PURE.contains(&package.name.as_str())) {
        let mut seen = BTreeSet::new();
        let mut next = vec![root];
        while let Some(package) = next.pop() {
            if !seen.insert(package.id.as_str()) {
                continue;
            }
            for below in package.linked.iter().filter_map(|id| by_id.get(id.as_str())) {
                if IMPURE.contains(&below.name.as_str()) {
                    findings.push(format!("{} stands on {} through {}", root.name, below.name, package.name));
                }
                next.push(below);
            }
        }
    }
    findings
}

/// Every crate that is not ours comes from the registry, so that the lock file's checksums hold it.
pub fn origin(packages: &[Package]) -> Findings {
    let foreign = |package: &&Package| !package.is_member && package.source.as_deref() != Some(REGISTRY);
    packages
        .iter()
        .filter(foreign)
        .map(|package| format!("{} comes from {}", package.name, package.source.as_deref().unwrap_or("a folder")))
        .collect()
}

/// No banned crate is built.
pub fn banned(built: &BTreeSet<String>) -> Findings {
    let found = BANNED.iter().filter(|(name, _)| built.contains(*name));
    found.map(|(name, why)| format!("{name} is banned: {why}")).collect()
}

/// Only the named native libraries are linked.
pub fn c_libraries(packages: &[Package], built: &BTreeSet<String>) -> Findings {
    let linking = packages.iter().filter(|package| built.contains(&package.name));
    linking
        .filter_map(|package| Some((package, package.links.as_deref()?)))
        .filter(|(_, links)| !C_LIBRARIES.iter().any(|(allowed, _)| links.starts_with(allowed)))
        .map(|(package, links)| format!("{} links {links}: decisions/0001 names the C libraries", package.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, linked: &[&str]) -> Package {
        Package {
            id: name.to_owned(),
            name: name.to_owned(),
            direct: linked.iter().map(|name| (*name).to_owned()).collect(),
            linked: linked.iter().map(|name| (*name).to_owned()).collect(),
            source: Some(REGISTRY.to_owned()),
            ..Package::default()
        }
    }

    fn member(name: &str, linked: &[&str]) -> Package {
        Package { is_member: true, source: None, ..package(name, linked) }
    }

    #[test]
    fn a_crate_that_looks_up_is_found() {
        let upright =
            [member("sanad-log", &["blake3"]), member("sanad-record", &["sanad-log"]), package("blake3", &[])];
        assert_eq!(direction(&upright), Findings::new());
        let bent = [member("sanad-log", &["sanad-record"]), member("sanad-record", &[])];
        assert_eq!(direction(&bent), ["sanad-log must not depend on sanad-record"]);
        assert_eq!(direction(&[member("sanad-new", &[])]).len(), 1, "a new crate must be given its place");
    }

    #[test]
    fn an_impure_crate_is_found_however_deep() {
        let clean = [member("sanad-log", &["a"]), package("a", &["b"]), package("b", &["a"])];
        assert_eq!(purity(&clean), Findings::new(), "a circle ends");
        let deep = [member("sanad-log", &["a"]), package("a", &["tokio"]), package("tokio", &[])];
        assert_eq!(purity(&deep), ["sanad-log stands on tokio through a"]);
        let elsewhere = [member("sanad-node", &["tokio"]), package("tokio", &[])];
        assert_eq!(purity(&elsewhere), Findings::new());
    }

    #[test]
    fn a_crate_from_elsewhere_is_found() {
        assert_eq!(origin(&[member("sanad-log", &[]), package("a", &[])]), Findings::new());
        let git = Package { source: Some("git+https://example.org/a".to_owned()), ..package("a", &[]) };
        let path = Package { source: None, ..package("b", &[]) };
        assert_eq!(origin(&[git, path]), ["a comes from git+https://example.org/a", "b comes from a folder"]);
    }

    #[test]
    fn banned_crates_and_other_c_libraries_are_found() {
        let built = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(banned(&built(&["rustls", "openssl-sys"])), Findings::new());
        assert_eq!(banned(&built(&["openssl", "ring"])).len(), 2);
        let links = |name: &str, links: &str| Package { links: Some(links.to_owned()), ..package(name, &[]) };
        let packages = [links("aws-lc-sys", "aws_lc_0_47_0"), links("curl-sys", "curl"), links("zlib-sys", "z")];
        let findings = c_libraries(&packages, &built(&["aws-lc-sys", "curl-sys"]));
        assert_eq!(findings.len(), 1, "{findings:?}: zlib-sys is not built");
    }

    #[test]
    fn metadata_is_read() {
        let text = r#"{"packages": [{"id": "a 1", "name": "a", "license": "MIT", "source": null, "links": null,
            "dependencies": [{"name": "b"}, {"name": "c"}]}, {"id": "b 1", "name": "b", "source": "registry"}],
            "workspace_members": ["a 1"], "resolve": {"nodes": [{"id": "a 1", "deps": [
            {"pkg": "b 1", "dep_kinds": [{"kind": null}]}, {"pkg": "c 1", "dep_kinds": [{"kind": "dev"}]}]}]}}"#;
        let packages = read(text).expect("metadata");
        assert_eq!((packages[0].is_member, packages[1].is_member), (true, false));
        assert_eq!(packages[0].linked, ["b 1"], "a development dependency is not linked");
        assert_eq!(packages[0].direct.len(), 2);
    }
}
