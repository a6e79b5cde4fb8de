//! What is saved: resources of synthetic patients, and small edits of them.

use anyhow::{Context as _, Result, bail};
use sanad_drill::synth::{Generator, Profile};
use sanad_node::save::{Change, SaveRequest};
use sanad_node::site::Site;
use sanad_record::key::ResourceKey;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// The passphrase of every site that is measured.
pub const PASSPHRASE: &str = "correct horse battery staple";
/// Saves under way at once while a site is filled.
const LOADERS: usize = 32;

/// One resource.
#[derive(Clone)]
pub struct Resource {
    pub key: ResourceKey,
    pub raw: Vec<u8>,
}

/// The first `count` resources that a seed gives, patient by patient.
pub fn resources(seed: u64, count: usize) -> Result<Vec<Resource>> {
    let patients = Generator::new(Profile::Ghouta2018, seed, "2018-02-24");
    let resources = patients.flat_map(|patient| patient.resources).take(count);
    resources
        .map(|resource| {
            Ok(Resource { key: ResourceKey::new(resource.resource_type, resource.id)?, raw: resource.json })
        })
        .collect()
}

/// Their mean size in bytes.
pub fn mean_bytes(resources: &[Resource]) -> f64 {
    resources.iter().map(|resource| resource.raw.len()).sum::<usize>() as f64 / resources.len().max(1) as f64
}

/// A small edit: a measured value or a status if there is one, else a remark.
pub fn edited(resource: &Resource) -> Result<Resource> {
    let mut value: Value = serde_json::from_slice(&resource.raw)?;
    if let Some(Value::Number(measured)) = value.pointer_mut("/valueQuantity/value") {
        *measured = serde_json::Number::from(measured.as_f64().unwrap_or_default() as i64 + 1);
    } else if value["status"].is_string() {
        value["status"] = "entered-in-error".into();
    } else {
        value["language"] = "ar".into();
    }
    Ok(Resource { key: resource.key.clone(), raw: serde_json::to_vec(&value)? })
}

/// Saves one resource by itself.
pub async fn save(site: &Site, resource: Resource) -> Result<()> {
    let change = Change { key: resource.key, raw: Some(resource.raw), about: None, follows: None };
    site.save(SaveRequest { changes: vec![change], idempotency: None, by: Some("Nurse 4".to_owned()) }).await?;
    Ok(())
}

/// Saves each resource by itself, many at once.
pub async fn save_all(site: &Site, resources: Vec<Resource>) -> Result<()> {
    let resources = Arc::new(resources);
    let next = Arc::new(AtomicUsize::new(0));
    let mut loaders = JoinSet::new();
    for _ in 0..LOADERS {
        let (site, resources, next) = (site.clone(), resources.clone(), next.clone());
        loaders.spawn(async move {
            while let Some(resource) = resources.get(next.fetch_add(1, Ordering::Relaxed)) {
                save(&site, resource.clone()).await?;
            }
            Ok::<_, anyhow::Error>(())
        });
    }
    while let Some(done) = loaders.join_next().await {
        done??;
    }
    Ok(())
}

/// Opens a folder that no process serves, saves, and closes it again.
pub async fn save_into(dir: &Path, resources: Vec<Resource>) -> Result<()> {
    let site = Site::open(dir, PASSPHRASE, Duration::ZERO).context("opening a site to fill it")?;
    save_all(&site, resources).await?;
    site.close().await;
    Ok(())
}

/// An empty folder of this name.
pub fn fresh_dir(parent: &Path, name: &str) -> Result<std::path::PathBuf> {
    let dir = parent.join(name);
    match std::fs::remove_dir_all(&dir) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => bail!("{}: {error}", dir.display()),
    }
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}
