//! What comes along with the matches: what they refer to, and what refers to them.

use super::Finder;
use crate::error::StoreError;
use crate::index::{atom_number, target_hash};
use crate::resources::Resource;
use sanad_record::json;
use sanad_record::search::{Include, Param, ParamKind, Query, Reference, Use, Value, table_of, values_of_param};
use std::collections::BTreeSet;

/// Most resources that come along on one page.
const INCLUDED_MAX: usize = 2_000;
/// How often what came along may bring more.
const ROUNDS_MAX: usize = 8;

/// What is gathered.
struct Gathered {
    /// Numbers of the matches and of what came along.
    seen: BTreeSet<u32>,
    included: Vec<Resource>,
    is_all: bool,
}

impl Finder<'_> {
    /// What comes along with a page, and whether that is all of it.
    pub(super) fn included(
        &self,
        query: &Query,
        matches: &[(u32, Resource)],
    ) -> Result<(Vec<Resource>, bool), StoreError> {
        let mut gathered =
            Gathered { seen: matches.iter().map(|(n, _)| *n).collect(), included: Vec::new(), is_all: true };
        if query.includes.is_empty() {
            return Ok((gathered.included, true));
        }
        for (_, resource) in matches {
            self.include(&query.includes, resource, &mut gathered)?;
        }
        let again: Vec<Include> = query.includes.iter().filter(|include| include.iterate).cloned().collect();
        let mut done = 0;
        for _ in 0..ROUNDS_MAX {
            let until = gathered.included.len();
            if again.is_empty() || done == until {
                break;
            }
            for at in done..until {
                let resource = gathered.included[at].clone();
                self.include(&again, &resource, &mut gathered)?;
            }
            done = until;
        }
        Ok((gathered.included, gathered.is_all))
    }

    fn include(&self, includes: &[Include], resource: &Resource, gathered: &mut Gathered) -> Result<(), StoreError> {
        for include in includes {
            let found =
                if include.reverse { self.referring(include, resource)? } else { self.referred(include, resource)? };
            for n in found {
                if gathered.seen.contains(&n) {
                    continue;
                }
                if gathered.included.len() >= INCLUDED_MAX {
                    gathered.is_all = false;
                    return Ok(());
                }
                let may_come = |resource: &Resource| {
                    let seen = self.sight.map(|sight| sight.read.get(&*resource.key.resource_type));
                    seen.is_none_or(|seen| seen.is_some_and(|seen| seen.shows(&resource.patients)))
                };
                // What may not come along brings nothing along either.
                if let Some(resource) = self.load(n)?.filter(may_come) {
                    gathered.seen.insert(n);
                    gathered.included.push(resource);
                }
            }
        }
        Ok(())
    }

    /// What a resource refers to.
    fn referred(&self, include: &Include, resource: &Resource) -> Result<Vec<u32>, StoreError> {
        let kind = &*resource.key.resource_type;
        if include.source.is_some_and(|source| source != kind) {
            return Ok(Vec::new());
        }
        let (Some(table), Some(Ok(node))) = (table_of(kind), resource.raw.as_deref().map(json::parse)) else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for param in table.params.values().filter(|param| is_wanted(include, param)) {
            for value in values_of_param(table, param, &node) {
                if let Value::Reference(Reference::Local(kind, id)) = value
                    && include.target.is_none_or(|target| target == kind)
                {
                    found.extend(self.number_of(&kind, &id)?);
                }
            }
        }
        Ok(found)
    }

    /// What refers to a resource.
    fn referring(&self, include: &Include, resource: &Resource) -> Result<Vec<u32>, StoreError> {
        if include.target.is_some_and(|target| target != resource.key.resource_type) {
            return Ok(Vec::new());
        }
        let to = Reference::Local(resource.key.resource_type.clone(), resource.key.id.clone());
        let sources = match include.source {
            Some(source) => vec![source],
            None => self.types()?,
        };
        let mut found = Vec::new();
        for source in sources {
            let Some(table) = table_of(source) else { continue };
            for param in table.params.values().filter(|param| is_wanted(include, param)) {
                let leads_here = |used: &&Use| used.only.is_none_or(|only| only == resource.key.resource_type);
                for used in param.uses.iter().filter(leads_here) {
                    found.extend(&self.leading_to(atom_number(source, used.atom)?, target_hash(&to))?);
                }
            }
        }
        Ok(found)
    }
}

fn is_wanted(include: &Include, param: &Param) -> bool {
    param.kind == ParamKind::Reference && include.param.is_none_or(|wanted| wanted.code == param.code)
}
