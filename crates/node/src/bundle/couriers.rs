//! What was given to which courier. It explains where a record may be on its way to; it lowers no gauge.

use crate::site::{Site, SiteError};
use sanad_log::frontier::Frontier;
use sanad_log::ids::FacilityId;
use sanad_store::{Store, StoreError};

/// Most bundles remembered; the oldest is forgotten first. A courier a day for half a year.
pub const BUNDLES_OUT_MAX: usize = 200;
/// Prefix of the stored rows.
const KEY: &str = "bundle/";

/// A bundle that left this site.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BundleOut {
    /// Its name, derived from its first bytes.
    pub id: [u8; 16],
    /// When it was last written, milliseconds since 1970 by this site's clock.
    pub written_ms: u64,
    /// For whom; `None` for whoever reads it.
    pub site: Option<FacilityId>,
    /// The entries in it.
    pub holds: Frontier,
}

fn key(id: &[u8; 16]) -> String {
    format!("{KEY}{}", FacilityId(*id))
}

impl BundleOut {
    fn encode(&self) -> Vec<u8> {
        let site = self.site.map_or([0; 16], |site| site.0);
        [self.written_ms.to_be_bytes().as_slice(), &site, &self.holds.encode(&[])].concat()
    }

    fn decode(name: &str, value: &[u8]) -> Option<BundleOut> {
        // Hexadecimal of sixteen bytes, as a facility's.
        let id = FacilityId::from_hex(name.strip_prefix(KEY)?)?.0;
        let (when, rest) = value.split_first_chunk::<8>()?;
        let (site, holds) = rest.split_first_chunk::<16>()?;
        Some(BundleOut {
            id,
            written_ms: u64::from_be_bytes(*when),
            site: Some(FacilityId(*site)).filter(|_| *site != [0; 16]),
            holds: Frontier::decode(holds, &[]).ok()?,
        })
    }
}

fn all(store: &Store) -> Result<Vec<BundleOut>, StoreError> {
    let rows = store.list_state(KEY)?;
    let mut out: Vec<_> = rows.iter().filter_map(|(name, value)| BundleOut::decode(name, value)).collect();
    out.sort_by_key(|bundle| std::cmp::Reverse((bundle.written_ms, bundle.id)));
    Ok(out)
}

impl Site {
    /// Bundles that left this site and hold entries, newest first; at most [`BUNDLES_OUT_MAX`] are remembered.
    ///
    /// # Errors
    /// The site is being closed, or the store cannot be read.
    pub async fn bundles_out(&self) -> Result<Vec<BundleOut>, SiteError> {
        let mut all = self.look(|_, store| all(store)).await??;
        all.retain(|bundle| bundle.holds.count() > 0);
        Ok(all)
    }

    /// Remembers a bundle, in the place of what was remembered of it.
    pub(crate) async fn note_bundle(&self, bundle: BundleOut) -> Result<(), SiteError> {
        let noted = self.look(move |_, store| {
            store.put_state(&key(&bundle.id), Some(&bundle.encode()))?;
            for old in all(store)?.iter().skip(BUNDLES_OUT_MAX) {
                store.put_state(&key(&old.id), None)?;
            }
            Ok::<_, StoreError>(())
        });
        Ok(noted.await??)
    }

    /// True if this site began a bundle of this name, even one of which no chunk can be read.
    pub(super) async fn is_bundle_of_ours(&self, id: [u8; 16]) -> Result<bool, SiteError> {
        Ok(self.look(move |_, store| store.get_state(&key(&id))).await??.is_some())
    }
}
