//! `sanad token`: bearer tokens of the FHIR interface, made, listed and taken back.

use crate::say::{self, Trouble};
use anyhow::Result;
use sanad_node::site::Site;
use sanad_node::tokens::{NewToken, Token};
use sanad_web::api::{ROLES, is_scope};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What is to be done.
#[derive(Clone, Serialize, Deserialize)]
pub enum Operation {
    /// Make one.
    Make {
        /// Of [`ROLES`].
        role: String,
        /// Instead of the role's own.
        scopes: Vec<String>,
        /// For one patient.
        patient: Option<String>,
        /// Until it ends by itself.
        days: Option<u32>,
    },
    /// Show all, none of them in words that open anything.
    List,
    /// Take one back.
    Revoke {
        /// Its id.
        id: String,
    },
}

/// Carries it out.
pub async fn run(site: &Site, operation: &Operation) -> Result<(u8, Value)> {
    match operation {
        Operation::Make { role, scopes, patient, days } => {
            let Some((_, own)) = ROLES.iter().find(|(name, _)| name == role) else {
                return Err(Trouble::BadRole(role.clone()).into());
            };
            if let Some(bad) = scopes.iter().find(|scope| !is_scope(scope)) {
                return Err(Trouble::BadScope(bad.clone()).into());
            }
            let scopes = match (scopes.is_empty(), patient) {
                (false, _) => scopes.clone(),
                // What the role may do, for this patient alone.
                (true, Some(_)) => own.iter().map(|scope| scope.replacen("user/", "patient/", 1)).collect(),
                (true, None) => own.iter().map(|scope| (*scope).to_owned()).collect(),
            };
            let new = NewToken { role: role.clone(), scopes, patient: patient.clone(), days: *days };
            let (secret, token) = site.make_token(new).await?;
            let mut value = shown(&token);
            value["token"] = secret.into();
            Ok((0, value))
        }
        Operation::List => {
            let tokens: Vec<Value> = site.list_tokens().iter().map(|token| shown(token)).collect();
            Ok((0, json!({ "tokens": tokens })))
        }
        Operation::Revoke { id } => match site.revoke_token(id).await? {
            true => Ok((0, json!({ "revoked": id }))),
            false => Err(Trouble::UnknownToken(id.clone()).into()),
        },
    }
}

fn shown(token: &Token) -> Value {
    json!({
        "id": token.id,
        "role": token.role,
        "scopes": token.scopes,
        "patient": token.patient,
        "created_ms": token.created_ms,
        "ends_ms": token.ends_ms,
        "revoked": token.is_revoked,
    })
}

/// The result for people.
pub fn in_words(operation: &Operation, result: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut out = String::new();
    match operation {
        Operation::Make { .. } => {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{}", text(&result["token"]));
            let _ = writeln!(out, "{}", say::text("token-made", &[("id", text(&result["id"]))]));
        }
        Operation::List => {
            for token in result["tokens"].as_array().into_iter().flatten() {
                let scopes: Vec<&str> =
                    token["scopes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                let state = if token["revoked"] == true { say::text("token-revoked", &[]) } else { String::new() };
                let _ =
                    writeln!(out, "{}  {:<12}{}  {state}", text(&token["id"]), text(&token["role"]), scopes.join(" "));
            }
            if out.is_empty() {
                let _ = writeln!(out, "{}", say::text("token-none", &[]));
            }
        }
        Operation::Revoke { id } => {
            let _ = writeln!(out, "{}", say::text("token-taken-back", &[("id", id.clone())]));
        }
    }
    out
}
